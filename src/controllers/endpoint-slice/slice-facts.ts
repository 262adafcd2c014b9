/** Names and comparisons of EndpointSlices that their controllers share; pure. */
import { jsonEqual } from '../../base/json.ts';
import { objectKey } from '../../schemas/object.ts';
import type { Endpoint, EndpointSlice, SlicePort } from '../../schemas/types.ts';

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const SLICE_CONTROLLER = 'endpointslice-controller.k8s.io';
export const MIRRORING_CONTROLLER = 'endpointslicemirroring-controller.k8s.io';

/** The key of the Service that a slice belongs to, if this manager made the slice. */
export function serviceKeyOf({ metadata }: EndpointSlice, manager: string): readonly string[] {
  const { namespace, labels = {} } = metadata;
  const name = labels[SERVICE_NAME_LABEL];
  return name && labels[MANAGED_BY_LABEL] === manager ? [objectKey(namespace, name)] : [];
}

export const isOfManager = (slice: EndpointSlice, manager: string): boolean =>
  serviceKeyOf(slice, manager).length > 0;

/** Slices with equal ports hold endpoints together. The ports are in their stored order. */
export const portsKey = (ports: EndpointSlice['ports']): string =>
  JSON.stringify(
    (ports ?? []).map(({ name = '', port, protocol = 'TCP', appProtocol }: SlicePort) => [
      name,
      port,
      protocol,
      appProtocol,
    ]),
  );

/** Endpoints are never changed, and compared at every reconcile of their Service. */
const identities = new WeakMap<Endpoint, string>();

/** The identity of an endpoint; all else is its state. */
export function identityOf(endpoint: Endpoint): string {
  let identity = identities.get(endpoint);
  if (identity === undefined) {
    const { addresses, hostname = '', targetRef } = endpoint;
    const { namespace = '', name = '' } = targetRef ?? {};
    identity = `${[...addresses].sort().join(',')} ${hostname} ${namespace}/${name}`;
    identities.set(endpoint, identity);
  }
  return identity;
}

/** Whether two endpoints of one identity are in one state. Hints are decided apart. */
export const sameState = (a: Endpoint, b: Endpoint): boolean =>
  a.nodeName === b.nodeName &&
  a.zone === b.zone &&
  a.conditions?.ready === b.conditions?.ready &&
  a.conditions?.serving === b.conditions?.serving &&
  a.conditions?.terminating === b.conditions?.terminating &&
  jsonEqual(a.targetRef, b.targetRef);
