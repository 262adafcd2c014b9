/**
 * What a pod asks of a node, counted as the scheduler counts it (KEP-753 for sidecars, KEP-2837 for the pod level):
 * the larger of what runs in the long term and of what any one init container needs while it runs, plus overhead.
 */
import type { Quantity } from './quantity.ts';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity } from './quantity.ts';
import { asRecord, asRecords, getPath, type JsonRecord } from './json-access.ts';

export type ResourceAmounts = ReadonlyMap<string, Quantity>;
type Side = 'requests' | 'limits';

/** Amounts by resource name (`cpu`, `memory`, `example.com/gpu`); resources that are not named are absent. */
export function podRequests(spec: unknown): ResourceAmounts {
  return podAmounts(spec, 'requests');
}

export function podLimits(spec: unknown): ResourceAmounts {
  return podAmounts(spec, 'limits');
}

function podAmounts(spec: unknown, side: Side): ResourceAmounts {
  const { containers, initContainers, overhead } = asRecord(spec);
  let running = sum(asRecords(containers).map((container) => amountsOf(container['resources'], side)));
  let sidecars: ResourceAmounts = new Map();
  let starting: ResourceAmounts = new Map();
  for (const container of asRecords(initContainers)) {
    const own = amountsOf(container['resources'], side);
    if (container['restartPolicy'] === 'Always') {
      running = sum([running, own]);
      sidecars = sum([sidecars, own]);
      starting = largest(starting, sidecars);
    } else starting = largest(starting, sum([sidecars, own]));
  }
  const total = largest(running, starting);
  const whole = new Map(total);
  for (const [name, amount] of amountsOf(asRecord(spec)['resources'], side)) {
    if (isPodLevel(name)) whole.set(name, amount);
  }
  return withOverhead(whole, readAmounts(overhead), side);
}

/** Only these may be asked for by the pod as a whole. */
const isPodLevel = (name: string): boolean =>
  name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/** Overhead adds to a limit only where there is one: no limit stays no limit. */
function withOverhead(amounts: ResourceAmounts, overhead: ResourceAmounts, side: Side): ResourceAmounts {
  const total = new Map(amounts);
  for (const [name, extra] of overhead) {
    const current = total.get(name);
    if (current) total.set(name, addQuantities(current, extra));
    else if (side === 'requests') total.set(name, extra);
  }
  return total;
}

function amountsOf(resources: unknown, side: Side): ResourceAmounts {
  const { requests, limits } = asRecord(resources);
  return readAmounts(side === 'requests' ? requests : limits);
}

function readAmounts(list: unknown): ResourceAmounts {
  const amounts = new Map<string, Quantity>();
  for (const [name, value] of Object.entries(asRecord(list))) {
    const quantity = parseQuantity(value);
    if (quantity) amounts.set(name, quantity);
  }
  return amounts;
}

function sum(lists: readonly ResourceAmounts[]): ResourceAmounts {
  const total = new Map<string, Quantity>();
  for (const list of lists) {
    for (const [name, amount] of list) {
      const current = total.get(name);
      total.set(name, current ? addQuantities(current, amount) : amount);
    }
  }
  return total;
}

function largest(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  const result = new Map(a);
  for (const [name, amount] of b) {
    const current = result.get(name);
    if (!current || compareQuantities(amount, current) > 0) result.set(name, amount);
  }
  return result;
}

/** As a `ResourceList`. */
export function formatAmounts(amounts: ResourceAmounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, formatQuantity(amount)]));
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/**
 * Guaranteed: every container limits cpu and memory and requests as much; BestEffort: none asks for either;
 * Burstable: the rest. A pod-level request or limit stands for all containers.
 */
export function qosClass(spec: unknown): QosClass {
  const level = getPath(spec, 'resources');
  if (asksForAny(level)) return isGuaranteed(level) ? 'Guaranteed' : 'Burstable';
  const { containers, initContainers } = asRecord(spec);
  const all: readonly Readonly<JsonRecord>[] = [...asRecords(containers), ...asRecords(initContainers)];
  if (!all.some((container) => asksForAny(container['resources']))) return 'BestEffort';
  return all.every((container) => isGuaranteed(container['resources'])) ? 'Guaranteed' : 'Burstable';
}

const QOS_RESOURCES = ['cpu', 'memory'];

const isPositive = (amount: Quantity | undefined): boolean => amount !== undefined && amount.nanos > 0n;

function asksForAny(resources: unknown): boolean {
  return (['requests', 'limits'] as const).some((side) => {
    const amounts = amountsOf(resources, side);
    return QOS_RESOURCES.some((name) => isPositive(amounts.get(name)));
  });
}

function isGuaranteed(resources: unknown): boolean {
  const limits = amountsOf(resources, 'limits');
  const requests = amountsOf(resources, 'requests');
  return QOS_RESOURCES.every((name) => {
    const limit = limits.get(name);
    if (!limit || !isPositive(limit)) return false;
    const request = requests.get(name);
    return !request || !isPositive(request) || compareQuantities(request, limit) === 0;
  });
}
