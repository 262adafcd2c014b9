/**
 * Choosing cluster IPs and node ports, pure: given what is taken, complete a Service or say why it
 * cannot be. Addresses are tried from a random start, so that one just freed is not handed out
 * again at once.
 */
import { formatIpv4 } from '../../base/cidr.ts';
import type { Rng } from '../../base/rng.ts';
import { withFamilies } from '../../schemas/defaults/service-families.ts';
import type { FieldError } from '../../schemas/errors/field-error.ts';
import type { Service } from '../../schemas/types.ts';
import { DNS_SERVICE, dnsAddressOf } from '../../schemas/services/dns-service.ts';
import { invalid } from '../../schemas/validation/report.ts';

/** The Service of the API. */
const API_SERVICE = 'default/kubernetes';

export interface AddressPlan {
  readonly service: Service;
  readonly errors: readonly FieldError[];
  /** Upstream takes it for a failure of its own that nothing is left, or a health check port is taken. */
  readonly failure?: string;
}

export interface AddressSpace {
  /** IPv4, `10.96.0.0/16`. */
  readonly serviceCidr: string;
  readonly nodePorts: { readonly from: number; readonly to: number };
}

export const defaultAddressSpace: AddressSpace = {
  serviceCidr: '10.96.0.0/16',
  nodePorts: { from: 30_000, to: 32_767 },
};

export interface TakenAddresses {
  readonly clusterIps: ReadonlySet<string>;
  /** One number is one port, whatever its protocol. */
  readonly nodePorts: ReadonlySet<number>;
}

/** The first addresses of the range: the network itself and the API server's own service. */
export function apiServiceIp(space: AddressSpace): string {
  return formatIpv4(parseCidr(space.serviceCidr).first + 1);
}

/** Addresses that wait for one Service, by its key. */
const reservedBy = (space: AddressSpace): ReadonlyMap<string, string> =>
  new Map([
    [API_SERVICE, apiServiceIp(space)],
    [`${DNS_SERVICE.namespace}/${DNS_SERVICE.name}`, dnsAddressOf(space.serviceCidr)],
  ]);

/** For the Service `key`, which may have the address `own` already. */
export function takenBy(
  services: readonly Service[],
  space: AddressSpace,
  { key, own }: { readonly key?: string; readonly own?: string | undefined } = {},
): TakenAddresses {
  const reserved = [...reservedBy(space)].filter(([owner]) => owner !== key);
  const clusterIps = new Set<string>(reserved.map(([, address]) => address));
  const nodePorts = new Set<number>();
  for (const { spec } of services) {
    for (const ip of spec.clusterIPs ?? []) clusterIps.add(ip);
    for (const port of nodePortsOf(spec)) nodePorts.add(port);
    if (spec.healthCheckNodePort) nodePorts.add(spec.healthCheckNodePort);
  }
  if (own !== undefined) clusterIps.delete(own);
  return { clusterIps, nodePorts };
}

/** `isNew`: it is created. */
export function planAddresses(
  service: Service,
  taken: TakenAddresses,
  space: AddressSpace,
  rng: Rng,
  isNew: boolean,
): AddressPlan {
  const errors: FieldError[] = [];
  if (service.spec.type === 'ExternalName') return { service, errors };
  try {
    const withIp = planClusterIp(service, taken, space, rng, errors);
    const used = new Set(taken.nodePorts);
    const withPorts = planNodePorts(withIp, { used, space, rng, errors, isNew });
    return { service: planHealthCheckPort(withPorts, { used, space, rng }), errors };
  } catch (error) {
    if (!(error instanceof AllocationFailure)) throw error;
    return { service, errors, failure: error.message };
  }
}

class AllocationFailure extends Error {}

/** A load balancer with local traffic asks each node, at this port, whether it has endpoints. */
function planHealthCheckPort(service: Service, ports: Omit<PortsContext, 'errors' | 'isNew'>): Service {
  const { spec } = service;
  const { healthCheckNodePort: wanted } = spec;
  if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return service;
  if (!wanted)
    return {
      ...service,
      spec: { ...spec, healthCheckNodePort: freePort(ports, 'a HealthCheck NodePort 0') },
    };
  const refusal = portRefusal(wanted, ports);
  if (refusal === undefined) return service;
  throw new AllocationFailure(`failed to allocate requested HealthCheck NodePort ${wanted}: ${refusal}`);
}

function planClusterIp(
  service: Service,
  taken: TakenAddresses,
  space: AddressSpace,
  rng: Rng,
  errors: FieldError[],
): Service {
  const { spec } = service;
  const wanted = spec.clusterIPs?.[0] ?? spec.clusterIP ?? '';
  const withAddress = (address: string): Service => {
    const addressed = { ...spec, clusterIP: address, clusterIPs: [address] };
    return { ...service, spec: withFamilies(addressed) };
  };
  const { first, last } = parseCidr(space.serviceCidr);
  if (wanted !== '') {
    const number = parseIp(wanted);
    const set = withAddress(wanted);
    // Validation speaks about what is no address at all.
    if (wanted === 'None' || number === undefined) return set;
    const refuse = (why: string): number =>
      errors.push(invalid('spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: ${why}`));
    if (number < first || number > last) refuse('the provided network does not match the current range');
    else if (taken.clusterIps.has(wanted)) refuse('provided IP is already allocated');
    return set;
  }
  // Neither the network's nor the broadcast address.
  const free = firstFree(first + 1, last - first - 1, rng, (ip) => !taken.clusterIps.has(formatIpv4(ip)));
  if (free !== undefined) return withAddress(formatIpv4(free));
  throw new AllocationFailure('failed to allocate a serviceIP: range is full');
}

interface PortsContext {
  /** Grows with the ports that are taken here. */
  readonly used: Set<number>;
  readonly space: AddressSpace;
  readonly rng: Rng;
  readonly errors: FieldError[];
  readonly isNew: boolean;
}

/**
 * A new Service has one node port for all protocols of a port, such as 53 of DNS. An update takes a
 * port of its own for each that is added. Both are upstream's.
 */
function planNodePorts(service: Service, context: PortsContext): Service {
  const { spec } = service;
  const { used, errors, isNew } = context;
  const exposes =
    spec.type === 'NodePort' ||
    (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
  const own = new Set<number>();
  const shared = new Map<number, number>();
  const ports = spec.ports?.map((port, index) => {
    if (!port.nodePort && !exposes) return port;
    const asked = isNew ? spec.ports?.find((one) => one.port === port.port && one.nodePort) : undefined;
    const wanted = port.nodePort || shared.get(port.port) || asked?.nodePort;
    const mayShare = isNew ? wanted === shared.get(port.port) : own.has(wanted ?? 0);
    if (wanted && !mayShare) {
      const refusal = portRefusal(wanted, context);
      if (refusal !== undefined) errors.push(invalid(`spec.ports[${index}].nodePort`, wanted, refusal));
    }
    const nodePort = wanted || freePort(context, 'a nodePort');
    used.add(nodePort);
    own.add(nodePort);
    if (isNew && !shared.has(port.port)) shared.set(port.port, nodePort);
    return { ...port, nodePort };
  });
  return ports ? { ...service, spec: { ...spec, ports } } : service;
}

const nodePortsOf = ({ ports = [] }: Service['spec']): readonly number[] =>
  ports.flatMap(({ nodePort }) => (nodePort ? [nodePort] : []));

type UsedPorts = Pick<PortsContext, 'used' | 'space' | 'rng'>;

/** Why the port that is asked for cannot be had. */
function portRefusal(
  wanted: number,
  { used, space: { nodePorts } }: Pick<UsedPorts, 'used' | 'space'>,
): string | undefined {
  const { from, to } = nodePorts;
  if (wanted < from || wanted > to)
    return `provided port is not in the valid range. The range of valid ports is ${from}-${to}`;
  return used.has(wanted) ? 'provided port is already allocated' : undefined;
}

function freePort({ used, space: { nodePorts }, rng }: UsedPorts, what: string): number {
  const { from, to } = nodePorts;
  const port = firstFree(from, to - from + 1, rng, (free) => !used.has(free));
  if (port === undefined) throw new AllocationFailure(`failed to allocate ${what}: range is full`);
  return port;
}

/** The first free number from a random start. */
function firstFree(
  first: number,
  size: number,
  rng: Rng,
  isFree: (number: number) => boolean,
): number | undefined {
  const start = Math.floor(rng.next() * size);
  for (let step = 0; step < size; step += 1) {
    const number = first + ((start + step) % size);
    if (isFree(number)) return number;
  }
  return undefined;
}

function parseIp(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function parseCidr(cidr: string): { readonly first: number; readonly last: number } {
  const [address = '', bits = ''] = cidr.split('/');
  const number = parseIp(address);
  const prefix = Number(bits);
  if (number === undefined || !Number.isInteger(prefix) || prefix < 8 || prefix > 30)
    throw new Error(`Cannot use service range "${cidr}": expected an IPv4 network of /8 to /30`);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1 };
}
