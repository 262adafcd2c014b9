/**
 * Pods that no node takes. They rest until a change may help them, or for a minute. They are memory
 * of this process only: the next process plans each of them once.
 */
import { keyOf } from '../schemas/object.ts';
import type { Pod } from '../schemas/types.ts';
import { claimsOfPod } from '../schemas/volumes/pod-claims.ts';

/** Changes of storage help only pods with claims. */
export type Help = 'any' | 'storage';

export interface RefusedPods {
  rests(pod: string, nowMs: number): boolean;
  refuse(pod: Pod, nowMs: number): void;
  forget(pod: string): void;
  /** A change may help. True where pods rested that are to be planned again. */
  help(help: Help): boolean;
  /** Calls of `help` so far. */
  readonly helps: Readonly<Record<Help, number>>;
}

/** They are planned again after this time without any help (upstream: 5 minutes). */
const RETRY_MS = 60_000;

export function createRefusedPods(): RefusedPods {
  const refusedAt = new Map<string, number>();
  const withClaims = new Set<string>();
  const helps = { any: 0, storage: 0 };
  return {
    get helps() {
      return { ...helps };
    },
    rests: (pod, nowMs) => nowMs - (refusedAt.get(pod) ?? Number.NEGATIVE_INFINITY) < RETRY_MS,
    refuse(pod, nowMs) {
      refusedAt.set(keyOf(pod), nowMs);
      if (claimsOfPod(pod).length > 0) withClaims.add(keyOf(pod));
    },
    forget(pod) {
      refusedAt.delete(pod);
      withClaims.delete(pod);
    },
    help(help) {
      helps[help] += 1;
      const helped = help === 'any' ? refusedAt.size : withClaims.size;
      if (help === 'any') refusedAt.clear();
      for (const pod of withClaims) refusedAt.delete(pod);
      withClaims.clear();
      return helped > 0;
    },
  };
}
