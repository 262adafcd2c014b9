/** Semantic equality of pod specs, as upstream compares them: `1Gi` is `1024Mi`. */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { parseQuantity } from '../values/quantity.ts';

/** Members that hold amounts by the names of resources. */
const RESOURCE_LISTS = new Set(['requests', 'limits', 'overhead']);
/** Other quantities, by the member that holds them. */
const QUANTITIES: ReadonlyMap<string, string> = new Map([
  ['emptyDir', 'sizeLimit'],
  ['resourceFieldRef', 'divisor'],
]);

/** Both are normalised: nothing is empty that could be absent. */
export const semanticallyEqual = (a: unknown, b: unknown): boolean =>
  jsonEqual(a, b) || jsonEqual(byMeaning(a), byMeaning(b));

function byMeaning(value: unknown, holder = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => byMeaning(item));
  if (!isRecord(value)) return value;
  const members = Object.entries(value).map(([name, member]) => {
    if (RESOURCE_LISTS.has(holder) || QUANTITIES.get(holder) === name) return [name, amountOf(member)];
    return [name, byMeaning(member, name)];
  });
  return Object.fromEntries(members);
}

const amountOf = (value: unknown): unknown => parseQuantity(value)?.nanos.toString() ?? value;
