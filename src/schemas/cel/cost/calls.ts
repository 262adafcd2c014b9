/** The most that calls cost, without their arguments; by name, as upstream's estimator has it. */
import { type CelType, isDyn } from '../types.ts';
import {
  add,
  fixed,
  LARGEST,
  multiply,
  NOTHING,
  ONE,
  share,
  type Size,
  sum,
  times,
  union,
  UNKNOWN,
} from './size.ts';

/** The sizes of the members of a list or a map. */
export interface Entry {
  readonly key: Size;
  readonly value: Size;
}

/** Everything known about an argument. */
export interface Argument {
  readonly type: CelType;
  readonly size: Size | undefined;
  readonly entry: Entry | undefined;
  /** The size of what a list holds, where its place says it. */
  readonly itemSize: Size | undefined;
  /** Set for a literal number. */
  readonly literal: number | undefined;
}

export interface CallEstimate {
  readonly cost: number;
  readonly size?: Size | undefined;
  readonly entry?: Entry | undefined;
}

/** A tenth of a unit for a character. */
const TEXT = 0.1;
/** A quarter of a unit for a character of a regular expression. */
const PATTERN = 0.25;
/** The longest pattern that a named format stands for. */
const MAX_FORMAT_PATTERN = 128;
const MAX_FORMAT_NAME = 64;

const sizeOf = ({ size }: Argument): Size => size ?? UNKNOWN;
const maxOf = (argument: Argument): number => sizeOf(argument).max;
const isText = (type: CelType): boolean =>
  isDyn(type) || (type.kind === 'simple' && (type.name === 'string' || type.name === 'bytes'));

export function estimateCall(
  name: string,
  target: Argument | undefined,
  args: readonly Argument[],
): CallEstimate {
  const [first, second] = args;
  const estimate = target
    ? estimateMethod(name, target, args)
    : first && second
      ? estimateOperator(name, first, second)
      : first && estimateFunction(name, first);
  return estimate ?? { cost: 1 };
}

function estimateFunction(name: string, argument: Argument): CallEstimate | undefined {
  const size = sizeOf(argument);
  switch (name) {
    case 'url':
      return { cost: share(size.max, TEXT), size };
    case 'cidr':
    case 'ip':
    case 'isCIDR':
    case 'isIP':
    case 'isQuantity':
    case 'quantity':
      return { cost: share(size.max, TEXT) };
    case 'ip.isCanonical':
      return { cost: share(size.max, 2 * TEXT) };
    case 'bytes':
      return isText(argument.type)
        ? { cost: share(size.max, TEXT), size: { min: size.min, max: times(size.max, 4) } }
        : undefined;
    case 'string':
      return argument.type.kind === 'simple' && argument.type.name === 'bytes'
        ? { cost: share(size.max, TEXT), size: { min: Math.floor(size.min / 4), max: size.max } }
        : undefined;
    case 'strings.quote':
      return {
        cost: share(size.max, TEXT),
        size: { min: sum(size.min, 2), max: sum(times(size.max, 2), 2) },
      };
    default:
      return undefined;
  }
}

const SETS: Readonly<Record<string, number>> = {
  'sets.contains': 1,
  'sets.intersects': 1,
  'sets.equivalent': 2,
};

function estimateOperator(name: string, left: Argument, right: Argument): CallEstimate | undefined {
  const smaller = Math.min(maxOf(left), maxOf(right));
  switch (name) {
    case '_==_':
      return left.type.kind === 'opaque' && right.type.kind === 'opaque'
        ? { cost: equalityCost(left.type.name, right) }
        : { cost: share(smaller, TEXT) };
    case '_!=_':
      return { cost: share(smaller, TEXT) };
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return isText(left.type) && isText(right.type)
        ? { cost: Math.max(1, share(smaller, TEXT)) }
        : undefined;
    case '_+_':
      return estimateSum(left, right);
    case '@in':
      return right.type.kind === 'map' ? undefined : { cost: maxOf(right) };
    default: {
      const factor = Object.hasOwn(SETS, name) ? SETS[name] : undefined;
      if (factor === undefined) return undefined;
      return { cost: sum(times(multiply(sizeOf(left), sizeOf(right)).max, factor), 1) };
    }
  }
}

/** Compares values of the libraries' types; upstream prices their inequality at the maximum. */
function equalityCost(type: string, { size }: Argument): number {
  if (type === 'kubernetes.NamedFormat') return share(MAX_FORMAT_NAME, TEXT);
  return type === 'kubernetes.URL' ? share(size?.max ?? 1, TEXT) : 1;
}

/** Numbers, texts or lists. */
function estimateSum(left: Argument, right: Argument): CallEstimate | undefined {
  const size = add(sizeOf(left), sizeOf(right));
  const entry =
    left.entry && right.entry
      ? { key: union(left.entry.key, right.entry.key), value: union(left.entry.value, right.entry.value) }
      : undefined;
  if (left.type.kind === 'list' || right.type.kind === 'list') return { cost: 1, size, entry };
  if (!isText(left.type) || !isText(right.type)) return undefined;
  return { cost: share(size.max, TEXT), size, entry };
}

function estimateMethod(name: string, target: Argument, args: readonly Argument[]): CallEstimate | undefined {
  const size = sizeOf(target);
  const [first, second] = args;
  switch (name) {
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf':
      return { cost: target.type.kind === 'list' ? searchCost(target) : share(size.max, TEXT) };
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return { cost: share(size.max, TEXT), size };
    case 'replace':
      return first && second
        ? { cost: share(size.max, 2 * TEXT), size: replacedSize(size, sizeOf(first), sizeOf(second)) }
        : undefined;
    case 'split':
      return { cost: share(size.max, 2 * TEXT), size: { min: 0, max: second?.literal ?? size.max } };
    case 'join': {
      const joined = joinedSize(target, first);
      return { cost: share(joined.max, TEXT), size: joined };
    }
    case 'find':
    case 'findAll':
      return first && { cost: searchedByPattern(size, first), size: { min: 0, max: size.max } };
    case 'matches':
      return first && { cost: searchedByPattern(size, first) };
    case 'contains':
      return first && { cost: times(share(size.max, TEXT), share(maxOf(first), TEXT)) };
    case 'startsWith':
    case 'endsWith':
      return first && { cost: share(maxOf(first), TEXT) };
    case 'format':
      return { cost: share(size.max, TEXT) };
    case 'validate':
      return first && { cost: share(share(maxOf(first), TEXT), MAX_FORMAT_PATTERN * PATTERN) };
    case 'containsIP':
    case 'containsCIDR':
      return first && { cost: containsCost(name, first) };
    default:
      return undefined;
  }
}

/** One for each element, and the texts among them are read. */
function searchCost({ type, size, itemSize }: Argument): number {
  const element = type.kind === 'list' ? type.element : undefined;
  const isOfText = element?.kind === 'simple' && (element.name === 'string' || element.name === 'bytes');
  const each = isOfText ? sum(1, share((itemSize ?? UNKNOWN).max, TEXT)) : 1;
  return times((size ?? UNKNOWN).max, each);
}

const searchedByPattern = (text: Size, pattern: Argument): number =>
  times(share(sum(text.max, 1), TEXT), share(maxOf(pattern), PATTERN));

/** Addresses of 4 or 16 bytes are compared; those that are given as text are read first. */
function containsCost(name: string, other: Argument): number {
  const MOST = 16;
  const compared = share(2 * MOST, TEXT) + (name === 'containsCIDR' ? share(MOST, TEXT) + 1 : 0);
  return other.type.kind === 'opaque' ? compared : sum(compared, share(maxOf(other), TEXT));
}

function joinedSize(list: Argument, separator: Argument | undefined): Size {
  const count = sizeOf(list);
  const items = multiply(count, list.itemSize ?? UNKNOWN);
  if (!separator) return items;
  const between = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
  return add(items, multiply(sizeOf(separator), between));
}

/** The shortest and the longest text that a replacement can come to. */
function replacedSize(text: Size, part: Size, by: Size): Size {
  return { min: shortest(), max: longest() };

  function longest(): number {
    // Nothing is replaced before, between and after all characters.
    if (part.min === 0) return sum(times(Math.min(LARGEST, text.max + 1), by.max), text.max);
    if (by.max <= part.min) return text.max;
    return times(Math.ceil(text.max / part.min), by.max);
  }
  function shortest(): number {
    if (part.max === 0) return sum(times(Math.min(LARGEST, text.min + 1), by.min), text.min);
    if (part.max <= by.min) return text.min;
    return times(Math.ceil(text.min / part.max), by.min);
  }
}

/** Members of a literal. */
export const entryOf = (keys: readonly Size[], values: readonly Size[]): Entry => ({
  key: unionOf(keys),
  value: unionOf(values),
});
const unionOf = ([first = NOTHING, ...rest]: readonly Size[]): Size => rest.reduce(union, first);

/** The members of a list that was made element by element. */
export const grownEntry = (element: Size): Entry => ({ key: ONE, value: union(NOTHING, element) });
export const listEntry = (values: readonly Size[]): Entry => entryOf([fixed(1)], values);
