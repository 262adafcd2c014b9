/** Answers the questions of the node authoriser from the caches, without waiting for them. */
import { ingressSelector } from '../../schemas/networking/ingress-classes.ts';
import { ownGateways } from '../../schemas/gateway/gateway-classes.ts';
import { mayRefer } from '../../schemas/gateway/references.ts';
import { secretsOfGateway } from '../../schemas/gateway/route-references.ts';
import type { Gateway, ReferenceGrant } from '../../schemas/gateway/types.ts';
import { GROUP } from '../../schemas/kinds/gateway-api/parts.ts';
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
    async isGatewaySecret(namespace, name) {
      const group = GROUP;
      const classes = await cacheOf('gatewayclasses', group);
      const gateways = (await cacheOf('gateways', group)) as ResourceCache<Gateway>;
      const named = ownGateways(gateways.list(), (of) => classes.get(of)).filter((gateway) =>
        secretsOfGateway(gateway).includes(objectKey(namespace, name)),
      );
      const grants = (await cacheOf('referencegrants', group)) as ResourceCache<ReferenceGrant>;
      const to = { group: '', kind: 'Secret', namespace, name };
      return named.some(({ metadata }) =>
        mayRefer(grants.list(), { group, kind: 'Gateway', namespace: metadata.namespace ?? '' }, to),
      );
    },
    secret: async (namespace, name) => (await cacheOf('secrets')).get(objectKey(namespace, name)),
    node: async (name) => (await cacheOf('nodes')).get(name),
    signingRequest: async (name) =>
      (await cacheOf('certificatesigningrequests', 'certificates.k8s.io')).get(name),
  };
}
