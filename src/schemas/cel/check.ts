/** Finds the type of an expression, or reports an error in the words of upstream's compiler. */
import { words } from '../../base/words.ts';
import { complaintAt } from './errors.ts';
import { functionsCalled, methodsCalled } from './library/index.ts';
import type { Overload } from './overload.ts';
import type { Comprehension, Expression } from './parse.ts';
import {
  type Bindings,
  BOOL,
  type CelType,
  DYN,
  fits,
  formatType,
  INT,
  isDyn,
  isSimple,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  simpleType,
  substitute,
  weightOf,
} from './types.ts';
import { typeName, type Value } from './values.ts';

export type Scope = ReadonlyMap<string, CelType>;

export interface Checked {
  readonly type: CelType;
  /** Variables that the expression refers to, those that it declares itself left out. */
  readonly uses: ReadonlySet<string>;
  /** Every part of the expression has one; the name of a namespace has none. */
  readonly types: ReadonlyMap<Expression, CelType>;
}

/** Lists of maps of lists: a type may double with every step of an expression. */
const MAX_TYPE_WEIGHT = 1000;

/** Names of types, unless a variable has the name. */
export const TYPE_NAMES: ReadonlySet<string> = new Set(
  words('bool int uint double string bytes list map null_type type optional_type'),
);
const QUALIFIED_TYPES: ReadonlySet<string> = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
]);

/** `a.b.c` of names and selections only. */
export function dottedName(expression: Expression): string | undefined {
  if (expression.op === 'name') return expression.name;
  if (expression.op !== 'select' || expression.soft) return undefined;
  const before = dottedName(expression.operand);
  return before === undefined ? undefined : `${before}.${expression.field}`;
}

/** The name of a type with dots, where its first part is no variable. */
export function qualifiedType(
  expression: Expression,
  isVariable: (name: string) => boolean,
): string | undefined {
  const name = dottedName(expression);
  const [first = ''] = name?.split('.') ?? [];
  return name !== undefined && QUALIFIED_TYPES.has(name) && !isVariable(first) ? name : undefined;
}

/** The name of a function in a namespace, for a method call on no variable: `sets.contains`. */
export function qualifiedFunction(
  target: Expression,
  method: string,
  isVariable: (name: string) => boolean,
): string | undefined {
  if (target.op !== 'name' || isVariable(target.name)) return undefined;
  const name = `${target.name}.${method}`;
  return functionsCalled(name).length > 0 ? name : undefined;
}

/** The state of one check: the names found so far, and the type of every part. */
interface Checking {
  readonly source: string;
  readonly variables: Scope;
  readonly uses: Set<string>;
  readonly types: Map<Expression, CelType>;
}

/** Throws a `CompileError`. */
export function check(source: string, expression: Expression, variables: Scope): Checked {
  const c: Checking = { source, variables, uses: new Set(), types: new Map() };
  const type = typeOf(c, expression, variables);
  return { type, uses: c.uses, types: c.types };
}

const fail = (c: Checking, at: number, text: string): Error => complaintAt(c.source, at, text);
const shownTypes = (types: readonly CelType[]): string => types.map(formatType).join(', ');

function resolve(
  c: Checking,
  overloads: readonly Overload[],
  name: string,
  args: readonly CelType[],
  at: number,
  isMethod: boolean,
): CelType {
  if (overloads.length === 0) throw fail(c, at, `undeclared reference to '${name}' (in container '')`);
  const results: CelType[] = [];
  for (const { params, result } of overloads) {
    if (params.length !== args.length) continue;
    const bindings: Bindings = new Map();
    if (params.every((param, index) => fits(param, args[index] ?? DYN, bindings)))
      results.push(substitute(result, bindings));
  }
  const [first, ...others] = results;
  if (!first) {
    const [target, ...rest] = args;
    const applied =
      isMethod && target ? `${formatType(target)}.(${shownTypes(rest)})` : `(${shownTypes(args)})`;
    throw fail(c, at, `found no matching overload for '${name}' applied to '${applied}'`);
  }
  return others.every((other) => formatType(other) === formatType(first)) ? first : DYN;
}

function typeOf(c: Checking, node: Expression, scope: Scope): CelType {
  const type = findType(c, node, scope);
  if (weightOf(type) > MAX_TYPE_WEIGHT) throw fail(c, node.at, 'the type of the expression is too large');
  c.types.set(node, type);
  return type;
}

function findType(c: Checking, node: Expression, scope: Scope): CelType {
  switch (node.op) {
    case 'literal':
      return literalType(node.value);
    case 'name':
      return nameType(c, node.name, node.at, scope);
    case 'select':
      if (qualifiedType(node, (name) => scope.has(name)) !== undefined) return simpleType('type');
      return selected(c, typeOf(c, node.operand, scope), node.field, node.at, node.soft);
    case 'has':
      selected(c, typeOf(c, node.operand, scope), node.field, node.at, false);
      return BOOL;
    case 'list':
      return listOf(common(c, node.items, scope));
    case 'map': {
      const keys = node.entries.map(([key]) => key);
      const values = node.entries.map(([, value]) => value);
      return mapOf(common(c, keys, scope), common(c, values, scope));
    }
    case 'and':
    case 'or': {
      const types = [typeOf(c, node.left, scope), typeOf(c, node.right, scope)];
      const name = node.op === 'and' ? '_&&_' : '_||_';
      if (!types.every(isCondition)) throw noOverload(c, node.at, name, types);
      return BOOL;
    }
    case 'conditional':
      return conditional(c, node, scope);
    case 'call': {
      const args = node.args.map((arg) => typeOf(c, arg, scope));
      return resolve(c, functionsCalled(node.name), node.name, args, node.at, false);
    }
    case 'method': {
      const qualified = qualifiedFunction(node.target, node.name, (name) => scope.has(name));
      const args = node.args.map((arg) => typeOf(c, arg, scope));
      if (qualified !== undefined)
        return resolve(c, functionsCalled(qualified), qualified, args, node.at, false);
      const target = typeOf(c, node.target, scope);
      return resolve(c, methodsCalled(node.name), node.name, [target, ...args], node.at, true);
    }
    case 'comprehension':
      return comprehension(c, node, node.at, scope);
    case 'with-optional': {
      const target = typeOf(c, node.target, scope);
      if (target.kind !== 'optional' && !isDyn(target)) throw noOverload(c, node.at, node.macro, [target]);
      const inner = target.kind === 'optional' ? target.value : DYN;
      const body = typeOf(c, node.body, new Map(scope).set(node.variable, inner));
      if (node.macro === 'optMap') return optionalOf(body);
      if (body.kind !== 'optional' && !isDyn(body)) throw noOverload(c, node.at, node.macro, [target, body]);
      return body;
    }
  }
}

const noOverload = (c: Checking, at: number, name: string, types: readonly CelType[]): Error =>
  fail(c, at, `found no matching overload for '${name}' applied to '(${shownTypes(types)})'`);

function nameType(c: Checking, name: string, at: number, scope: Scope): CelType {
  const type = scope.get(name);
  if (type) {
    if (type === c.variables.get(name)) c.uses.add(name);
    return type;
  }
  if (TYPE_NAMES.has(name)) return simpleType('type');
  throw fail(c, at, `undeclared reference to '${name}' (in container '')`);
}

function selected(c: Checking, type: CelType, field: string, at: number, soft: boolean): CelType {
  if (type.kind === 'optional') return optionalOf(member(c, type.value, field, at));
  const found = member(c, type, field, at);
  return soft ? optionalOf(found) : found;
}

function member(c: Checking, type: CelType, field: string, at: number): CelType {
  if (isDyn(type)) return DYN;
  if (type.kind === 'map') return type.value;
  if (type.kind !== 'object')
    throw fail(c, at, `type '${formatType(type)}' does not support field selection`);
  const found = type.fields.get(field);
  if (!found) throw fail(c, at, `undefined field '${field}'`);
  return found;
}

/** The type of the elements of a literal, which all have the same one. */
function common(c: Checking, items: readonly Expression[], scope: Scope): CelType {
  let type: CelType | undefined;
  for (const item of items) {
    const next = typeOf(c, item, scope);
    if (type === undefined) type = next;
    else if (!fits(type, next, new Map())) {
      if (!fits(next, type, new Map()))
        throw fail(c, item.at, `expected type '${formatType(type)}' but found '${formatType(next)}'`);
      type = next;
    } else if (isDyn(next)) type = next;
  }
  return type ?? DYN;
}

function conditional(c: Checking, node: Expression & { readonly op: 'conditional' }, scope: Scope): CelType {
  const condition = typeOf(c, node.condition, scope);
  const then = typeOf(c, node.then, scope);
  const otherwise = typeOf(c, node.otherwise, scope);
  if (isCondition(condition)) {
    if (fits(then, otherwise, new Map())) return isDyn(otherwise) ? DYN : then;
    if (fits(otherwise, then, new Map())) return otherwise;
  }
  throw noOverload(c, node.at, '_?_:_', [condition, then, otherwise]);
}

function comprehension(c: Checking, node: Comprehension, at: number, scope: Scope): CelType {
  const range = typeOf(c, node.range, scope);
  const inner = new Map(scope);
  const [first = '', second] = node.variables;
  const [index, element] = rangeTypes(c, range, node.range.at);
  if (second === undefined) inner.set(first, range.kind === 'list' ? element : index);
  else inner.set(first, index).set(second, element);
  const bodies = node.bodies.map((body) => typeOf(c, body, inner));
  const body = bodies.at(-1) ?? DYN;
  const needCondition = (type: CelType, name: string, types: readonly CelType[]): void => {
    if (!isCondition(type)) throw noOverload(c, at, name, types);
  };
  switch (node.macro) {
    case 'all':
      needCondition(body, '_&&_', [BOOL, body]);
      return BOOL;
    case 'exists':
      needCondition(body, '_||_', [BOOL, body]);
      return BOOL;
    case 'existsOne':
      needCondition(body, '_?_:_', [body, INT, INT]);
      return BOOL;
    case 'filter': {
      const list = listOf(inner.get(first) ?? DYN);
      needCondition(body, '_?_:_', [body, list, list]);
      return list;
    }
    case 'map':
    case 'transformList':
    case 'transformMap': {
      const result = node.macro === 'transformMap' ? mapOf(index, body) : listOf(body);
      const [filter] = bodies;
      if (bodies.length > 1 && filter) needCondition(filter, '_?_:_', [filter, result, result]);
      return result;
    }
  }
}

function rangeTypes(c: Checking, range: CelType, at: number): readonly [CelType, CelType] {
  if (range.kind === 'list') return [INT, range.element];
  if (range.kind === 'map') return [range.key, range.value];
  if (isDyn(range)) return [DYN, DYN];
  throw fail(
    c,
    at,
    `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
  );
}

const isCondition = (type: CelType): boolean => isDyn(type) || isSimple(type, 'bool');

function literalType(value: Value): CelType {
  if (value === null) return NULL;
  const name = typeName(value);
  return simpleType(name as 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes');
}
