/**
 * Plans the part of one Service in the table of a host. Pure. A connection to one of its addresses
 * is led to an endpoint, or refused at once. Ordinary ports are elements of the table's maps; ports
 * with affinity or with a local policy have chains of their own.
 */
import { createHash } from 'node:crypto';
import type { EndpointSlice, Service, ServicePort } from '../../schemas/types.ts';
import { ipFamily } from '../../schemas/values/ip-address.ts';
import type { SetDeclaration, TablePart } from '../nft/table-state.ts';
import { assignSlots } from './assign-slots.ts';
import { clusterIpOf, type Entrance, entrancesOf, protocolOf } from './entrances.ts';
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
  /** The part as it is: slots keep their endpoints where they can. */
  readonly before?: TablePart | undefined;
  /** Whether the Service has an entrance that another one may want, too. */
  readonly owns?: (key: string) => boolean;
}

/** Undefined for a Service without an address: headless, or an ExternalName. */
export function planServicePart(input: ServicePartInput): TablePart | undefined {
  const { service } = input;
  const clusterIp = clusterIpOf(service);
  if (clusterIp === undefined) return undefined;
  const part = createPart();
  part.add('cluster-ips', clusterIp, '');
  for (const port of service.spec.ports ?? []) addPort(part, input, port);
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

/** The maps of an entrance. */
const MAPS = {
  inner: { led: 'services', slots: 'slots', pick: 'pick', unserved: 'unserved' },
  outer: { led: 'services', slots: 'slots', pick: 'pick-outer', unserved: 'unserved' },
  node: { led: 'node-ports', slots: 'node-slots', pick: 'pick-outer-node', unserved: 'unserved-node-ports' },
} as const;

function addPort(part: Part, input: ServicePartInput, port: ServicePort): void {
  const { service, slices, host, ownTargets, before, owns = () => true } = input;
  const { spec, metadata } = service;
  const found = ownTargets
    ? { cluster: ownTargets, local: ownTargets }
    : selectEndpoints(port, slices, 'IPv4', host);
  const protocol = protocolOf(port);
  const context: PortContext = {
    part,
    before,
    found,
    id: `${hash(`${metadata.namespace ?? ''}/${metadata.name}`)}-${protocol}-${port.port}`,
    protocol,
    affinitySeconds: affinityOf(service),
    podCidr: input.podCidr,
  };
  for (const entrance of entrancesOf(service, port)) {
    if (!owns(entrance.key)) continue;
    const policy = entrance.kind === 'inner' ? spec.internalTrafficPolicy : spec.externalTrafficPolicy;
    lead(context, entrance, policy === 'Local');
    if (entrance.kind === 'outer') guard(context, service, entrance.key);
  }
  for (const { address, isLocal } of found.cluster)
    if (isLocal) part.add('hairpins', `${address} . ${address}`, '');
}

interface PortContext {
  readonly part: Part;
  readonly before: TablePart | undefined;
  readonly found: Pick<SelectedEndpoints, 'cluster' | 'local'>;
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
  else if (affinitySeconds === undefined) addSlots(context, maps, key, targets);
  else if (kind !== 'inner') part.add(maps.led, key, `goto ${outerChain(context)}`);
  else part.add(maps.led, key, `goto ${pickChain(context, staysLocal ? 'local' : 'cluster')}`);
}

function addSlots(
  { part, before }: PortContext,
  maps: (typeof MAPS)[Entrance['kind']],
  key: string,
  targets: readonly Target[],
): void {
  const count = slotCount(targets.length);
  const old = before?.elements?.[maps.slots];
  const slots = assignSlots(count, targets.map(addressText), (slot) => old?.get(`${key} . ${slot}`));
  for (const [slot, target] of slots.entries()) part.add(maps.slots, `${key} . ${slot}`, target);
  part.add(maps.led, key, `goto ${maps.pick}-${count}`);
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

function pickChain(context: PortContext, scope: 'cluster' | 'local'): string {
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

const addressText = ({ address, port }: Target): string => `${address} . ${port}`;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10);
