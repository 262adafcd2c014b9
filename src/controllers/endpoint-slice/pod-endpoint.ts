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

/** A pod in the slices of a Service. */
export interface PodEndpoint extends PortSet {
  readonly endpoint: Endpoint;
}

export interface PortSet {
  /** Equal for pods that serve the same ports. */
  readonly key: string;
  readonly ports: readonly SlicePort[];
}

type Prepared = ReadonlyMap<AddressType, PodEndpoint>;

/** Pods and Services are never changed, and most of both are as at the last reconcile. */
const prepared = new WeakMap<Service, WeakMap<Pod, { readonly zone: string; readonly of: Prepared }>>();

/** Undefined: the pod has no address of this type. */
export function podEndpointOf(
  service: Service,
  pod: Pod,
  node: Node | undefined,
  type: AddressType,
): PodEndpoint | undefined {
  const zone = node?.metadata.labels?.[ZONE_LABEL] ?? '';
  let pods = prepared.get(service);
  if (!pods) prepared.set(service, (pods = new WeakMap()));
  let found = pods.get(pod);
  if (found?.zone !== zone) pods.set(pod, (found = { zone, of: prepare(service, pod, zone) }));
  return found.of.get(type);
}

function prepare(service: Service, pod: Pod, zone: string): Prepared {
  const set = portSetOf(service, pod);
  return new Map(
    addressTypesOf(service).flatMap((type) => {
      const endpoint = endpointOf(service, pod, zone, type);
      return endpoint ? [[type, { ...set, endpoint }] as const] : [];
    }),
  );
}

function endpointOf(service: Service, pod: Pod, zone: string, type: AddressType): Endpoint | undefined {
  const addresses = addressesOf(pod).flatMap(({ family, ip, refused }) =>
    family === type && refused === undefined ? [ip] : [],
  );
  if (addresses.length === 0) return undefined;
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = hostnameIn(service, pod);
  const { name, namespace = '', uid = '' } = pod.metadata;
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(zone === '' ? {} : { zone }),
  };
}

/** Named ports mean what the pod's containers say. */
function portSetOf({ spec: { ports = [] } }: Service, pod: Pod): PortSet {
  const slicePorts = ports.flatMap((servicePort): SlicePort[] => {
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    const port = findPort(pod, servicePort);
    if (port === undefined) return [];
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
  const sorted = sortSlicePorts(slicePorts);
  return { key: portsKey([...sorted]), ports: sorted };
}
