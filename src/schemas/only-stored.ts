/**
 * The one table of objects that are stored and shown though nothing acts on them yet. The API warns whoever writes one; the
 * sync says it in the Application's conditions and in the commit status.
 */
import { getPath } from './json-access.ts';
import type { KubeObject } from './object.ts';
import type { ResourceKind } from './resource-kind.ts';

/** What users miss of the object; undefined where everything about it has its effect. */
export function missingBehaviour(kind: ResourceKind, object: KubeObject): string | undefined {
  return (
    kind.missing ??
    missingAddress(kind, object) ??
    (isService(kind) ? 'traffic to Services is not routed yet' : undefined)
  );
}

/** A Service that waits for what nobody does here. */
export function missingAddress(kind: ResourceKind, object: KubeObject): string | undefined {
  if (!isService(kind) || getPath(object, 'spec', 'type') !== 'LoadBalancer') return undefined;
  return 'load balancers get no address yet';
}

const isService = ({ group, kind }: ResourceKind): boolean => group === '' && kind === 'Service';
