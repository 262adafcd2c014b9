/**
 * The one table of objects that are stored and shown though nothing acts on them yet. The API warns
 * whoever writes one; the sync says it in the Application's conditions and in the commit status.
 */
import { getPath } from './json-access.ts';
import type { KubeObject } from './object.ts';
import type { ResourceKind } from './resource-kind.ts';

/** The effect that users miss of the object; undefined where it has all of its effects. */
export function missingBehaviour(kind: ResourceKind, object: KubeObject): string | undefined {
  return kind.missing ?? kind.idle ?? (isService(kind) ? missingOfService(object) : undefined);
}

/** Agents lead traffic to the Service's address in the cluster and to its node ports. */
function missingOfService(service: KubeObject): string | undefined {
  switch (typeOf(service)) {
    case 'LoadBalancer':
      return 'load balancers get no address yet';
    case 'ExternalName':
      return 'names of other hosts are not resolved yet';
    default:
      return undefined;
  }
}

const typeOf = (service: KubeObject): unknown => getPath(service, 'spec', 'type');
const isService = ({ group, kind }: ResourceKind): boolean => group === '' && kind === 'Service';
