/** The language of rules: compiles, checks, prices, evaluates. Others import this file only. */
export { type Budget, createBudget } from './budget.ts';
export type { Extent } from './cost/extent.ts';
export { LARGEST, sum, times } from './cost/size.ts';
export { CompileError, CostExceeded, EvaluationError } from './errors.ts';
export { durationOf } from './library/operators.ts';
export { parseDuration, parseTimestamp } from './library/times.ts';
export { compileProgram, type Program } from './program.ts';
export {
  BOOL,
  type CelType,
  DYN,
  formatType,
  INT,
  listOf,
  mapOf,
  optionalOf,
  simpleType,
  STRING,
} from './types.ts';
export { keyText, type ListForm, NONE, some, type Value } from './values.ts';
