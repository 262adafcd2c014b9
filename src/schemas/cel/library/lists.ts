/** Kubernetes' functions on lists, and the library of sets. */
import type { Budget } from '../budget.ts';
import { EvaluationError } from '../errors.ts';
import { isOfKind, type Overload, overload } from '../overload.ts';
import { parseType } from '../types.ts';
import {
  compare,
  contains,
  type DurationValue,
  equal,
  itemsOf,
  type ListValue,
  type Uint,
  uint,
  type Value,
} from '../values.ts';
import { checkInt, checkUint, durationOf } from './operators.ts';

const COMPARABLE = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

/** The values with the types of the signature; untyped data may have any type. */
function typed(list: ListValue, name: string): readonly Value[] {
  const type = parseType(name);
  const items = itemsOf(list);
  if (!items.every((item) => isOfKind(type, item))) throw new EvaluationError('no such overload');
  return items;
}

function order(a: Value, b: Value, budget: Budget): number {
  budget.spend(1);
  const result = compare(a, b, budget);
  if (result === undefined) throw new EvaluationError('no such overload');
  return result;
}

function extreme(list: ListValue, name: string, what: 'min' | 'max', budget: Budget): Value {
  const [first, ...rest] = typed(list, name);
  if (first === undefined) throw new EvaluationError(`${what} called on empty list`);
  const sign = what === 'min' ? 1 : -1;
  return rest.reduce((best, item) => (order(item, best, budget) * sign < 0 ? item : best), first);
}

function isSorted(list: ListValue, name: string, budget: Budget): boolean {
  const items = typed(list, name);
  return items.every((item, index) => index === 0 || order(items[index - 1] ?? null, item, budget) <= 0);
}

const addUp = <T extends Value>(
  list: ListValue,
  name: string,
  budget: Budget,
  add: (items: readonly T[]) => Value,
): Value => {
  budget.spend(list.size);
  return add(typed(list, name) as readonly T[]);
};

const sums: readonly Overload[] = [
  overload<readonly [ListValue]>('list<int>.sum(): int', ([list], budget) =>
    addUp<bigint>(list, 'int', budget, (items) => items.reduce((sum, item) => checkInt(sum + item), 0n)),
  ),
  overload<readonly [ListValue]>('list<uint>.sum(): uint', ([list], budget) =>
    addUp<Uint>(list, 'uint', budget, (items) =>
      items.reduce((sum, item) => checkUint(sum.value + item.value), uint(0n)),
    ),
  ),
  overload<readonly [ListValue]>('list<double>.sum(): double', ([list], budget) =>
    addUp<number>(list, 'double', budget, (items) => items.reduce((sum, item) => sum + item, 0)),
  ),
  overload<readonly [ListValue]>('list<duration>.sum(): duration', ([list], budget) =>
    addUp<DurationValue>(list, 'duration', budget, (items) =>
      durationOf(items.reduce((sum, { nanos }) => sum + nanos, 0n)),
    ),
  ),
];

function positionOf(list: ListValue, item: Value, last: boolean, budget: Budget): bigint {
  const items = itemsOf(list);
  const same = (other: Value): boolean => equal(other, item, budget);
  return BigInt(last ? items.findLastIndex(same) : items.findIndex(same));
}

type Lists = readonly [ListValue, ListValue];
const within = (a: ListValue, b: ListValue, budget: Budget): boolean =>
  itemsOf(a).every((item) => contains(b, item, budget));

/**
 * Several signatures of one name differ in what is inside of their lists, which is not looked at
 * when a function is found by its values: whichever is found tries the types that there are.
 */
function byElements(overloads: readonly Overload[]): readonly Overload[] {
  return overloads.map((one) => ({
    ...one,
    run(args, budget) {
      const list = args[0] as ListValue;
      const first = list.size > 0 ? list.at(0) : undefined;
      const fitting =
        first === undefined
          ? one
          : overloads.find(({ params: [param] }) => param?.kind === 'list' && isOfKind(param.element, first));
      if (!fitting) throw new EvaluationError('no such overload');
      return fitting.run(args, budget);
    },
  }));
}

export const lists: readonly Overload[] = [
  ...byElements(
    COMPARABLE.map((name) =>
      overload<readonly [ListValue]>(`list<${name}>.isSorted(): bool`, ([list], budget) =>
        isSorted(list, name, budget),
      ),
    ),
  ),
  ...(['min', 'max'] as const).flatMap((what) =>
    byElements(
      COMPARABLE.map((name) =>
        overload<readonly [ListValue]>(`list<${name}>.${what}(): ${name}`, ([list], budget) =>
          extreme(list, name, what, budget),
        ),
      ),
    ),
  ),
  ...byElements(sums),
  overload<readonly [ListValue, Value]>('list<A>.indexOf(A): int', ([list, item], budget) =>
    positionOf(list, item, false, budget),
  ),
  overload<readonly [ListValue, Value]>('list<A>.lastIndexOf(A): int', ([list, item], budget) =>
    positionOf(list, item, true, budget),
  ),
  overload<Lists>('static sets.contains(list<A>, list<A>): bool', ([a, b], budget) => within(b, a, budget)),
  overload<Lists>(
    'static sets.equivalent(list<A>, list<A>): bool',
    ([a, b], budget) => within(a, b, budget) && within(b, a, budget),
  ),
  overload<Lists>('static sets.intersects(list<A>, list<A>): bool', ([a, b], budget) =>
    itemsOf(a).some((item) => contains(b, item, budget)),
  ),
];
