/** Answers the questions of the node authoriser from the caches, without waiting for them. */
import { ingressSelector } from '../../schemas/networking/ingress-classes.ts';
import type { Ingress } from '../../schemas/types.ts';
import { objectKey } from '../../schemas/object.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { NODE_INDEX } from '../../store/cache/indexes.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import type { NodeLookup } from './node-authorizer.ts';

export function createNodeLookup(snapshots: Snapshots): NodeLookup {
  const cacheOf = async (plural: string, group = ''): Promise<ResourceCache> =>
    snapshots.open({ group, plural });
  return {
    pod: async (namespace, name) => (await cacheOf('pods')).get(objectKey(namespace, name)),
    podsOf: async (node) => (await cacheOf('pods')).byIndex(NODE_INDEX, node),
    refresh: async () => (await cacheOf('pods')).refresh(),
    claim: async (namespace, name) =>
      (await cacheOf('persistentvolumeclaims')).get(objectKey(namespace, name)),
    volume: async (name) => (await cacheOf('persistentvolumes')).get(name),
    async ingresses(namespace) {
      const classes = await cacheOf('ingressclasses', 'networking.k8s.io');
      const isOurs = ingressSelector(classes.list());
      const all = (await cacheOf('ingresses', 'networking.k8s.io')).list(namespace);
      return (all as readonly Ingress[]).filter(isOurs);
    },
    secret: async (namespace, name) => (await cacheOf('secrets')).get(objectKey(namespace, name)),
    node: async (name) => (await cacheOf('nodes')).get(name),
    signingRequest: async (name) =>
      (await cacheOf('certificatesigningrequests', 'certificates.k8s.io')).get(name),
  };
}
