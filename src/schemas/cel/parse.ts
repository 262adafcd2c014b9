/**
 * Parses text to a tree. The grammar is the library's (ADR 10). Its named calls become macros,
 * operators and calls here, so that the checker and the evaluator see the same few forms. The
 * library's own checker and evaluator are not used.
 */
import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import { complaintAt, type CompileError } from './errors.ts';
import { uint, type Value } from './values.ts';

interface At {
  /** Where in the source a complaint about it points. */
  readonly at: number;
}

export type Expression = At &
  (
    | { readonly op: 'literal'; readonly value: Value }
    | { readonly op: 'name'; readonly name: string }
    | { readonly op: 'select'; readonly operand: Expression; readonly field: string; readonly soft: boolean }
    | { readonly op: 'has'; readonly operand: Expression; readonly field: string }
    | { readonly op: 'list'; readonly items: readonly Expression[] }
    | { readonly op: 'map'; readonly entries: readonly (readonly [Expression, Expression])[] }
    | { readonly op: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
    | {
        readonly op: 'conditional';
        readonly condition: Expression;
        readonly then: Expression;
        readonly otherwise: Expression;
      }
    /** A function, or an operator by its name in the language definition: `_+_`. */
    | { readonly op: 'call'; readonly name: string; readonly args: readonly Expression[] }
    | {
        readonly op: 'method';
        readonly name: string;
        readonly target: Expression;
        readonly args: readonly Expression[];
      }
    | Comprehension
    | {
        readonly op: 'with-optional';
        readonly macro: 'optMap' | 'optFlatMap';
        readonly target: Expression;
        readonly variable: string;
        readonly body: Expression;
      }
  );

export interface Comprehension {
  readonly op: 'comprehension';
  readonly macro: MacroName;
  readonly range: Expression;
  /** One for the element or key; two for index and element, or key and value. */
  readonly variables: readonly string[];
  /** Evaluated for each element; the last one is the result, one before it a filter. */
  readonly bodies: readonly Expression[];
}

export type MacroName = 'all' | 'exists' | 'existsOne' | 'map' | 'filter' | 'transformList' | 'transformMap';

/** Longer rules are programs; upstream bounds them by their estimated cost. */
const MAX_SOURCE = 16 * 1024;
/** Nesting that the evaluator's recursion is sure to survive. */
const MAX_DEPTH = 250;

const library = new Environment({
  enableOptionalTypes: true,
  limits: { maxAstNodes: 10_000, maxDepth: MAX_DEPTH },
});

/** Throws a {@link CompileError}. */
export function parse(source: string): Expression {
  if (source.length > MAX_SOURCE)
    throw complaintAt('', 0, `Syntax error: expression code point size exceeds limit: ${MAX_SOURCE}`);
  return expand(source, read(source), 0);
}

function read(source: string): ASTNode {
  try {
    return library.parse(source).ast;
  } catch (error) {
    if (error instanceof ParseError)
      throw complaintAt(source, error.range?.start ?? 0, `Syntax error: ${error.summary}`);
    if (error instanceof RangeError) throw tooDeep(source, 0);
    throw error;
  }
}

const tooDeep = (source: string, at: number): CompileError =>
  complaintAt(source, at, `Syntax error: expression recursion limit exceeded: ${MAX_DEPTH}`);

const OPERATORS = new Map([
  ...['+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>='].map((sign) => [sign, `_${sign}_`] as const),
  ['in', '@in'] as const,
]);

const INT_LIMIT = 2n ** 63n;

function expand(source: string, node: ASTNode, depth: number): Expression {
  if (depth > MAX_DEPTH) throw tooDeep(source, node.start);
  const next = (child: ASTNode): Expression => expand(source, child, depth + 1);
  /** The first place of a sign after one node and before another. */
  const sign = (text: string, after: number): number => Math.max(source.indexOf(text, after), node.start);
  switch (node.op) {
    case 'value':
      return { op: 'literal', at: node.start, value: literal(source, node.args, node.start) };
    case 'id':
      return { op: 'name', at: node.start, name: node.args };
    case '.':
    case '.?': {
      const [operand, field] = node.args;
      const at = Math.max(source.lastIndexOf('.', node.pos), node.start);
      return { op: 'select', at, operand: next(operand), field, soft: node.op === '.?' };
    }
    case '[]':
    case '[?]': {
      const [operand, index] = node.args;
      const name = node.op === '[]' ? '_[_]' : '_[?_]';
      return { op: 'call', at: sign('[', operand.end), name, args: [next(operand), next(index)] };
    }
    case 'call': {
      const [name, args] = node.args;
      const at = sign('(', node.start + name.length);
      return functionCall(source, name, args.map(next), at);
    }
    case 'rcall': {
      const [name, target, args] = node.args;
      const at = sign('(', source.indexOf(name, target.end));
      return methodCall(source, name, next(target), args.map(next), at);
    }
    case 'list':
      return { op: 'list', at: node.start, items: node.args.map(next) };
    case 'map':
      return {
        op: 'map',
        at: node.start,
        entries: node.args.map(([key, value]) => [next(key), next(value)] as const),
      };
    case '?:': {
      const [condition, then, otherwise] = node.args;
      const at = sign('?', condition.end);
      return {
        op: 'conditional',
        at,
        condition: next(condition),
        then: next(then),
        otherwise: next(otherwise),
      };
    }
    case '&&':
    case '||': {
      const [left, right] = node.args;
      const at = sign(node.op, left.end);
      return { op: node.op === '&&' ? 'and' : 'or', at, left: next(left), right: next(right) };
    }
    case '!_':
      return { op: 'call', at: node.start, name: '!_', args: [next(node.args)] };
    case '-_': {
      const { args: operand } = node;
      if (operand.op === 'value' && typeof operand.args === 'number')
        return { op: 'literal', at: node.start, value: -operand.args };
      if (operand.op === 'value' && typeof operand.args === 'bigint')
        return { op: 'literal', at: node.start, value: literal(source, -operand.args, node.start) };
      return { op: 'call', at: node.start, name: '-_', args: [next(operand)] };
    }
    default: {
      const [left, right] = node.args;
      const name = OPERATORS.get(node.op) ?? node.op;
      return { op: 'call', at: sign(node.op, left.end), name, args: [next(left), next(right)] };
    }
  }
}

function literal(source: string, value: unknown, at: number): Value {
  if (typeof value === 'bigint' && (value >= INT_LIMIT || value < -INT_LIMIT))
    throw complaintAt(source, at, 'Syntax error: invalid int literal');
  if (value instanceof Uint8Array) return { kind: 'bytes', bytes: value };
  if (value === null || typeof value !== 'object') return value as Value;
  // The only literal left is a number without a sign.
  return uint(value.valueOf() as bigint);
}

function functionCall(source: string, name: string, args: readonly Expression[], at: number): Expression {
  if (name !== 'has') return { op: 'call', at, name, args };
  const [argument] = args;
  if (args.length !== 1 || argument?.op !== 'select' || argument.soft)
    throw complaintAt(source, at, 'invalid argument to has() macro');
  return { op: 'has', at, operand: argument.operand, field: argument.field };
}

/** Macros of the language, of optionals and of two variables, by name and argument count. */
const MACROS: Readonly<Record<string, readonly [MacroName, variables: number]>> = {
  'all/2': ['all', 1],
  'exists/2': ['exists', 1],
  'exists_one/2': ['existsOne', 1],
  'existsOne/2': ['existsOne', 1],
  'map/2': ['map', 1],
  'map/3': ['map', 1],
  'filter/2': ['filter', 1],
  'all/3': ['all', 2],
  'exists/3': ['exists', 2],
  'existsOne/3': ['existsOne', 2],
  'exists_one/3': ['existsOne', 2],
  'transformList/3': ['transformList', 2],
  'transformList/4': ['transformList', 2],
  'transformMap/3': ['transformMap', 2],
  'transformMap/4': ['transformMap', 2],
};

function methodCall(
  source: string,
  name: string,
  target: Expression,
  args: readonly Expression[],
  at: number,
): Expression {
  const variable = (argument: Expression | undefined): string => {
    if (argument?.op === 'name') return argument.name;
    throw complaintAt(source, argument?.at ?? at, 'argument must be a simple name');
  };
  const macro = Object.hasOwn(MACROS, `${name}/${args.length}`)
    ? MACROS[`${name}/${args.length}`]
    : undefined;
  if (macro) {
    const [macroName, count] = macro;
    return {
      op: 'comprehension',
      at,
      macro: macroName,
      range: target,
      variables: args.slice(0, count).map(variable),
      bodies: args.slice(count),
    };
  }
  const [first, body] = args;
  if ((name === 'optMap' || name === 'optFlatMap') && args.length === 2 && body)
    return { op: 'with-optional', at, macro: name, target, variable: variable(first), body };
  return { op: 'method', at, name, target, args };
}
