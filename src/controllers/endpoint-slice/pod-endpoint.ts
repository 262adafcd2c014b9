/** A pod as an endpoint of a slice; pure. */
import type { Endpoint, Node, Pod, Service, SlicePort } from '../../schemas/types.ts';
import { addressesOf, findPort, hostnameIn, mayBeEndpoint, readySince } from '../endpoints/endpoint-facts.ts';
import type { PodFact } from '../endpoints/known-pods.ts';
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

/** The zones of all nodes by their names; '' where a node has none. */
export type NodeZones = ReadonlyMap<string, string>;

export const zonesOf = (nodes: readonly Node[]): NodeZones =>
  new Map(nodes.map(({ metadata: { name, labels } }) => [name, labels?.[ZONE_LABEL] ?? '']));

export interface SliceFact extends PodFact {
  /** The reason why a pod with an address is left out, in whole or in part. */
  readonly skipped?: string;
  /** The types that are absent are those of which the pod has no address. */
  readonly endpoints?: Readonly<Partial<Record<AddressType, PodEndpoint>>>;
}

export function sliceFactOf(service: Service, pod: Pod, zones: NodeZones): SliceFact {
  const since = { readySince: readySince(pod) };
  if (!mayBeEndpoint(pod)) return since;
  const { nodeName = '' } = pod.spec;
  const zone = zones.get(nodeName);
  const { namespace = '', name } = service.metadata;
  const skipping = `skipping Pod ${pod.metadata.name} for Service ${namespace}/${name}`;
  // A pod of a deleted node is no endpoint, unless the Service publishes unready addresses.
  if (zone === undefined && !service.spec.publishNotReadyAddresses)
    return { ...since, skipped: `${skipping}: Node ${nodeName} Not Found` };
  const refused = addressesOf(pod).find((address) => address.refused !== undefined);
  const set = portSetOf(service, pod);
  const endpoints: Partial<Record<AddressType, PodEndpoint>> = {};
  for (const type of addressTypesOf(service)) {
    const endpoint = endpointOf(service, pod, zone ?? '', type);
    if (endpoint) endpoints[type] = { ...set, endpoint };
  }
  return {
    ...since,
    endpoints,
    ...(refused ? { skipped: `${skipping}: address ${refused.ip} ${refused.refused ?? ''}` } : {}),
  };
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
