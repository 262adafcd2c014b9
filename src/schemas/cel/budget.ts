/**
 * What evaluating may cost, in upstream's units: about one for each node that is visited and each element that is looked at, and
 * one for ten characters. Checked while an expression runs, so that no rule and no object can hold the process.
 */
import { CostExceeded } from './errors.ts';

export interface Budget {
  /** Throws {@link CostExceeded} when nothing is left. */
  spend(units: number): void;
  /** What was spent since the beginning. */
  readonly spent: number;
}

export function createBudget(limit: number): Budget {
  let spent = 0;
  return {
    spend(units) {
      spent += units;
      if (spent > limit) throw new CostExceeded();
    },
    get spent() {
      return spent;
    },
  };
}
