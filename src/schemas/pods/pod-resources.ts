/**
 * The requests of a pod as the scheduler counts them (KEP-753 for sidecars, KEP-2837 for the pod
 * level): the larger of the long-running sum and of the largest init container, plus overhead.
 * Amounts are plain numbers: cpu in millicores, everything else in units or bytes, rounded up,
 * exact below 2^53.
 */
import { asRecord, asRecords, type Fields, getPath } from '../json-access.ts';
import { toBytes, toMilli } from '../values/quantity.ts';
import { peakOf } from './pod-quantities.ts';

/** By resource name: `cpu`, `memory`, `example.com/gpu`. Other resources are absent. */
export type ResourceAmounts = ReadonlyMap<string, number>;
type Side = 'requests' | 'limits';

/** The assumed load of a container without requests; it would weigh nothing otherwise. */
const UNSAID: ResourceAmounts = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);
const NOTHING: ResourceAmounts = new Map();

/** Reads a `ResourceList`; what cannot be read counts as 0. */
export function parseAmounts(list: unknown): ResourceAmounts {
  const entries = Object.entries(asRecord(list));
  return new Map(entries.map(([name, value]) => [name, name === 'cpu' ? toMilli(value) : toBytes(value)]));
}

export const podRequests = (spec: unknown): ResourceAmounts => podAmounts(spec, 'requests', NOTHING);

export const podLimits = (spec: unknown): ResourceAmounts => podAmounts(spec, 'limits', NOTHING);

/** Requests with 100m and 200Mi in place of what a container leaves out. */
export function podNonZeroRequests(spec: unknown): {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
} {
  const amounts = podAmounts(spec, 'requests', UNSAID);
  return { cpuMillis: amounts.get('cpu') ?? 0, memoryBytes: amounts.get('memory') ?? 0 };
}

function podAmounts(spec: unknown, side: Side, unsaid: ResourceAmounts): ResourceAmounts {
  const { overhead, resources } = asRecord(spec);
  const ownOf = (container: Fields): ResourceAmounts =>
    new Map([...unsaid, ...amountsOf(container['resources'], side)]);
  const total = new Map(peakOf(asRecord(spec), ownOf, { nothing: NOTHING, sum, largest }));
  for (const [name, amount] of amountsOf(resources, side))
    if (isPodLevelResource(name)) total.set(name, amount);
  for (const [name, extra] of parseAmounts(overhead)) {
    const current = total.get(name);
    // Overhead adds to a limit only where there is one: no limit stays no limit.
    if (current !== undefined || side === 'requests') total.set(name, (current ?? 0) + extra);
  }
  return total;
}

/** Only these may be asked for by the pod as a whole. */
export const isPodLevelResource = (name: string): boolean =>
  name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

const amountsOf = (resources: unknown, side: Side): ResourceAmounts =>
  parseAmounts(asRecord(resources)[side]);

function sum(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  const total = new Map(a);
  for (const [name, amount] of b) total.set(name, (total.get(name) ?? 0) + amount);
  return total;
}

function largest(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  const result = new Map(a);
  for (const [name, amount] of b) result.set(name, Math.max(amount, result.get(name) ?? 0));
  return result;
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/**
 * Guaranteed: every container limits cpu and memory and requests as much; BestEffort: none asks for
 * either; Burstable: the rest. A pod-level request or limit stands for all containers.
 */
export function qosClass(spec: unknown): QosClass {
  const level = getPath(spec, 'resources');
  if (asksForAny(level)) return isGuaranteed(level) ? 'Guaranteed' : 'Burstable';
  const { containers, initContainers } = asRecord(spec);
  const all = [...asRecords(containers), ...asRecords(initContainers)];
  if (!all.some((container) => asksForAny(container['resources']))) return 'BestEffort';
  return all.every((container) => isGuaranteed(container['resources'])) ? 'Guaranteed' : 'Burstable';
}

const QOS_RESOURCES = ['cpu', 'memory'];

function asksForAny(resources: unknown): boolean {
  const requests = amountsOf(resources, 'requests');
  const limits = amountsOf(resources, 'limits');
  return QOS_RESOURCES.some((name) => (requests.get(name) ?? 0) > 0 || (limits.get(name) ?? 0) > 0);
}

function isGuaranteed(resources: unknown): boolean {
  const requests = amountsOf(resources, 'requests');
  const limits = amountsOf(resources, 'limits');
  return QOS_RESOURCES.every((name) => {
    const limit = limits.get(name) ?? 0;
    return limit > 0 && (requests.get(name) ?? limit) === limit;
  });
}
