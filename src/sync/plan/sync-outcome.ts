/** The outcome of one reconcile. */
import type { ApplicationCondition } from './plan-application-status.ts';
import type { PruneBaseline } from './plan-brake.ts';

export interface SyncOutcome {
  /** Whether everything of the commit is in the store, and its hooks have succeeded. */
  readonly applied: boolean;
  /** Whether objects that Git no longer holds stay (no pruning, or it is held back). */
  readonly extraneous: boolean;
  readonly compared: boolean;
  /** Set when the sync is complete: everything is applied, and nothing is left to delete. */
  readonly baseline?: PruneBaseline | undefined;
  /** User errors, worst first: the commit cannot be applied as it is. The first of many. */
  readonly problems: readonly string[];
  readonly problemCount: number;
  /** Why we cannot do more now, through no fault of the commit. */
  readonly obstacle: string | undefined;
  /** The obstacle is an unhealthy object of the commit, or a step that is not done. */
  readonly isWaiting: boolean;
  readonly conditions: readonly ApplicationCondition[];
  /** An error that deserves another try soon. */
  readonly retry: boolean;
  readonly retryAtMs: number | undefined;
  /** Nothing is applied because nobody asked: no operation is under way. */
  readonly idle: boolean;
}
