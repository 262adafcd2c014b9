/**
 * The invariants that are checked at every step. 8 is checked by the ledger itself; 15 and 16 at
 * the end of a run.
 */
import { binding } from './binding.ts';
import { oneContainer, ownership } from './containers.ts';
import { garbage } from './garbage.ts';
import { pruneGuard, revision } from './git.ts';
import { rollout } from './rollout.ts';
import type { Checker } from './types.ts';

export const checkers: readonly Checker[] = [
  rollout,
  binding,
  ownership,
  oneContainer,
  pruneGuard,
  revision,
  garbage,
];
