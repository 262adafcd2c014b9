/** Tells how a reconcile ended: in the status, as events, and to the forge. */
import type { Requeue } from '../../base/work-queue.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import { assessApplication, refreshHealth } from '../observe/assess-application.ts';
import type { ManagedResources } from '../observe/managed-resources.ts';
import { orphansOf } from '../observe/orphans.ts';
import { operationStateOf } from '../plan/operation.ts';
import { NOTHING_WRITTEN, statusEvents } from '../plan/plan-application-events.ts';
import { planReport } from '../plan/plan-report.ts';
import type { SyncOutcome } from '../plan/sync-outcome.ts';
import type { CommitStatusLimits } from '../status/plan-commit-status.ts';
import type { Executor } from './executor.ts';

export interface Reporter {
  readonly apps: ResourceCache<Application>;
  readonly executor: Pick<Executor, 'writer' | 'clock' | 'tell'>;
  readonly limits: CommitStatusLimits;
}

export async function report(
  { apps, executor: { writer, clock, tell }, limits }: Reporter,
  application: Application,
  cache: ApplicationCache,
  managed: ManagedResources,
  outcome: SyncOutcome,
  signal: AbortSignal,
): Promise<Requeue> {
  const key = keyOf(application);
  refreshHealth(key, cache, managed);
  const health = assessApplication(key, cache, outcome, managed);
  const orphans = outcome.extraneous ? orphansOf(cache, managed) : [];
  const nowMs = clock.now();
  const plan = planReport({ application, known: cache, outcome, health, limits, nowMs }, orphans);
  Object.assign(cache, plan.times);
  const before = apps.get(key)?.status ?? {};
  await writer.writeObservation(application, plan.observed, signal);
  const after = apps.get(key)?.status ?? before;
  for (const event of statusEvents(before, after, cache.attempted, cache.tally)) tell(application, event);
  cache.isStartTold = false;
  if (operationStateOf({ status: after })?.phase !== 'Running') cache.tally = NOTHING_WRITTEN;
  if (plan.notify !== undefined) await writer.notify(key, plan.notify);
  if (outcome.retry && !outcome.compared) cache.fetchDue = true;
  return { requeueAfterMs: plan.waitMs };
}
