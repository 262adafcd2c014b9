/**
 * One reconcile of one application: observe, plan, execute, and again, until the plan is to wait or
 * to hold. Then the outcome is reported. Every turn plans anew from the live state, so the next
 * worker continues after a death between two turns.
 */
import { TransientError, UserError } from '../base/errors.ts';
import type { Rng } from '../base/rng.ts';
import type { Slots } from '../base/slots.ts';
import type { Requeue } from '../base/work-queue.ts';
import { mayUseOperatorsRepository } from '../schemas/applications/application-author.ts';
import { keyOf } from '../schemas/object.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import type { Application } from '../schemas/types.ts';
import type { ApplicationCache } from './cache/application-cache.ts';
import { type ApplicationCaches, cacheOf, wantFetch } from './cache/application-caches.ts';
import { execute } from './execute/execute.ts';
import type { Executor } from './execute/executor.ts';
import { finalizeApplication } from './execute/finalize-application.ts';
import { type Reporter, report } from './execute/report.ts';
import { takeRequests } from './execute/take-requests.ts';
import type { Repositories } from './git/repositories.ts';
import { confinedParser, confinedResources } from './observe/confinement.ts';
import type { ManagedResources } from './observe/managed-resources.ts';
import { isFetchDue, observe } from './observe/observe.ts';
import type { Observer } from './observe/observer.ts';
import { type Rights, syncAccessOf } from './observe/sync-access.ts';
import { comparisonFailure } from './plan/plan-outcome.ts';
import { planReconcile, rest } from './plan/plan-reconcile.ts';
import { RETRY_MS } from './plan/plan-report.ts';
import { createManifestParser } from './render/parse-manifest-file.ts';
import type { Plan, RestPlan, Subject, View } from './types.ts';

export interface Reconciler extends Reporter {
  readonly caches: ApplicationCaches;
  readonly repositories: Repositories;
  readonly managed: ManagedResources;
  readonly registry: Registry;
  readonly rights: Rights;
  readonly observer: Observer;
  readonly executor: Executor;
  /** Bounds how many applications render and apply at a time; waiting for Git takes no slot. */
  readonly slots: Slots;
  readonly pollIntervalMs: number;
  readonly rng: Rng;
}

/** More turns than any reconcile has: the steps of a sync are bounded, and so are its records. */
const MAX_TURNS = 500;
/** Applications do not all poll in the same second. */
const POLL_JITTER = 0.1;

export async function reconcile(
  reconciler: Reconciler,
  key: string,
  signal: AbortSignal,
): Promise<Requeue | undefined> {
  const { apps, caches, executor } = reconciler;
  const application = apps.get(key);
  if (!application) {
    caches.delete(key);
    return undefined;
  }
  const managed = confinedResources(reconciler.managed, application);
  if (application.metadata.deletionTimestamp !== undefined) {
    const ended = await finalizeApplication(reconciler, application, managed, signal);
    return ended ? undefined : { requeueAfterMs: RETRY_MS };
  }
  const cache = cacheOf(caches, application, executor.clock.now());
  if (await takeRequests(executor, application, cache, signal)) return undefined;
  noticePoll(reconciler, cache);
  cache.attempted = false;
  const { outcome } = await syncApplication(reconciler, application, cache, managed, signal);
  cache.outcome = outcome;
  return report(reconciler, application, cache, managed, outcome, signal);
}

function noticePoll({ executor: { clock }, rng, pollIntervalMs }: Reconciler, cache: ApplicationCache): void {
  if (clock.now() < cache.nextPollMs) return;
  wantFetch(cache, cache.revision === undefined ? 'start' : 'poll');
  cache.nextPollMs = clock.now() + pollIntervalMs * (1 + POLL_JITTER * (rng.next() - 0.5));
}

async function syncApplication(
  reconciler: Reconciler,
  application: Application,
  cache: ApplicationCache,
  managed: ManagedResources,
  signal: AbortSignal,
): Promise<RestPlan> {
  try {
    const subject = openSubject(reconciler, application, cache, managed);
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      signal.throwIfAborted();
      const plan = isFetchDue(subject)
        ? await takeTurn(reconciler, subject, signal)
        : await reconciler.slots.run(() => takeTurn(reconciler, subject, signal));
      if (plan.do === 'wait' || plan.do === 'hold') return plan;
    }
  } catch (error) {
    if (error instanceof UserError) return rest(comparisonFailure([error.message], undefined));
    if (error instanceof TransientError) return rest(comparisonFailure([], error.message));
    throw error;
  }
  throw new Error(`Cannot finish a reconcile in ${MAX_TURNS} turns, which is a defect`);
}

async function takeTurn(
  { observer, executor }: Reconciler,
  subject: Subject,
  signal: AbortSignal,
): Promise<Plan> {
  const view = await observe(observer, subject);
  const plan = planReconcile(view);
  if (plan.do === 'wait' || plan.do === 'hold') noteSettled(subject.cache, view, plan);
  else await execute(executor, subject, view, plan, signal);
  return plan;
}

/** A comparison that left nothing open need not be repeated. */
function noteSettled(cache: ApplicationCache, { git, objects }: View, { outcome }: RestPlan): void {
  if (!objects) return;
  const isSettled = outcome.applied && outcome.obstacle === undefined && outcome.retryAtMs === undefined;
  cache.settled = isSettled ? { outcome, brake: git?.brake } : undefined;
}

function openSubject(
  { repositories, registry, rights }: Reconciler,
  application: Application,
  cache: ApplicationCache,
  managed: ManagedResources,
): Subject {
  const { source, destination } = application.spec;
  if (!source) throw new UserError('Cannot sync: spec.source is missing');
  return {
    application,
    key: keyOf(application),
    source,
    cache,
    // Nothing is fetched for an Application that may write nothing.
    access: syncAccessOf(application, rights),
    repository: repositories.get(source.repoURL, mayUseOperatorsRepository(application)),
    managed,
    parse: confinedParser(createManifestParser(registry, destination.namespace ?? 'default'), application),
    progress: {
      hasFetched: false,
      obstacle: undefined,
      git: undefined,
      attempt: undefined,
      historyComplete: undefined,
      denied: undefined,
      refused: new Map(),
      steps: 0,
    },
  };
}
