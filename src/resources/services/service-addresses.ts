/**
 * Choosing cluster IPs and node ports, pure: given what is taken, complete a Service or say why it
 * cannot be. Addresses are tried from a random start, so that one just freed is not handed out
 * again at once.
 */
import { append } from '../../base/append.ts';
import { formatIpv4 } from '../../base/cidr.ts';
import type { Rng } from '../../base/rng.ts';
import { withFamilies } from '../../schemas/defaults/service-families.ts';
import type { FieldError } from '../../schemas/errors/field-error.ts';
import type { Service } from '../../schemas/types.ts';
import { invalid } from '../../schemas/validation/report.ts';

export interface AddressPlan {
  readonly service: Service;
  readonly errors: readonly FieldError[];
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
  /** `TCP/30080`. */
  readonly nodePorts: ReadonlySet<string>;
}

/** The first addresses of the range: the network itself and the API server's own service. */
export function apiServiceIp(space: AddressSpace): string {
  return formatIpv4(parseCidr(space.serviceCidr).first + 1);
}

/** `own` is the address that the service has already, or that is reserved for it. */
export function takenBy(services: readonly Service[], space: AddressSpace, own?: string): TakenAddresses {
  const clusterIps = new Set<string>([apiServiceIp(space)]);
  const nodePorts = new Set<string>();
  for (const { spec } of services) {
    for (const ip of spec.clusterIPs ?? []) clusterIps.add(ip);
    for (const port of nodePortsOf(spec)) nodePorts.add(port);
    if (spec.healthCheckNodePort) nodePorts.add(`TCP/${spec.healthCheckNodePort}`);
  }
  if (own !== undefined) clusterIps.delete(own);
  return { clusterIps, nodePorts };
}

export function planAddresses(
  service: Service,
  taken: TakenAddresses,
  space: AddressSpace,
  rng: Rng,
): AddressPlan {
  const errors: FieldError[] = [];
  if (service.spec.type === 'ExternalName') return { service, errors };
  const withIp = planClusterIp(service, taken, space, rng, errors);
  const withPorts = planNodePorts(withIp, taken, space, rng, errors);
  return { service: planHealthCheckPort(withPorts, taken, space, rng, errors), errors };
}

/** A load balancer with local traffic asks each node, at this port, whether it has endpoints. */
function planHealthCheckPort(
  service: Service,
  taken: TakenAddresses,
  space: AddressSpace,
  rng: Rng,
  errors: FieldError[],
): Service {
  const { spec } = service;
  if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return service;
  const used = new Set([...taken.nodePorts, ...nodePortsOf(spec)]);
  const taking = takePort(spec.healthCheckNodePort, 'TCP', 'spec.healthCheckNodePort', used, space, rng);
  append(errors, taking.errors);
  return taking.port ? { ...service, spec: { ...spec, healthCheckNodePort: taking.port } } : service;
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
  errors.push(rangeIsFull('spec.clusterIPs', 'serviceIP'));
  return service;
}

function planNodePorts(
  service: Service,
  taken: TakenAddresses,
  space: AddressSpace,
  rng: Rng,
  errors: FieldError[],
): Service {
  const { spec } = service;
  const exposes =
    spec.type === 'NodePort' ||
    (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
  const used = new Set(taken.nodePorts);
  const ports = spec.ports?.map((port, index) => {
    if (!port.nodePort && !exposes) return port;
    const protocol = port.protocol ?? 'TCP';
    const path = `spec.ports[${index}].nodePort`;
    const taking = takePort(port.nodePort, protocol, path, used, space, rng);
    append(errors, taking.errors);
    used.add(`${protocol}/${taking.port}`);
    return taking.port ? { ...port, nodePort: taking.port } : port;
  });
  return ports ? { ...service, spec: { ...spec, ports } } : service;
}

const nodePortsOf = ({ ports = [] }: Service['spec']): readonly string[] =>
  ports.flatMap(({ protocol = 'TCP', nodePort }) => (nodePort ? [`${protocol}/${nodePort}`] : []));

const rangeIsFull = (path: string, what: string): FieldError => ({
  type: 'InternalError',
  path,
  detail: `failed to allocate a ${what}: range is full`,
});

/** The port that is wanted, or a free one. */
function takePort(
  wanted: number | undefined,
  protocol: string,
  path: string,
  used: ReadonlySet<string>,
  space: AddressSpace,
  rng: Rng,
): { readonly port: number | undefined; readonly errors: readonly FieldError[] } {
  const { from, to } = space.nodePorts;
  if (!wanted) {
    const port = firstFree(from, to - from + 1, rng, (free) => !used.has(`${protocol}/${free}`));
    return { port, errors: port === undefined ? [rangeIsFull(path, 'nodePort')] : [] };
  }
  const refused = (detail: string) => ({ port: wanted, errors: [invalid(path, wanted, detail)] });
  if (wanted < from || wanted > to)
    return refused(`provided port is not in the valid range. The range of valid ports is ${from}-${to}`);
  const isTaken = used.has(`${protocol}/${wanted}`);
  return isTaken ? refused('provided port is already allocated') : { port: wanted, errors: [] };
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
