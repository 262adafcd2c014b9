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

const NOTHING: Quantities = new Map();

/** The larger of the running sum and of any init container with its sidecars, plus overhead. */
export function podQuantities(value: unknown, side: 'requests' | 'limits'): Quantities {
  const spec = asRecord(value);
  const ownOf = (container: Fields): Quantities => quantitiesOf(asRecord(container['resources'])[side]);
  let running = asRecords(spec['containers']).reduce(
    (total, container) => sumQuantities(total, ownOf(container)),
    NOTHING,
  );
  let sidecars = NOTHING;
  let starting = NOTHING;
  for (const container of asRecords(spec['initContainers'])) {
    const own = ownOf(container);
    if (container['restartPolicy'] === 'Always') {
      running = sumQuantities(running, own);
      sidecars = sumQuantities(sidecars, own);
      starting = largest(starting, sidecars);
    } else starting = largest(starting, sumQuantities(sidecars, own));
  }
  const total = new Map(largest(running, starting));
  for (const [name, amount] of quantitiesOf(asRecord(spec['resources'])[side])) total.set(name, amount);
  const overhead = quantitiesOf(spec['overhead']);
  for (const [name, extra] of overhead) {
    const current = total.get(name);
    if (current) total.set(name, addQuantities(current, extra));
    else if (side === 'requests') total.set(name, extra);
  }
  return total;
}
