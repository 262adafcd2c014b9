/**
 * Turns a checked expression into functions that evaluate it. Each visited node costs units, so
 * that evaluation ends when the budget is spent. No part of the expression becomes JavaScript code.
 */
import type { Budget } from './budget.ts';
import { qualifiedFunction, qualifiedType, TYPE_NAMES } from './check.ts';
import { EvaluationError } from './errors.ts';
import { functionsCalled, methodsCalled } from './library/index.ts';
import { isOfKind, type Overload, spendKey } from './overload.ts';
import type { Comprehension, Expression } from './parse.ts';
import { listValue, mapValue, NONE, type OptionalValue, some, typeValue, type Value } from './values.ts';

/** Values of the variables, by the place that each was given. */
interface Run {
  readonly values: Value[];
  readonly budget: Budget;
}

type Evaluate = (run: Run) => Value;

/** Places of variables. */
type Places = ReadonlyMap<string, number>;

export type Evaluator = (variables: readonly Value[], budget: Budget) => Value;

/** `variables` names the given variables in the order in which their values will come. */
export function evaluator(expression: Expression, variables: readonly string[]): Evaluator {
  const evaluate = compile(expression, new Map(variables.map((name, index) => [name, index])));
  return (values, budget) => evaluate({ values: [...values], budget });
}

function compile(node: Expression, places: Places): Evaluate {
  const evaluate = compileNode(node, places);
  return (run) => {
    run.budget.spend(1);
    return evaluate(run);
  };
}

function compileNode(node: Expression, places: Places): Evaluate {
  const next = (child: Expression): Evaluate => compile(child, places);
  switch (node.op) {
    case 'literal': {
      const { value } = node;
      return () => value;
    }
    case 'name':
      return named(node.name, places);
    case 'select': {
      const type = qualifiedType(node, (name) => places.has(name));
      if (type !== undefined) return constant(typeValue(type));
      return select(next(node.operand), node.field, node.soft);
    }
    case 'has': {
      const operand = next(node.operand);
      return (run) => memberOf(operand(run), node.field) !== undefined;
    }
    case 'list': {
      const items = node.items.map(next);
      return (run) => listValue(items.map((item) => item(run)));
    }
    case 'map': {
      const entries = node.entries.map(([key, value]) => [next(key), next(value)] as const);
      return (run) =>
        mapValue(
          entries.map(([key, value]) => {
            const name = key(run);
            spendKey(run.budget, name);
            return [name, value(run)] as const;
          }),
        );
    }
    case 'and':
      return logical(next(node.left), next(node.right), false);
    case 'or':
      return logical(next(node.left), next(node.right), true);
    case 'conditional': {
      const [condition, then, otherwise] = [next(node.condition), next(node.then), next(node.otherwise)];
      return (run) => (isTrue(condition(run)) ? then(run) : otherwise(run));
    }
    case 'call':
      return call(functionsCalled(node.name), node.args.map(next));
    case 'method': {
      const qualified = qualifiedFunction(node.target, node.name, (name) => places.has(name));
      const args = node.args.map(next);
      if (qualified !== undefined) return call(functionsCalled(qualified), args);
      const target = next(node.target);
      const invoke = call(methodsCalled(node.name), [target, ...args]);
      return node.name === 'or' || node.name === 'orValue' ? lazily(node.name, target, invoke) : invoke;
    }
    case 'comprehension':
      return comprehension(node, places);
    case 'with-optional': {
      const place = Math.max(-1, ...places.values()) + 1;
      const body = compile(node.body, new Map(places).set(node.variable, place));
      const target = next(node.target);
      return (run) => {
        const optional = target(run);
        if (!isOptional(optional)) throw noOverload();
        if (optional.value === undefined) return NONE;
        run.values[place] = optional.value;
        const value = body(run);
        return node.macro === 'optMap' ? some(value) : value;
      };
    }
  }
}

const constant =
  (value: Value): Evaluate =>
  () =>
    value;

const noOverload = (): EvaluationError => new EvaluationError('no such overload');

const isOptional = (value: Value): value is OptionalValue =>
  value !== null && typeof value === 'object' && value.kind === 'optional';

function isTrue(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  throw noOverload();
}

function named(name: string, places: Places): Evaluate {
  const place = places.get(name);
  if (place === undefined)
    return TYPE_NAMES.has(name)
      ? constant(typeValue(name))
      : () => {
          throw new EvaluationError(`no such attribute(s): ${name}`);
        };
  return ({ values }) => {
    const value = values[place];
    if (value === undefined) throw new EvaluationError(`no such attribute(s): ${name}`);
    return value;
  };
}

/** The member of a map, an object, or an optional one; undefined where there is none. */
function memberOf(value: Value, field: string): Value | undefined {
  const holder = isOptional(value) ? value.value : value;
  if (holder === undefined) return undefined;
  if (holder === null || typeof holder !== 'object' || holder.kind !== 'map') throw noOverload();
  return holder.get(field);
}

function select(operand: Evaluate, field: string, soft: boolean): Evaluate {
  return (run) => {
    const value = operand(run);
    const member = memberOf(value, field);
    if (soft || isOptional(value)) return member === undefined ? NONE : some(member);
    if (member === undefined) throw new EvaluationError(`no such key: ${field}`);
    return member;
  };
}

/** `decisive` on one side decides, even if the other side fails. */
function logical(left: Evaluate, right: Evaluate, decisive: boolean): Evaluate {
  return (run) => {
    let failure: EvaluationError | undefined;
    try {
      if (isTrue(left(run)) === decisive) return decisive;
    } catch (error) {
      failure = evaluationError(error, run);
    }
    if (isTrue(right(run)) === decisive) return decisive;
    if (failure) throw failure;
    return !decisive;
  };
}

/** The cost of a failure: an error captures its stack. */
const FAILURE_COST = 200;

/** Everything else, above all a spent budget, ends the evaluation. */
function evaluationError(error: unknown, { budget }: Run): EvaluationError {
  if (!(error instanceof EvaluationError)) throw error;
  budget.spend(FAILURE_COST);
  return error;
}

function call(overloads: readonly Overload[], args: readonly Evaluate[]): Evaluate {
  const candidates = overloads.filter(({ params }) => params.length === args.length);
  return (run) => {
    const values = args.map((arg) => arg(run));
    for (const { params, run: invoke } of candidates)
      if (params.every((param, index) => isOfKind(param, values[index] ?? null)))
        return invoke(values, run.budget);
    throw noOverload();
  };
}

/** The alternative is evaluated only where there is no value. */
function lazily(name: 'or' | 'orValue', target: Evaluate, invoke: Evaluate): Evaluate {
  return (run) => {
    const optional = target(run);
    if (!isOptional(optional)) throw noOverload();
    if (optional.value === undefined) return invoke(run);
    return name === 'or' ? optional : optional.value;
  };
}

/** Calls with index and element, or key and value, until one returns true. Each costs units. */
function walkMembers(range: Value, budget: Budget, visit: (index: Value, item: Value) => boolean): void {
  if (range === null || typeof range !== 'object') throw noOverload();
  if (range.kind === 'list') {
    for (let index = 0; index < range.size; index += 1) {
      budget.spend(1);
      if (visit(index, range.at(index))) return;
    }
  } else if (range.kind === 'map') {
    const keys = range.keys();
    budget.spend(keys.length);
    for (const key of keys) if (visit(key, range.get(key) ?? null)) return;
  } else throw noOverload();
}

function comprehension(node: Comprehension, places: Places): Evaluate {
  const range = compile(node.range, places);
  const inner = new Map(places);
  // Places are counted, not names: a variable that hides another one has a place of its own.
  const first = Math.max(-1, ...places.values()) + 1;
  node.variables.forEach((name, index) => inner.set(name, first + index));
  const bodies = node.bodies.map((body) => compile(body, inner));
  const single = node.variables.length === 1;

  const walk = (run: Run, visit: (index: Value, item: Value) => boolean): void => {
    const over = range(run);
    const isList = over !== null && typeof over === 'object' && over.kind === 'list';
    walkMembers(over, run.budget, (place, item) => {
      // Indices are numbers of JavaScript until an expression asks for them.
      const index = typeof place === 'number' && !single ? BigInt(place) : place;
      const only = isList ? item : index;
      if (single) run.values[first] = only;
      else {
        run.values[first] = index;
        run.values[first + 1] = item;
      }
      return visit(index, single ? only : item);
    });
  };
  const body = bodies.at(-1) ?? constant(null);
  const filter = bodies.length > 1 ? bodies[0] : undefined;

  switch (node.macro) {
    case 'all':
      return quantifier(walk, body, false);
    case 'exists':
      return quantifier(walk, body, true);
    case 'existsOne':
      return (run) => {
        let count = 0;
        walk(run, () => {
          if (isTrue(body(run))) count += 1;
          return false;
        });
        return count === 1;
      };
    case 'filter':
      return (run) => {
        const kept: Value[] = [];
        walk(run, (_, item) => {
          if (isTrue(body(run))) kept.push(item);
          return false;
        });
        return listValue(kept);
      };
    case 'map':
    case 'transformList':
      return (run) => {
        const results: Value[] = [];
        walk(run, () => {
          if (!filter || isTrue(filter(run))) results.push(body(run));
          return false;
        });
        return listValue(results);
      };
    case 'transformMap':
      return (run) => {
        const results: (readonly [Value, Value])[] = [];
        walk(run, (index) => {
          if (!filter || isTrue(filter(run))) results.push([index, body(run)]);
          return false;
        });
        return mapValue(results);
      };
  }
}

/** One member decides, whatever happens with the others; without it, what failed counts. */
function quantifier(
  walk: (run: Run, visit: () => boolean) => void,
  body: Evaluate,
  decisive: boolean,
): Evaluate {
  return (run) => {
    let failure: EvaluationError | undefined;
    let decided = false;
    walk(run, () => {
      try {
        decided = isTrue(body(run)) === decisive;
      } catch (error) {
        const failed = evaluationError(error, run);
        failure ??= failed;
      }
      return decided;
    });
    if (decided) return decisive;
    if (failure) throw failure;
    return !decisive;
  };
}
