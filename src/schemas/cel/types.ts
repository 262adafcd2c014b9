/** Types of CEL expressions, their texts in messages, and which value fits where. */

export type CelType =
  | { readonly kind: 'simple'; readonly name: SimpleName }
  | { readonly kind: 'list'; readonly element: CelType }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType }
  | { readonly kind: 'optional'; readonly value: CelType }
  /** Something with fields that are known, as a schema describes it. */
  | { readonly kind: 'object'; readonly name: string; readonly fields: ReadonlyMap<string, CelType> }
  /** A type of a library: `kubernetes.URL`. */
  | { readonly kind: 'opaque'; readonly name: string }
  /** Stands for any type, the same within one signature. */
  | { readonly kind: 'param'; readonly name: string };

const SIMPLE_NAMES = [
  'dyn',
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'null',
  'type',
  'timestamp',
  'duration',
] as const;
export type SimpleName = (typeof SIMPLE_NAMES)[number];

const simple = new Map<string, CelType>(SIMPLE_NAMES.map((name) => [name, { kind: 'simple', name }]));

export const simpleType = (name: SimpleName): CelType => simple.get(name) ?? DYN;

export const DYN: CelType = { kind: 'simple', name: 'dyn' };
simple.set('dyn', DYN);
export const BOOL = simpleType('bool');
export const INT = simpleType('int');
export const STRING = simpleType('string');
export const NULL = simpleType('null');

export const listOf = (element: CelType): CelType => ({ kind: 'list', element });
export const mapOf = (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value });
export const optionalOf = (value: CelType): CelType => ({ kind: 'optional', value });

export const isSimple = (type: CelType, name: SimpleName): boolean =>
  type.kind === 'simple' && type.name === name;
export const isDyn = (type: CelType): boolean => isSimple(type, 'dyn');

/** As messages of upstream write it. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.element)})`;
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`;
    case 'optional':
      return `optional_type(${formatType(type.value)})`;
    default:
      return type.name;
  }
}

const weights = new WeakMap<CelType, number>();

/** The work of comparing a type; parts that are used twice count twice. */
export function weightOf(type: CelType): number {
  const known = weights.get(type);
  if (known !== undefined) return known;
  const parts =
    type.kind === 'list'
      ? [type.element]
      : type.kind === 'map'
        ? [type.key, type.value]
        : type.kind === 'optional'
          ? [type.value]
          : [];
  const weight = parts.reduce((sum, part) => sum + weightOf(part), 1);
  weights.set(type, weight);
  return weight;
}

/** The types that the type parameters of one call stand for. */
export type Bindings = Map<string, CelType>;

/** Whether a value of `given` fits where `wanted` is asked for. Binds its type parameters. */
export function fits(wanted: CelType, given: CelType, bindings: Bindings): boolean {
  if (wanted.kind === 'param') return fitsParameter(wanted.name, given, bindings);
  if (wanted === given || isDyn(wanted) || isDyn(given)) return true;
  if (isSimple(given, 'null')) return isNullable(wanted);
  switch (wanted.kind) {
    case 'simple':
      return given.kind === 'simple' && given.name === wanted.name;
    case 'list':
      return given.kind === 'list' && fits(wanted.element, given.element, bindings);
    case 'map':
      return (
        given.kind === 'map' &&
        fits(wanted.key, given.key, bindings) &&
        fits(wanted.value, given.value, bindings)
      );
    case 'optional':
      return given.kind === 'optional' && fits(wanted.value, given.value, bindings);
    case 'object':
      return given.kind === 'object' && given.name === wanted.name;
    case 'opaque':
      return given.kind === 'opaque' && given.name === wanted.name;
  }
}

function fitsParameter(name: string, given: CelType, bindings: Bindings): boolean {
  const bound = bindings.get(name);
  if (!bound) {
    bindings.set(name, given);
    return true;
  }
  if (fits(bound, given, bindings)) {
    if (isDyn(given)) bindings.set(name, given);
    return true;
  }
  // The more general of both: null and an object are an object.
  if (!fits(given, bound, bindings)) return false;
  bindings.set(name, given);
  return true;
}

const isNullable = (type: CelType): boolean =>
  type.kind === 'object' ||
  type.kind === 'opaque' ||
  type.kind === 'optional' ||
  (type.kind === 'simple' && ['null', 'timestamp', 'duration'].includes(type.name));

/** The type with its parameters replaced; one that nothing bound may be anything. */
export function substitute(type: CelType, bindings: Bindings): CelType {
  switch (type.kind) {
    case 'param':
      return bindings.get(type.name) ?? DYN;
    case 'list':
      return listOf(substitute(type.element, bindings));
    case 'map':
      return mapOf(substitute(type.key, bindings), substitute(type.value, bindings));
    case 'optional':
      return optionalOf(substitute(type.value, bindings));
    default:
      return type;
  }
}

/** A type as the libraries' tables write it: `list<A>`, `map<string, int>`, `kubernetes.URL`. */
export function parseType(text: string): CelType {
  const trimmed = text.trim();
  const [, outer = trimmed, inner] = /^(\w+)<(.*)>$/.exec(trimmed) ?? [];
  if (inner !== undefined) {
    const [first = '', second = ''] = splitTypes(inner);
    if (outer === 'list') return listOf(parseType(first));
    if (outer === 'optional') return optionalOf(parseType(first));
    return mapOf(parseType(first), parseType(second));
  }
  if (/^[A-Z]$/.test(outer)) return { kind: 'param', name: outer };
  return simple.get(outer) ?? { kind: 'opaque', name: outer };
}

/** Splits at the commas that stand in no brackets. */
export function splitTypes(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '<') depth += 1;
    else if (char === '>') depth -= 1;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  const last = text.slice(start);
  return last.trim() === '' ? parts : [...parts, last];
}
