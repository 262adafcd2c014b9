/**
 * The invariants that are checked at every step. 8 is checked by the ledger itself; 15 and 16 at
 * the end of a run.
 */
import { binding } from './binding.ts';
import { budgets } from './budgets.ts';
import { oneContainer, ownership } from './containers.ts';
import { daemons } from './daemons.ts';
import { garbage } from './garbage.ts';
import { pruneGuard, revision } from './git.ts';
import { isolation } from './isolation.ts';
import { countedFinishes, schedules } from './jobs.ts';
import { oneOrdinal } from './ordinals.ts';
import { rollout } from './rollout.ts';
import { truth } from './truth.ts';
import { volumes } from './volumes.ts';
import type { Checker } from './types.ts';

export const checkers: readonly Checker[] = [
  rollout,
  binding,
  ownership,
  oneContainer,
  pruneGuard,
  revision,
  garbage,
  oneOrdinal,
  truth,
  isolation,
  countedFinishes,
  daemons,
  volumes,
  schedules,
  budgets,
];
