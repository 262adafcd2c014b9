/**
 * Hints of the annotation `service.kubernetes.io/topology-mode: Auto`: each zone gets a share of
 * the endpoints that is as large as its share of the CPUs; pure. Endpoints mostly serve their own
 * zone. Zones with too many give some to zones with too few.
 */
import type { Endpoint, Node, Service } from '../../schemas/types.ts';
import { toMilli } from '../../schemas/values/quantity.ts';
import { isNodeReady } from '../node-lifecycle/plan-node-health.ts';
import type { SliceDraft } from './pack-slices.ts';
import { ZONE_LABEL } from './pod-endpoint.ts';
import { withHints } from './traffic-hints.ts';

const DEPRECATED_ANNOTATION = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_ANNOTATION = 'service.kubernetes.io/topology-mode';
/** Nodes with one of these labels take no ordinary pods. */
const EXCLUDED_LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
/** A zone may lack at most this part of its share. */
const OVERLOAD_THRESHOLD = 0.2;

export function wantsTopologyHints({ metadata: { annotations = {} } }: Service): boolean {
  const mode = annotations[DEPRECATED_ANNOTATION] ?? annotations[TOPOLOGY_ANNOTATION];
  return mode === 'Auto' || mode === 'auto';
}

/** The CPUs that a node adds to its zone. Undefined: it is not ready, or takes no pods. */
export function zoneCpus(
  node: Node | undefined,
): { readonly zone: string; readonly cpus: number } | undefined {
  const labels = node?.metadata.labels ?? {};
  if (!node || !isNodeReady(node) || EXCLUDED_LABELS.some((label) => Object.hasOwn(labels, label)))
    return undefined;
  return { zone: labels[ZONE_LABEL] ?? '', cpus: toMilli(node.status?.allocatable?.['cpu'] ?? 0) };
}

/** The share of each zone in the CPUs of ready nodes. Undefined: a node does not say enough. */
export type ZoneShares = ReadonlyMap<string, number> | undefined;

export function zoneShares(nodes: readonly Node[]): ZoneShares {
  const cpus = new Map<string, number>();
  for (const node of nodes) {
    const own = zoneCpus(node);
    if (own === undefined) continue;
    if (own.zone === '' || own.cpus === 0) return undefined;
    cpus.set(own.zone, (cpus.get(own.zone) ?? 0) + own.cpus);
  }
  if (cpus.size < 2) return undefined;
  const total = [...cpus.values()].reduce((sum, cpu) => sum + cpu, 0);
  return new Map([...cpus].map(([zone, cpu]) => [zone, cpu / total]));
}

export interface Hinted {
  readonly drafts: readonly SliceDraft[];
  /** The reason why there are no hints: the text of an event. */
  readonly disabled?: string;
}

const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready === true;
const zoneHintsOf = ({ hints }: Endpoint): readonly string[] =>
  (hints?.forZones ?? []).map(({ name }) => name);

export const hasHints = (drafts: readonly SliceDraft[]): boolean =>
  drafts.some(({ existing }) => (existing?.endpoints ?? []).some((endpoint) => endpoint.hints !== undefined));

export const withoutHints = (drafts: readonly SliceDraft[]): readonly SliceDraft[] =>
  withHints(drafts, () => undefined);

export function withTopologyHints(drafts: readonly SliceDraft[], shares: ZoneShares): Hinted {
  const disabled = (text: string): Hinted => ({ drafts: withoutHints(drafts), disabled: text });
  const ready = drafts.flatMap(({ endpoints }) => endpoints.filter(isReady));
  const allocations = allocate(ready.length, shares);
  if (typeof allocations === 'string') return disabled(allocations);
  const counts = new Map<string, number>();
  const open = drafts.filter((draft) => draft.isChanged || !countHints(draft, counts, allocations));
  const moving = open.flatMap(({ endpoints }) => endpoints.filter(isReady));
  if (moving.some(({ zone }) => !zone)) return disabled('One or more endpoints do not have a zone specified');
  for (const { zone = '' } of moving) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  if (counts.size === 0) return disabled('No hints allocated for zones');
  const zones = redistribute(moving, giveAndTake(allocations, counts));
  const hintFor = (endpoint: Endpoint): Endpoint['hints'] => {
    const zone = zones.get(endpoint) ?? zoneHintsOf(endpoint)[0];
    return zone === undefined ? undefined : { forZones: [{ name: zone }] };
  };
  const opened = new Set(open);
  return { drafts: drafts.flatMap((draft) => (opened.has(draft) ? withHints([draft], hintFor) : [draft])) };
}

interface Allocation {
  readonly maximum: number;
  readonly desired: number;
}

/** The number of endpoints of each zone, or the reason why there can be no hints. */
function allocate(count: number, shares: ZoneShares): ReadonlyMap<string, Allocation> | string {
  if (!shares)
    return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  const numbers = `(${String(count)} endpoints, ${String(shares.size)} zones)`;
  if (shares.size > count) return `Insufficient number of endpoints ${numbers}`;
  const minima = [...shares].map(([zone, share]) => {
    const minimum = Math.ceil(share * count * (1 / (1 + OVERLOAD_THRESHOLD)));
    return { zone, minimum, desired: Math.max(share * count, minimum) };
  });
  const spare = count - minima.reduce((sum, { minimum }) => sum + minimum, 0);
  if (spare < 0)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${numbers}`;
  return new Map(minima.map(({ zone, minimum, desired }) => [zone, { maximum: minimum + spare, desired }]));
}

/** Adds the hints of a slice that may stay as it is. False: it may not. */
function countHints(
  { endpoints }: SliceDraft,
  counts: Map<string, number>,
  allocations: ReadonlyMap<string, Allocation>,
): boolean {
  const own = new Map<string, number>();
  for (const endpoint of endpoints.filter(isReady)) {
    const zones = zoneHintsOf(endpoint);
    if (zones.length === 0 || !zones.every((zone) => allocations.has(zone))) return false;
    for (const zone of zones) own.set(zone, (own.get(zone) ?? 0) + 1);
  }
  const total = ([zone, count]: readonly [string, number]): number => count + (counts.get(zone) ?? 0);
  if ([...own].some((entry) => total(entry) > (allocations.get(entry[0])?.maximum ?? 0))) return false;
  for (const entry of own) counts.set(entry[0], total(entry));
  return true;
}

interface Exchange {
  /** Endpoints that zones have too many. */
  readonly giving: Map<string, number>;
  readonly receiving: Map<string, number>;
}

function giveAndTake(
  allocations: ReadonlyMap<string, Allocation>,
  counts: ReadonlyMap<string, number>,
): Exchange {
  const surplus = new Map<string, number>();
  const shortage = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const difference = (counts.get(zone) ?? 0) - desired;
    if (difference > 0) surplus.set(zone, difference);
    else if (difference < 0) shortage.set(zone, -difference);
  }
  const giving = new Map<string, number>();
  const receiving = new Map<string, number>();
  for (;;) {
    const [giver, give] = most(surplus);
    const [receiver, take] = most(shortage);
    if ((give < 1 && take < 1) || give < 0.5 || take < 0.5) return { giving, receiving };
    giving.set(giver, (giving.get(giver) ?? 0) + 1);
    receiving.set(receiver, (receiving.get(receiver) ?? 0) + 1);
    surplus.set(giver, give - 1);
    shortage.set(receiver, take - 1);
  }
}

/** The zone with the greatest number; of equal ones the first by name. */
function most(zones: ReadonlyMap<string, number>): readonly [string, number] {
  const sorted = [...zones].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
  return sorted[0] ?? ['', 0];
}

/** The zone that each endpoint serves. */
function redistribute(
  endpoints: readonly Endpoint[],
  { giving, receiving }: Exchange,
): ReadonlyMap<Endpoint, string> {
  const zones = new Map<Endpoint, string>();
  for (const endpoint of endpoints) {
    const { zone = '' } = endpoint;
    const [receiver, take] = most(receiving);
    const give = giving.get(zone) ?? 0;
    const isMoved = give > 0 && take > 0;
    zones.set(endpoint, isMoved ? receiver : zone);
    if (!isMoved) continue;
    giving.set(zone, give - 1);
    receiving.set(receiver, take - 1);
  }
  return zones;
}
