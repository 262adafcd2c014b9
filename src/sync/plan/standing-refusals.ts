/** Writes that the store refused at this commit, and when they are tried again. */
import type { Application } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ApplyError } from '../execute/apply-changes.ts';
import { nextTryMs, retryPolicyOf } from './plan-retry.ts';

/** Refusals that are not to be tried again yet. */
export function standingRefusals(
  state: ApplicationCache,
  requested: boolean,
  nowMs: number,
): Map<string, ApplyError> {
  const { refused } = state;
  if (!refused || requested || refused.revision !== state.revision) return new Map();
  if (refused.retryAtMs !== undefined && nowMs >= refused.retryAtMs) return new Map();
  return new Map(refused.errors);
}

export function rememberRefusals(
  application: Application,
  state: ApplicationCache,
  errors: Map<string, ApplyError>,
  nowMs: number,
): void {
  const before = state.refused?.revision === state.revision ? state.refused : undefined;
  const failures = (before?.failures ?? 0) + 1;
  const retryAtMs = nextTryMs(retryPolicyOf(application), failures, nowMs);
  state.refused = { revision: state.revision, failures, retryAtMs, errors };
}
