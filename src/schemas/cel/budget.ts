/**
 * The budget of an evaluation in upstream's units: about one for each visited node and element, and
 * one for ten characters. It is checked while an expression runs, so that none can block the
 * process.
 */
import { CostExceeded } from './errors.ts';

export interface Budget {
  /** Throws {@link CostExceeded} when nothing is left. */
  spend(units: number): void;
  /** The units spent so far. */
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
