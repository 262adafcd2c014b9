/** A pod as an endpoint of a slice; pure. */
import type { Endpoint, Node, Pod, Service, SlicePort } from '../../schemas/types.ts';
import { addressesOf, findPort, hostnameIn } from '../endpoints/endpoint-facts.ts';
import { sortSlicePorts } from '../endpoints/port-order.ts';
import { isReady } from '../pod-facts.ts';
import { portsKey } from './slice-facts.ts';

export const ZONE_LABEL = 'topology.kubernetes.io/zone';

export type AddressType = 'IPv4' | 'IPv6';

/** The types of slices that a Service has: one for each of its families. */
export function addressTypesOf({
  spec: { ipFamilies = [], clusterIP = '' },
}: Service): readonly AddressType[] {
  const types = (['IPv4', 'IPv6'] as const).filter((type) => ipFamilies.includes(type));
  if (types.length > 0) return types;
  return [clusterIP.includes(':') ? 'IPv6' : 'IPv4'];
}

/** Undefined: the pod has no address of this type. */
export function endpointOf(
  service: Service,
  pod: Pod,
  node: Node | undefined,
  type: AddressType,
): Endpoint | undefined {
  const addresses = addressesOf(pod).flatMap(({ family, ip, refused }) =>
    family === type && refused === undefined ? [ip] : [],
  );
  if (addresses.length === 0) return undefined;
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = hostnameIn(service, pod);
  const zone = node?.metadata.labels?.[ZONE_LABEL];
  const { name, namespace = '', uid = '' } = pod.metadata;
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(zone ? { zone } : {}),
  };
}

export interface PortSet {
  readonly key: string;
  readonly ports: readonly SlicePort[];
}

/**
 * The ports of pods, computed once for pods that agree: numbers are the same for all, and names
 * mean what the pod's containers say.
 */
export function portSets({ spec: { ports = [] } }: Service): (pod: Pod) => PortSet {
  const known = new Map<string, PortSet>();
  return (pod) => {
    const numbers = ports.map((port) => findPort(pod, port));
    const text = numbers.join(',');
    const found = known.get(text);
    if (found) return found;
    const slicePorts = ports.flatMap(({ name = '', protocol = 'TCP', appProtocol }, index): SlicePort[] => {
      const port = numbers[index];
      if (port === undefined) return [];
      return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
    });
    const sorted = sortSlicePorts(slicePorts);
    const set = { key: portsKey([...sorted]), ports: sorted };
    known.set(text, set);
    return set;
  };
}
