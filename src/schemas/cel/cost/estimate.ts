/**
 * The highest cost of an expression in upstream's units, estimated from the largest data. Upstream
 * refuses a rule by this number, so the estimate equals upstream's, quirks included. A macro costs
 * as much as its expansion.
 */
import type { Comprehension, Expression } from '../parse.ts';
import { type CelType, DYN, isDyn } from '../types.ts';
import type { Value } from '../values.ts';
import {
  type Argument,
  type CallEstimate,
  type Entry,
  entryOf,
  estimateCall,
  grownEntry,
  listEntry,
} from './calls.ts';
import { type Extent, type Place, type Step, stepTo } from './extent.ts';
import { fixed, ONE, type Size, sum, times, union, UNKNOWN } from './size.ts';

const LIST = 10;
const MAP = 30;
/** The cost of a name, a selection, most calls. */
const UNIT = 1;

interface Variable {
  readonly place: Place;
  readonly size: Size | undefined;
  readonly entry: Entry | undefined;
}
type Variables = ReadonlyMap<string, Variable>;

interface Estimate extends Variable {
  readonly cost: number;
}

/** The types that the checker found, and the extent that every variable of the rule has. */
interface Costing {
  readonly types: ReadonlyMap<Expression, CelType>;
  readonly root: Extent;
}

export function estimateCost(
  expression: Expression,
  types: ReadonlyMap<Expression, CelType>,
  root: Extent,
): number {
  return visit({ types, root }, expression, new Map()).cost;
}

const typeOf = (c: Costing, node: Expression): CelType => c.types.get(node) ?? DYN;
const step = (c: Costing, place: Place, to: Step): Place => stepTo(place, to, c.root);

/** The place decides before the type does, as upstream asks its schema first. */
function sizeAt(place: Place, type: CelType, otherwise?: Size): Size | undefined {
  if (place?.extent) return { min: 0, max: place.extent.maxSize };
  return isScalar(type) ? ONE : otherwise;
}

const result = (c: Costing, node: Expression, cost: number, size?: Size, entry?: Entry): Estimate => ({
  cost,
  place: undefined,
  size: size ?? sizeAt(undefined, typeOf(c, node)),
  entry,
});

function visit(c: Costing, node: Expression, variables: Variables): Estimate {
  const of = (inner: Expression): Estimate => visit(c, inner, variables);
  switch (node.op) {
    case 'literal':
      return result(c, node, 0, literalSize(node.value));
    case 'name': {
      const variable = variables.get(node.name) ?? {
        place: { extent: c.root },
        size: undefined,
        entry: undefined,
      };
      return { ...variable, cost: UNIT, size: sizeAt(variable.place, typeOf(c, node), variable.size) };
    }
    case 'select': {
      const operand = of(node.operand);
      if (node.soft) return result(c, node, sum(operand.cost, UNIT));
      const { kind } = typeOf(c, node.operand);
      const place = step(c, operand.place, { kind: 'field', name: node.field });
      const cost = sum(operand.cost, kind === 'map' || kind === 'object' ? UNIT : 0);
      return { cost, place, size: sizeAt(place, typeOf(c, node)), entry: undefined };
    }
    case 'has':
      // Free, by an option that upstream has set since it began.
      return result(c, node, of(node.operand).cost);
    case 'list': {
      const items = node.items.map(of);
      const cost = sum(LIST, ...items.map((item) => item.cost));
      return result(c, node, cost, fixed(items.length), listEntry(items.map(known)));
    }
    case 'map': {
      const [keys, values] = [
        node.entries.map(([key]) => of(key)),
        node.entries.map(([, value]) => of(value)),
      ];
      const cost = sum(MAP, ...[...keys, ...values].map((member) => member.cost));
      return result(c, node, cost, fixed(keys.length), entryOf(keys.map(known), values.map(known)));
    }
    case 'and':
    case 'or':
      return result(c, node, sum(of(node.left).cost, of(node.right).cost));
    case 'conditional': {
      const [condition, then, otherwise] = [of(node.condition), of(node.then), of(node.otherwise)];
      const entry =
        then.entry && otherwise.entry
          ? {
              key: union(then.entry.key, otherwise.entry.key),
              value: union(then.entry.value, otherwise.entry.value),
            }
          : undefined;
      const cost = sum(condition.cost, Math.max(then.cost, otherwise.cost));
      return result(c, node, cost, union(known(then), known(otherwise)), entry);
    }
    case 'call':
      return call(c, node, node.name, undefined, node.args, variables);
    case 'method': {
      // The name of a namespace has no type.
      const isFunction = node.target.op === 'name' && !c.types.has(node.target);
      return isFunction && node.target.op === 'name'
        ? call(c, node, `${node.target.name}.${node.name}`, undefined, node.args, variables)
        : call(c, node, node.name, node.target, node.args, variables);
    }
    case 'comprehension':
      return comprehension(c, node, node, variables);
    case 'with-optional': {
      const target = of(node.target);
      const inner = new Map(variables).set(node.variable, {
        place: undefined,
        size: undefined,
        entry: undefined,
      });
      const bound = sum(LIST, target.cost, UNIT, visit(c, node.body, inner).cost);
      const chosen = node.macro === 'optMap' ? sum(bound, UNIT) : bound;
      return result(c, node, sum(target.cost, UNIT, Math.max(chosen, UNIT)), UNKNOWN);
    }
  }
}

function call(
  c: Costing,
  node: Expression,
  name: string,
  targetNode: Expression | undefined,
  argNodes: readonly Expression[],
  variables: Variables,
): Estimate {
  const target = targetNode && visit(c, targetNode, variables);
  const args = argNodes.map((arg) => visit(c, arg, variables));
  const [first] = args;
  const argsCost = sum(target?.cost ?? 0, ...args.map(({ cost }) => cost));
  if (name === 'dyn' && first) return { ...first, cost: sum(UNIT, first.cost), place: undefined };
  if (name === '_[_]' && first) {
    const place = step(c, first.place, { kind: 'items' });
    const size = first.entry?.value ?? sizeAt(place, typeOf(c, node));
    return { cost: sum(argsCost, UNIT), place, size, entry: undefined };
  }
  const estimate: CallEstimate = estimateCall(
    name,
    target && targetNode && argument(c, targetNode, target),
    args.map((arg, index) => argument(c, argNodes[index] ?? node, arg)),
  );
  return result(c, node, sum(argsCost, estimate.cost), estimate.size, estimate.entry);
}

function argument(c: Costing, node: Expression, { place, size, entry }: Estimate): Argument {
  const type = typeOf(c, node);
  const items = place && step(c, place, { kind: 'items' });
  const itemSize = items?.extent ? { min: 0, max: items.extent.maxSize } : undefined;
  const literal = node.op === 'literal' && typeof node.value === 'bigint' ? Number(node.value) : undefined;
  return { type, size, entry, itemSize, literal };
}

function comprehension(c: Costing, node: Expression, macro: Comprehension, variables: Variables): Estimate {
  const range = visit(c, macro.range, variables);
  const count = known(range);
  const isList = typeOf(c, macro.range).kind === 'list';
  const key = {
    place: step(c, range.place, { kind: isList ? 'indices' : 'keys' }),
    size: range.entry?.key,
    entry: undefined,
  };
  const value = {
    place: step(c, range.place, { kind: isList ? 'items' : 'values' }),
    size: range.entry?.value,
    entry: undefined,
  };
  const [first = '', second] = macro.variables;
  const inner = new Map(variables);
  if (second === undefined) inner.set(first, isList ? value : key);
  else inner.set(first, key).set(second, value);
  const bodies = macro.bodies.map((body) => visit(c, body, inner));
  const filter = bodies.length > 1 ? (bodies[0]?.cost ?? 0) : 0;
  const body = bodies.at(-1) ?? result(c, node, 0);
  const whole = (once: number, each: number, size: Size, entry?: Entry): Estimate =>
    result(c, node, sum(range.cost, once, times(count.max, each)), size, entry);
  // A new list costs its making, the name of the old one and the addition.
  const grow = LIST + 2 * UNIT;
  switch (macro.macro) {
    case 'all':
      return whole(UNIT, sum(body.cost, 3 * UNIT), ONE);
    case 'exists':
      return whole(UNIT, sum(body.cost, 4 * UNIT), ONE);
    case 'existsOne':
      return whole(2 * UNIT, sum(body.cost, 2 * UNIT), ONE);
    case 'filter': {
      const element = sizeOfName(c, macro.range, inner.get(first));
      return whole(LIST + UNIT, sum(body.cost, grow + UNIT), count, grownEntry(element));
    }
    case 'map':
    case 'transformList':
      return whole(LIST + UNIT, sum(filter, grow, body.cost), count, grownEntry(known(body)));
    case 'transformMap':
      return whole(MAP + UNIT, sum(filter, 3 * UNIT, body.cost), count);
  }
}

/** Set for the element that a filter keeps. */
function sizeOfName(c: Costing, range: Expression, variable: Variable | undefined): Size {
  const type = typeOf(c, range);
  const element = type.kind === 'list' ? type.element : type.kind === 'map' ? type.key : DYN;
  return sizeAt(variable?.place, element, variable?.size) ?? UNKNOWN;
}

const known = ({ size }: Estimate): Size => size ?? UNKNOWN;

function literalSize(value: Value): Size | undefined {
  if (typeof value === 'string') return fixed(Array.from(value).length);
  if (value !== null && typeof value === 'object' && value.kind === 'bytes') return fixed(value.bytes.length);
  return ONE;
}

function isScalar(type: CelType): boolean {
  if (isDyn(type)) return false;
  if (type.kind === 'optional') return isScalar(type.value);
  return (
    type.kind === 'simple' && ['bool', 'int', 'uint', 'double', 'timestamp', 'duration'].includes(type.name)
  );
}
