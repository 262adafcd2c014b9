/**
 * The requests of a pod, exact and in the units of the manifest: quotas and limits show sums to
 * people. The scheduler counts the same in plain numbers (pod-resources.ts).
 */
import { asRecord, asRecords, type Fields } from '../json-access.ts';
import { addQuantities, compareQuantities, parseQuantity, type Quantity } from '../values/quantity.ts';

export type Quantities = ReadonlyMap<string, Quantity>;

/** Reads a `ResourceList`; what cannot be read is left out. */
export function quantitiesOf(list: unknown): Quantities {
  const found = new Map<string, Quantity>();
  for (const [name, value] of Object.entries(asRecord(list))) {
    const quantity = parseQuantity(value);
    if (quantity) found.set(name, quantity);
  }
  return found;
}

export function sumQuantities(a: Quantities, b: Quantities): Quantities {
  const total = new Map(a);
  for (const [name, amount] of b) {
    const current = total.get(name);
    total.set(name, current ? addQuantities(current, amount) : amount);
  }
  return total;
}

function largest(a: Quantities, b: Quantities): Quantities {
  const result = new Map(a);
  for (const [name, amount] of b) {
    const current = result.get(name);
    if (!current || compareQuantities(amount, current) > 0) result.set(name, amount);
  }
  return result;
}

/** Amounts of one representation. */
interface Arithmetic<T> {
  readonly nothing: T;
  sum(a: T, b: T): T;
  largest(a: T, b: T): T;
}

/** The larger of the running sum and of any init container with its sidecars (KEP-753). */
export function peakOf<T>(spec: Fields, ownOf: (container: Fields) => T, amounts: Arithmetic<T>): T {
  const { nothing, sum, largest } = amounts;
  let running = asRecords(spec['containers']).map(ownOf).reduce(sum, nothing);
  let sidecars = nothing;
  let starting = nothing;
  for (const container of asRecords(spec['initContainers'])) {
    const own = ownOf(container);
    if (container['restartPolicy'] === 'Always') {
      running = sum(running, own);
      sidecars = sum(sidecars, own);
      starting = largest(starting, sidecars);
    } else starting = largest(starting, sum(sidecars, own));
  }
  return largest(running, starting);
}

const QUANTITIES: Arithmetic<Quantities> = { nothing: new Map(), sum: sumQuantities, largest };

/** The peak of a pod's containers, plus overhead. */
export function podQuantities(value: unknown, side: 'requests' | 'limits'): Quantities {
  const spec = asRecord(value);
  const ownOf = (container: Fields): Quantities => quantitiesOf(asRecord(container['resources'])[side]);
  const total = new Map(peakOf(spec, ownOf, QUANTITIES));
  for (const [name, amount] of quantitiesOf(asRecord(spec['resources'])[side])) total.set(name, amount);
  const overhead = quantitiesOf(spec['overhead']);
  for (const [name, extra] of overhead) {
    const current = total.get(name);
    if (current) total.set(name, addQuantities(current, extra));
    else if (side === 'requests') total.set(name, extra);
  }
  return total;
}
