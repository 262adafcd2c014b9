/**
 * Claims take what a write uses from what all writers share: the room of a quota, the address of a
 * Service. A claim is ops in front of the very commit that uses it. A commit that fails has taken
 * nothing, and two writers cannot take the same.
 */
import type { StoreOp } from '../../store/types.ts';
import type { Planned } from './plan-write.ts';

export interface Claimed {
  readonly planned: readonly Planned[];
  /** Each names the version it expects. Where one loses its race, the writer plans again. */
  readonly ops: readonly StoreOp[];
}

export interface Claims {
  /**
   * Calls `next` with what is planned, completed by what was claimed, and with the ops that claim
   * it. Rejects with the refusal where too little is left. Writers of one process take turns for as
   * long as `next` runs.
   */
  take<T>(claimed: Claimed, next: (claimed: Claimed) => Promise<T>): Promise<T>;
}

/** Takes all claims, the first outermost. */
export function takeAll<T>(
  claims: readonly Claims[],
  planned: readonly Planned[],
  commit: (claimed: Claimed) => Promise<T>,
): Promise<T> {
  const steps = claims.reduceRight<(claimed: Claimed) => Promise<T>>(
    (next, claim) => (claimed) => claim.take(claimed, next),
    commit,
  );
  return steps({ planned, ops: [] });
}

/** Runs tasks of one key one after the other. */
export interface Turns {
  take<T>(key: string, task: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  /** The last task that waits for each key. */
  const last = new Map<string, Promise<unknown>>();
  return {
    async take(key, task) {
      const mine = (last.get(key) ?? Promise.resolve()).then(task, task);
      const settled = mine.catch(() => undefined);
      last.set(key, settled);
      try {
        return await mine;
      } finally {
        if (last.get(key) === settled) last.delete(key);
      }
    },
  };
}
