/**
 * What one Service adds to the table of a host. Pure. A connection to one of its addresses is led
 * to an endpoint, or refused at once. Ordinary ports are elements of the table's maps; ports with
 * affinity or with a local policy have chains of their own.
 */
import { createHash } from 'node:crypto';
import type { EndpointSlice, Service, ServicePort } from '../../schemas/types.ts';
import { ipFamily } from '../../schemas/values/ip-address.ts';
import type { SetDeclaration, TablePart } from '../nft/table-state.ts';
import { type ProxyHost, type SelectedEndpoints, selectEndpoints, type Target } from './select-endpoints.ts';
import { MARK_MASQUERADE, slotCount } from './service-table.ts';

export interface ServicePartInput {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly host: ProxyHost;
  /** Pods of all hosts. */
  readonly podCidr: string;
  /** Endpoints that count instead of the slices': what this host serves itself. */
  readonly ownTargets?: readonly Target[];
}

/** Undefined for a Service without an address: headless, or an ExternalName. */
export function planServicePart(input: ServicePartInput): TablePart | undefined {
  const { service } = input;
  const { type, clusterIPs = [], ports = [] } = service.spec;
  const clusterIp = clusterIPs.find((address) => ipFamily(address) === 'IPv4');
  if (type === 'ExternalName' || clusterIp === undefined) return undefined;
  const part = createPart();
  part.add('cluster-ips', clusterIp, '');
  for (const port of ports) addPort(part, input, clusterIp, port);
  return part;
}

interface Part extends TablePart {
  readonly elements: Record<string, Map<string, string>>;
  readonly chains: Record<string, readonly string[]>;
  readonly sets: Record<string, SetDeclaration>;
  add(set: string, key: string, value: string): void;
}

function createPart(): Part {
  const elements: Part['elements'] = {};
  return {
    elements,
    chains: {},
    sets: {},
    add(set, key, value) {
      (elements[set] ??= new Map()).set(key, value);
    },
  };
}

/** One address and port that clients use: of the cluster, from outside, or a node's. */
interface Entrance {
  readonly kind: 'inner' | 'outer' | 'node';
  /** As the maps have it. */
  readonly key: string;
}

/** The maps of an entrance. */
const MAPS = {
  inner: { led: 'services', slots: 'slots', pick: 'pick', unserved: 'unserved' },
  outer: { led: 'services', slots: 'slots', pick: 'pick-outer', unserved: 'unserved' },
  node: { led: 'node-ports', slots: 'node-slots', pick: 'pick-outer-node', unserved: 'unserved-node-ports' },
} as const;

function addPort(part: Part, input: ServicePartInput, clusterIp: string, port: ServicePort): void {
  const { service, slices, host, ownTargets } = input;
  const { spec, metadata } = service;
  const found: SelectedEndpoints = ownTargets
    ? { cluster: ownTargets, local: ownTargets }
    : selectEndpoints(port, slices, 'IPv4', host);
  const protocol = (port.protocol ?? 'TCP').toLowerCase();
  const key = (address: string): string => `${address} . ${protocol} . ${port.port}`;
  const id = `${hash(`${metadata.namespace ?? ''}/${metadata.name ?? ''}`)}-${protocol}-${port.port}`;
  const context: PortContext = {
    part,
    found,
    id,
    protocol,
    affinitySeconds: affinityOf(service),
    podCidr: input.podCidr,
  };

  lead(context, { kind: 'inner', key: key(clusterIp) }, spec.internalTrafficPolicy === 'Local');
  const staysLocal = spec.externalTrafficPolicy === 'Local';
  for (const address of outerAddresses(service)) {
    lead(context, { kind: 'outer', key: key(address) }, staysLocal);
    guard(context, service, key(address));
  }
  if (port.nodePort) lead(context, { kind: 'node', key: `${protocol} . ${port.nodePort}` }, staysLocal);
  for (const { address, isLocal } of found.cluster)
    if (isLocal) part.add('hairpins', `${address} . ${address}`, '');
}

interface PortContext {
  readonly part: Part;
  readonly found: SelectedEndpoints;
  /** Begins the names of the port's own chains. */
  readonly id: string;
  readonly protocol: string;
  readonly affinitySeconds: number | undefined;
  readonly podCidr: string;
}

function lead(context: PortContext, { kind, key }: Entrance, staysLocal: boolean): void {
  const { part, found, affinitySeconds } = context;
  const maps = MAPS[kind];
  const targets = staysLocal ? found.local : found.cluster;
  if (targets.length === 0 && found.cluster.length === 0) part.add(maps.unserved, key, 'goto refuse');
  // Another host has endpoints. A balancer outside takes silence for "not here".
  else if (targets.length === 0) part.add(maps.unserved, key, 'drop');
  if (kind !== 'inner' && staysLocal && found.cluster.length > 0)
    part.add(maps.led, key, `goto ${localEntrance(context)}`);
  else if (targets.length === 0) return;
  else if (affinitySeconds === undefined) addSlots(part, maps, key, targets);
  else if (kind !== 'inner') part.add(maps.led, key, `goto ${outerChain(context)}`);
  else part.add(maps.led, key, `goto ${pickChain(context, staysLocal ? 'local' : 'cluster')}`);
}

function addSlots(
  part: Part,
  maps: (typeof MAPS)[Entrance['kind']],
  key: string,
  targets: readonly Target[],
): void {
  const slots = slotCount(targets.length);
  for (let slot = 0; slot < slots; slot += 1)
    part.add(maps.slots, `${key} . ${slot}`, addressText(targets[slot % targets.length]!));
  part.add(maps.led, key, `goto ${maps.pick}-${slots}`);
}

/** From outside only endpoints of this host; pods and the host itself may use any. */
function localEntrance(context: PortContext): string {
  const { part, found, id, podCidr } = context;
  const name = `outer-local-${id}`;
  const any = pickChain(context, 'cluster');
  part.chains[name] ??= [
    `ip saddr ${podCidr} goto ${any}`,
    `fib saddr type local ${MARK_MASQUERADE} goto ${any}`,
    ...(found.local.length > 0 ? [`goto ${pickChain(context, 'local')}`] : []),
  ];
  return name;
}

function outerChain(context: PortContext): string {
  const name = `outer-${context.id}`;
  context.part.chains[name] ??= [MARK_MASQUERADE, `goto ${pickChain(context, 'cluster')}`];
  return name;
}

function pickChain(context: PortContext, scope: keyof SelectedEndpoints): string {
  const name = `pick-${scope}-${context.id}`;
  context.part.chains[name] ??= pickRules(context, context.found[scope]);
  return name;
}

/** Rules that end at one of the targets, which is the same for a client while affinity lasts. */
function pickRules(
  { part, id, protocol, affinitySeconds }: PortContext,
  targets: readonly Target[],
): readonly string[] {
  const drawn = `numgen random mod ${targets.length}`;
  const transport = `meta l4proto ${protocol}`;
  const choices = (texts: readonly string[]): string =>
    `{ ${texts.map((text, index) => `${index} : ${text}`).join(', ')} }`;
  if (affinitySeconds === undefined)
    return [`${transport} dnat ip to ${drawn} map ${choices(targets.map(addressText))}`];
  const ends = targets.map((target) => {
    const end = `end-${id}-${hash(addressText(target))}`;
    const clients = `clients-${id}-${hash(addressText(target))}-${affinitySeconds}`;
    part.sets[clients] = { kind: 'set', declaration: affinitySet(affinitySeconds) };
    part.chains[end] = [
      `update @${clients} { ip saddr }`,
      `${transport} dnat ip to ${target.address}:${target.port}`,
    ];
    return { end, clients };
  });
  return [
    ...ends.map(({ end, clients }) => `ip saddr @${clients} goto ${end}`),
    `${drawn} vmap ${choices(ends.map(({ end }) => `goto ${end}`))}`,
  ];
}

/** More clients than this share the table's rule of chance. */
const MOST_CLIENTS = 65_536;
const affinitySet = (seconds: number): string =>
  `type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; size ${MOST_CLIENTS};`;

const DEFAULT_AFFINITY_SECONDS = 10_800;
const affinityOf = ({ spec }: Service): number | undefined =>
  spec.sessionAffinity === 'ClientIP'
    ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
    : undefined;

/** Only these clients reach a load balancer's address. */
function guard({ part, id }: PortContext, { spec }: Service, key: string): void {
  const ranges = (spec.loadBalancerSourceRanges ?? []).filter(
    (range) => ipFamily(range.split('/')[0] ?? '') === 'IPv4',
  );
  if (spec.type !== 'LoadBalancer' || ranges.length === 0) return;
  part.chains[`guard-${id}`] = [`ip saddr { ${ranges.join(', ')} } return`, 'drop'];
  part.add('guarded', key, `goto guard-${id}`);
}

/** Addresses by which clients outside the cluster reach the Service. */
function outerAddresses({ spec, status }: Service): readonly string[] {
  const balanced = (status?.loadBalancer?.ingress ?? [])
    .filter(({ ipMode }) => ipMode !== 'Proxy')
    .flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
  const all = [...(spec.externalIPs ?? []), ...balanced];
  return [...new Set(all)].filter((address) => ipFamily(address) === 'IPv4');
}

const addressText = ({ address, port }: Target): string => `${address} . ${port}`;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10);
