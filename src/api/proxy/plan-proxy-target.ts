/**
 * Chooses where a request to `pods/NAME/proxy` or `services/NAME/proxy` goes: always to a pod of
 * the request's namespace, at that pod's own address. NAME may be `NAME:PORT` or
 * `SCHEME:NAME:PORT`. Pure; throws the Status that the client gets.
 */
import { badRequest, failure, type StatusError } from '../../schemas/errors/status.ts';
import type { Endpoint, EndpointSlice, Pod, Service } from '../../schemas/types.ts';
import {
  isBroadcast,
  isLinkLocal,
  isLoopback,
  isMapped,
  isMulticast,
  isUnspecified,
  parseAddress,
} from '../../schemas/values/ip-address.ts';

export interface ProxyName {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number or a name; empty where the request names none. */
  readonly port: string;
}

/** Where a request goes: a port of a pod's own address. */
export interface ProxyBackend {
  readonly pod: Pod;
  readonly address: string;
  readonly port: number;
}

const DEFAULT_PORT = { http: 80, https: 443 } as const;

export function parseProxyName(text: string, kind: 'pod' | 'service' | 'node'): ProxyName {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] =
    parts.length === 3 ? parts : parts.length === 2 ? ['', ...parts] : ['', text];
  if (parts.length > 3 || name === '' || !['', 'http', 'https'].includes(scheme))
    throw badRequest(`invalid ${kind} request ${JSON.stringify(text)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

/** Without a port: the first that a container declares. */
export function planPodBackend(pod: Pod, wanted: ProxyName): ProxyBackend {
  const port = podProxyPort(pod, wanted);
  const address = pod.status?.podIP ?? '';
  if (!isProxyable(address)) throw badRequest('address not allowed');
  return { pod, address, port };
}

function podProxyPort({ spec }: Pod, { port, scheme }: ProxyName): number {
  const declared = spec.containers.flatMap(({ ports = [] }) => ports);
  if (port === '') return declared[0]?.containerPort ?? DEFAULT_PORT[scheme];
  if (/^\d+$/.test(port)) return validPort(port);
  const named = declared.find(({ name }) => name === port);
  if (!named) throw badRequest(`no port named ${JSON.stringify(port)} in the pod`);
  return named.containerPort;
}

const unavailable = (what: string, service: string): StatusError =>
  failure(503, 'ServiceUnavailable', `${what} for service ${JSON.stringify(service)}`, {});

/**
 * A ready endpoint of the service, chosen by `pick` in [0, 1). The service's slices may be made by
 * hand, but their addresses count only where they are those of a pod in the same namespace. `pods`
 * are all pods of the namespace. Throws 503 where there is no such endpoint.
 */
export function planServiceBackend(
  { metadata: { name }, spec }: Service,
  slices: readonly EndpointSlice[],
  pods: readonly Pod[],
  { port }: ProxyName,
  pick: number,
): ProxyBackend {
  const portName = servicePortName(spec.ports ?? [], port, name);
  const ready = slices.flatMap((slice) => {
    const number = (slice.ports ?? []).find((one) => isTcp(one) && (one.name ?? '') === portName)?.port;
    const endpoints = number === undefined ? [] : (slice.endpoints ?? []).filter(isReady);
    return endpoints.map((endpoint) => ({ endpoint, port: number ?? 0 }));
  });
  const first = Math.floor(pick * ready.length);
  for (const { endpoint, port: number } of [...ready.slice(first), ...ready.slice(0, first)]) {
    const [address = ''] = endpoint.addresses;
    const pod = isProxyable(address) ? podOf(endpoint, address, pods) : undefined;
    if (pod) return { pod, address, port: number };
  }
  throw unavailable('no endpoints available', name);
}

/** A slice names its ports as the service does. */
function servicePortName(
  ports: NonNullable<Service['spec']['ports']>,
  wanted: string,
  service: string,
): string {
  if (!/^\d+$/.test(wanted)) return wanted;
  const found = ports.find((port) => isTcp(port) && port.port === Number(wanted));
  if (!found) throw unavailable(`no service port ${wanted} found`, service);
  return found.name ?? '';
}

const isTcp = ({ protocol = 'TCP' }: { readonly protocol?: string }): boolean => protocol === 'TCP';

/** Unknown counts as ready. */
const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false;

/** The pod that an endpoint says it is, or the one with its address; none where neither is true. */
function podOf({ targetRef }: Endpoint, address: string, pods: readonly Pod[]): Pod | undefined {
  const hasAddress = ({ status }: Pod): boolean =>
    status?.podIP === address || (status?.podIPs ?? []).some(({ ip }) => ip === address);
  return pods.find(
    (pod) =>
      hasAddress(pod) &&
      (targetRef === undefined ||
        (targetRef.kind === 'Pod' &&
          targetRef.name === pod.metadata.name &&
          (targetRef.namespace ?? pod.metadata.namespace) === pod.metadata.namespace)),
  );
}

/** As upstream: an address that can be some other machine's, and never this one. */
function isProxyable(text: string): boolean {
  const address = parseAddress(text);
  if (!address) return false;
  return ![isLoopback, isLinkLocal, isMulticast, isUnspecified, isBroadcast, isMapped].some((is) =>
    is(address),
  );
}

function validPort(text: string): number {
  const port = Number(text);
  if (port < 1 || port > 65_535) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
}
