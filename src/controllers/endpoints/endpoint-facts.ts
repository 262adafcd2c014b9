/** The pods that are endpoints of a Service, and their addresses and ports; pure. */
import { formatAddress, parseAddress } from '../../schemas/values/ip-address.ts';
import { endpointIp } from '../../schemas/validation/addresses.ts';
import type { Pod, PodSpec, Service, ServicePort } from '../../schemas/types.ts';
import { isTerminal, podCondition } from '../pod-facts.ts';

export const HEADLESS_LABEL = 'service.kubernetes.io/headless';

/** The labels of its pods. Undefined: the controllers leave the endpoints of the Service alone. */
export function podSelectorOf({ spec }: Service): Readonly<Record<string, string>> | undefined {
  const { type, selector } = spec;
  if (type === 'ExternalName' || !selector || Object.keys(selector).length === 0) return undefined;
  return selector;
}

export const isHeadless = ({ spec: { clusterIP = '' } }: Service): boolean =>
  clusterIP === '' || clusterIP === 'None';

/** Pods that have ended, or have no address yet, are never endpoints. */
export const mayBeEndpoint = (pod: Pod): boolean =>
  !isTerminal(pod) && (Boolean(pod.status?.podIP) || (pod.status?.podIPs ?? []).length > 0);

/** When the pod last became ready or unready; '' where nobody said. */
export const readySince = (pod: Pod): string => podCondition(pod, 'Ready')?.lastTransitionTime ?? '';

/** The name of the pod in DNS, below that of its Service. */
export const hostnameIn = ({ metadata }: Service, { spec }: Pod): string | undefined =>
  spec.hostname && spec.subdomain === metadata.name ? spec.hostname : undefined;

/** The number of the port in this pod. Undefined: no container has a port of this name. */
export function findPort({ spec }: Pod, { targetPort, port, protocol }: ServicePort): number | undefined {
  const target = targetPort ?? port;
  if (typeof target === 'number') return target;
  for (const container of portHolders(spec))
    for (const candidate of container.ports ?? [])
      if (candidate.name === target && (candidate.protocol ?? 'TCP') === (protocol ?? 'TCP'))
        return candidate.containerPort;
  return undefined;
}

/** Containers first, then sidecars: init containers that run on. */
export const portHolders = ({ containers, initContainers = [] }: PodSpec): PodSpec['containers'] => [
  ...containers,
  ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always'),
];

export interface PodAddress {
  readonly family: 'IPv4' | 'IPv6';
  /** In canonical form. */
  readonly ip: string;
  /** The reason why the API refuses such an address. */
  readonly refused?: string;
}

/** Statuses are never changed, and read at every reconcile of a Service. */
const read = new WeakMap<object, readonly PodAddress[]>();

export function addressesOf({ status }: Pod): readonly PodAddress[] {
  const ips = status?.podIPs;
  if (!ips) return [];
  let addresses = read.get(ips);
  if (!addresses) read.set(ips, (addresses = ips.flatMap(({ ip }) => readAddress(ip))));
  return addresses;
}

export function readAddress(text: string): readonly PodAddress[] {
  const address = parseAddress(text, 'sloppy');
  if (!address) return [];
  const ip = formatAddress(address);
  const [refused] = endpointIp(ip);
  return [{ family: address.family, ip, ...(refused === undefined ? {} : { refused }) }];
}
