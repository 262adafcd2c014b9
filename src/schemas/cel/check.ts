/** Finds the type of an expression, or says what does not fit, in the words of the compiler upstream. */
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

/** Names that are types when nothing else is called so. */
export const TYPE_NAMES: ReadonlySet<string> = new Set([
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
  'optional_type',
]);
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

/** The name of a function in a namespace, for a method call whose target is no variable: `sets.contains`. */
export function qualifiedFunction(
  target: Expression,
  method: string,
  isVariable: (name: string) => boolean,
): string | undefined {
  if (target.op !== 'name' || isVariable(target.name)) return undefined;
  const name = `${target.name}.${method}`;
  return functionsCalled(name).length > 0 ? name : undefined;
}

/** Throws a `CompileError`. */
export function check(source: string, expression: Expression, variables: Scope): Checked {
  const uses = new Set<string>();
  const types = new Map<Expression, CelType>();

  const fail = (at: number, text: string): Error => complaintAt(source, at, text);
  const shownTypes = (types: readonly CelType[]): string => types.map(formatType).join(', ');

  function resolve(
    overloads: readonly Overload[],
    name: string,
    args: readonly CelType[],
    at: number,
    isMethod: boolean,
  ): CelType {
    if (overloads.length === 0) throw fail(at, `undeclared reference to '${name}' (in container '')`);
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
      throw fail(at, `found no matching overload for '${name}' applied to '${applied}'`);
    }
    return others.every((other) => formatType(other) === formatType(first)) ? first : DYN;
  }

  function typeOf(node: Expression, scope: Scope): CelType {
    const type = findType(node, scope);
    if (weightOf(type) > MAX_TYPE_WEIGHT) throw fail(node.at, 'the type of the expression is too large');
    types.set(node, type);
    return type;
  }

  function findType(node: Expression, scope: Scope): CelType {
    switch (node.op) {
      case 'literal':
        return literalType(node.value);
      case 'name':
        return nameType(node.name, node.at, scope);
      case 'select':
        if (qualifiedType(node, (name) => scope.has(name)) !== undefined) return simpleType('type');
        return selected(typeOf(node.operand, scope), node.field, node.at, node.soft);
      case 'has':
        selected(typeOf(node.operand, scope), node.field, node.at, false);
        return BOOL;
      case 'list':
        return listOf(common(node.items, scope));
      case 'map': {
        const keys = node.entries.map(([key]) => key);
        const values = node.entries.map(([, value]) => value);
        return mapOf(common(keys, scope), common(values, scope));
      }
      case 'and':
      case 'or': {
        const types = [typeOf(node.left, scope), typeOf(node.right, scope)];
        const name = node.op === 'and' ? '_&&_' : '_||_';
        if (!types.every(isCondition)) throw noOverload(node.at, name, types);
        return BOOL;
      }
      case 'conditional':
        return conditional(node, scope);
      case 'call': {
        const args = node.args.map((arg) => typeOf(arg, scope));
        return resolve(functionsCalled(node.name), node.name, args, node.at, false);
      }
      case 'method': {
        const qualified = qualifiedFunction(node.target, node.name, (name) => scope.has(name));
        const args = node.args.map((arg) => typeOf(arg, scope));
        if (qualified !== undefined)
          return resolve(functionsCalled(qualified), qualified, args, node.at, false);
        const target = typeOf(node.target, scope);
        return resolve(methodsCalled(node.name), node.name, [target, ...args], node.at, true);
      }
      case 'comprehension':
        return comprehension(node, node.at, scope);
      case 'with-optional': {
        const target = typeOf(node.target, scope);
        if (target.kind !== 'optional' && !isDyn(target)) throw noOverload(node.at, node.macro, [target]);
        const inner = target.kind === 'optional' ? target.value : DYN;
        const body = typeOf(node.body, new Map(scope).set(node.variable, inner));
        if (node.macro === 'optMap') return optionalOf(body);
        if (body.kind !== 'optional' && !isDyn(body)) throw noOverload(node.at, node.macro, [target, body]);
        return body;
      }
    }
  }

  const noOverload = (at: number, name: string, types: readonly CelType[]): Error =>
    fail(at, `found no matching overload for '${name}' applied to '(${shownTypes(types)})'`);

  function nameType(name: string, at: number, scope: Scope): CelType {
    const type = scope.get(name);
    if (type) {
      if (type === variables.get(name)) uses.add(name);
      return type;
    }
    if (TYPE_NAMES.has(name)) return simpleType('type');
    throw fail(at, `undeclared reference to '${name}' (in container '')`);
  }

  function selected(type: CelType, field: string, at: number, soft: boolean): CelType {
    if (type.kind === 'optional') return optionalOf(member(type.value, field, at));
    const found = member(type, field, at);
    return soft ? optionalOf(found) : found;
  }

  function member(type: CelType, field: string, at: number): CelType {
    if (isDyn(type)) return DYN;
    if (type.kind === 'map') return type.value;
    if (type.kind !== 'object') throw fail(at, `type '${formatType(type)}' does not support field selection`);
    const found = type.fields.get(field);
    if (!found) throw fail(at, `undefined field '${field}'`);
    return found;
  }

  /** Of the elements of a literal, which all have the same type. */
  function common(items: readonly Expression[], scope: Scope): CelType {
    let type: CelType | undefined;
    for (const item of items) {
      const next = typeOf(item, scope);
      if (type === undefined) type = next;
      else if (!fits(type, next, new Map())) {
        if (!fits(next, type, new Map()))
          throw fail(item.at, `expected type '${formatType(type)}' but found '${formatType(next)}'`);
        type = next;
      } else if (isDyn(next)) type = next;
    }
    return type ?? DYN;
  }

  function conditional(node: Expression & { readonly op: 'conditional' }, scope: Scope): CelType {
    const condition = typeOf(node.condition, scope);
    const then = typeOf(node.then, scope);
    const otherwise = typeOf(node.otherwise, scope);
    if (isCondition(condition)) {
      if (fits(then, otherwise, new Map())) return isDyn(otherwise) ? DYN : then;
      if (fits(otherwise, then, new Map())) return otherwise;
    }
    throw noOverload(node.at, '_?_:_', [condition, then, otherwise]);
  }

  function comprehension(node: Comprehension, at: number, scope: Scope): CelType {
    const range = typeOf(node.range, scope);
    const inner = new Map(scope);
    const [first = '', second] = node.variables;
    const [index, element] = rangeTypes(range, node.range.at);
    if (second === undefined) inner.set(first, range.kind === 'list' ? element : index);
    else inner.set(first, index).set(second, element);
    const bodies = node.bodies.map((body) => typeOf(body, inner));
    const body = bodies.at(-1) ?? DYN;
    const needCondition = (type: CelType, name: string, types: readonly CelType[]): void => {
      if (!isCondition(type)) throw noOverload(at, name, types);
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

  function rangeTypes(range: CelType, at: number): readonly [CelType, CelType] {
    if (range.kind === 'list') return [INT, range.element];
    if (range.kind === 'map') return [range.key, range.value];
    if (isDyn(range)) return [DYN, DYN];
    throw fail(
      at,
      `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
    );
  }

  return { type: typeOf(expression, variables), uses, types };
}

const isCondition = (type: CelType): boolean => isDyn(type) || isSimple(type, 'bool');

function literalType(value: Value): CelType {
  if (value === null) return NULL;
  const name = typeName(value);
  return simpleType(name as 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes');
}
