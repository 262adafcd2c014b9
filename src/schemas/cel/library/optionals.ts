/** Values that may be absent. The evaluator evaluates the argument of `or` and `orValue` lazily. */
import { EvaluationError } from '../errors.ts';
import { type Overload, overload } from '../overload.ts';
import { itemsOf, type ListValue, listValue, NONE, type OptionalValue, some, type Value } from '../values.ts';

function isZero(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (typeof value !== 'object') return false;
  switch (value.kind) {
    case 'list':
    case 'map':
      return value.size === 0;
    case 'bytes':
      return value.bytes.length === 0;
    case 'uint':
      return value.value === 0n;
    case 'duration':
      return value.nanos === 0n;
    case 'optional':
      return value.value === undefined;
    default:
      return false;
  }
}

type One = readonly [OptionalValue];

export const optionals: readonly Overload[] = [
  overload<readonly []>('static optional.none(): optional<A>', () => NONE),
  overload<readonly [Value]>('static optional.of(A): optional<A>', ([value]) => some(value)),
  overload<readonly [Value]>('static optional.ofNonZeroValue(A): optional<A>', ([value]) =>
    isZero(value) ? NONE : some(value),
  ),
  overload<One>('optional<A>.hasValue(): bool', ([{ value }]) => value !== undefined),
  overload<One>('optional<A>.value(): A', ([{ value }]) => {
    if (value === undefined) throw new EvaluationError('optional.none() dereference');
    return value;
  }),
  overload<readonly [OptionalValue, OptionalValue]>(
    'optional<A>.or(optional<A>): optional<A>',
    ([first, second]) => (first.value === undefined ? second : first),
  ),
  overload<readonly [OptionalValue, Value]>('optional<A>.orValue(A): A', ([{ value }, other]) =>
    value === undefined ? other : value,
  ),
  overload<readonly [ListValue]>('static optional.unwrap(list<optional<A>>): list<A>', ([list]) =>
    unwrapped(list),
  ),
  overload<readonly [ListValue]>('list<optional<A>>.unwrapOpt(): list<A>', ([list]) => unwrapped(list)),
];

function unwrapped(list: ListValue): ListValue {
  const values = itemsOf(list).flatMap((item) =>
    typeof item === 'object' && item?.kind === 'optional' && item.value !== undefined ? [item.value] : [],
  );
  return listValue(values);
}
