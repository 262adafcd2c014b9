/**
 * The one table of objects that are stored and shown though nothing acts on them yet. The API warns
 * whoever writes one; the sync says it in the Application's conditions and in the commit status.
 */
import { getPath } from './json-access.ts';
import type { KubeObject } from './object.ts';
import type { ResourceKind } from './resource-kind.ts';

/** The effect that users miss of the object; undefined where it has all of its effects. */
export function missingBehaviour(kind: ResourceKind, object: KubeObject): string | undefined {
  if (HOLDS_ADDRESSES.has(`${kind.group}/${kind.kind}`)) return NOWHERE;
  return kind.missing ?? kind.idle ?? (isService(kind) ? missingOfService(object) : undefined);
}

/** Controllers keep them for Services that select pods. Clients write others. */
const HOLDS_ADDRESSES: ReadonlySet<string> = new Set(['/Endpoints', 'discovery.k8s.io/EndpointSlice']);
const NOWHERE = 'traffic to Services is not routed yet, so addresses given by hand lead nowhere';

/** Whether the object is a Service that takes traffic to pods. */
export function isRouted(kind: ResourceKind, object: KubeObject): boolean {
  return isService(kind) && typeOf(object) !== 'ExternalName';
}

/** Addresses and ports are allocated; nothing acts on them. */
function missingOfService(service: KubeObject): string {
  switch (typeOf(service)) {
    case 'LoadBalancer':
      return 'load balancers get no address yet';
    case 'ExternalName':
      return 'names of other hosts are not resolved yet';
    default:
      return 'traffic to Services is not routed yet';
  }
}

const typeOf = (service: KubeObject): unknown => getPath(service, 'spec', 'type');
const isService = ({ group, kind }: ResourceKind): boolean => group === '' && kind === 'Service';
