/** Answers the questions of the node authoriser from the caches, without waiting for them. */
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import type { NodeLookup } from './node-authorizer.ts';

const BY_NODE = 'authz/node';

export function createNodeLookup(snapshots: Snapshots): NodeLookup {
  const cacheOf = async (plural: string, group = ''): Promise<ResourceCache> =>
    (await snapshots.open({ group, plural })).hub.cache;
  const podCache = async (): Promise<ResourceCache> => {
    const cache = await cacheOf('pods');
    // A no-op but for the first time.
    cache.addIndex(BY_NODE, (object: KubeObject) => {
      const node = (object as Pod).spec.nodeName;
      return node === undefined ? [] : [node];
    });
    return cache;
  };
  return {
    pod: async (namespace, name) => (await podCache()).get(objectKey(namespace, name)),
    podsOf: async (node) => (await podCache()).byIndex(BY_NODE, node),
    refresh: async () => (await snapshots.open({ group: '', plural: 'pods' })).refresh(),
    claim: async (namespace, name) =>
      (await cacheOf('persistentvolumeclaims')).get(objectKey(namespace, name)),
    signingRequest: async (name) =>
      (await cacheOf('certificatesigningrequests', 'certificates.k8s.io')).get(name),
  };
}
