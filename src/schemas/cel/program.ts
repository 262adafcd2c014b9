/** An expression ready to run: parsed, checked against the types of its variables, compiled. */
import type { Budget } from './budget.ts';
import { check, type Scope } from './check.ts';
import { estimateCost } from './cost/estimate.ts';
import type { Extent } from './cost/extent.ts';
import { evaluator } from './evaluate.ts';
import { parse } from './parse.ts';
import type { CelType } from './types.ts';
import type { Value } from './values.ts';

export interface Program {
  readonly type: CelType;
  readonly uses: ReadonlySet<string>;
  /** The highest cost on data within the extent; 0 without an extent. */
  readonly maxCost: number;
  /**
   * Throws an `EvaluationError`, or `CostExceeded` when the budget is spent. A variable without a
   * value is an error only where it is read.
   */
  evaluate(variables: Readonly<Record<string, Value | undefined>>, budget: Budget): Value;
}

/** Throws a `CompileError`. `extent` says how large the variables are at most. */
export function compileProgram(source: string, variables: Scope, extent?: Extent): Program {
  const expression = parse(source);
  const { type, uses, types } = check(source, expression, variables);
  const names = [...variables.keys()];
  const evaluate = evaluator(expression, names);
  return {
    type,
    uses,
    maxCost: extent ? estimateCost(expression, types, extent) : 0,
    evaluate: (values, budget) => evaluate(names.map((name) => values[name]) as Value[], budget),
  };
}
