/**
 * 13. Isolation. Every request of a node that the API let through concerns its own Node and Lease,
 *     its own pods, and what these name. Judged by the ledger, not by the authorizer.
 */
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { PersistentVolumeClaim, Pod } from '../../../src/schemas/types.ts';
import type { NodeAccess } from '../../support/sim-node-client.ts';
import type { SimWorld } from '../../support/sim-world.ts';
import type { Checker } from './types.ts';

/** Everybody may read them. */
const OPEN: ReadonlySet<string> = new Set([
  'services',
  'runtimeclasses.node.k8s.io',
  'clusterstate.symphony.dev',
]);

export const isolation: Checker = {
  invariant: 13,
  attach({ world, report }) {
    /** Pods by the node that they were bound to, gone ones included: a request may trail them. */
    const podsOf = new Map<string, Map<string, Pod>>();
    world.ledger.onEvent(({ resource, object }) => {
      const pod = object as Pod;
      if (resource !== 'pods' || !pod.spec.nodeName) return;
      const pods = podsOf.get(pod.spec.nodeName) ?? new Map<string, Pod>();
      podsOf.set(pod.spec.nodeName, pods.set(pod.metadata.uid ?? '', pod));
    });
    world.onAccess((access) => {
      const pods = [...(podsOf.get(access.node)?.values() ?? [])];
      if (isOwn(world, pods, access)) return;
      const { node, verb, resource, subresource, namespace, name } = access;
      const target = [namespace, name].filter((part) => part !== undefined).join('/') || 'all';
      report(13, `node ${node} could ${verb} ${resource}${subresource ? `/${subresource}` : ''} ${target}`);
    });
  },
};

function isOwn({ ledger }: SimWorld, pods: readonly Pod[], access: NodeAccess): boolean {
  const { node, verb, resource, namespace, name = '', items } = access;
  const isRead = ['get', 'list', 'watch'].includes(verb);
  const isList = isRead && verb !== 'get';
  const among = pods.filter((pod) => pod.metadata.namespace === namespace);
  const isNamed = (): boolean =>
    isList ? items.every((item) => names(among, item.metadata.name)) : verb === 'get' && names(among, name);
  switch (resource) {
    case 'nodes':
      return (
        verb === 'create' || (isList ? items.every((item) => item.metadata.name === node) : name === node)
      );
    case 'leases.coordination.k8s.io':
      return namespace === 'kube-node-lease' && (verb === 'create' || name === node);
    case 'pods':
      return isList
        ? items.every((item) => (item as Pod).spec.nodeName === node)
        : among.some(({ metadata }) => metadata.name === name);
    case 'configmaps':
    case 'secrets':
    case 'persistentvolumeclaims':
      return isNamed();
    case 'persistentvolumes':
      return isList
        ? items.every((item) => isOnNode(item, node))
        : isOnNode(ledger.objects('persistentvolumes').get(name), node) ||
            (verb === 'get' && isBound(ledger, pods, name));
    case 'serviceaccounts':
      return verb === 'create' && among.some(({ spec }) => (spec.serviceAccountName ?? 'default') === name);
    case 'nodes.symphony.dev':
      return name === node;
    case 'events':
      return !isRead;
    default:
      return isRead && OPEN.has(resource);
  }
}

/** A volume that went a moment ago tells nothing any more. */
const isOnNode = (volume: KubeObject | undefined, node: string): boolean =>
  volume === undefined || volume.metadata.labels?.['symphony.dev/node'] === node;

const names = (pods: readonly Pod[], name: string): boolean =>
  pods.some(({ spec }) => JSON.stringify(spec).includes(JSON.stringify(name)));

function isBound(ledger: SimWorld['ledger'], pods: readonly Pod[], volume: string): boolean {
  const claims = [...ledger.objects<PersistentVolumeClaim>('persistentvolumeclaims').values()];
  return claims.some(
    ({ metadata, spec }) =>
      spec.volumeName === volume &&
      names(
        pods.filter((pod) => pod.metadata.namespace === metadata.namespace),
        metadata.name,
      ),
  );
}
