/**
 * The GitOps loop: one look at a time at each application, on its own timer, on jobs of the queue `sync` (webhooks,
 * refreshes), and on events of what it manages. Jobs are hints; the timers alone converge.
 *
 * It runs in one process at a time (under the leader's lease; `commitOptions` carries the fence). It writes an
 * Application's status only when something in it changes.
 */
import type { Clock } from '../base/clock.ts';
import { ConflictError, errorMessage } from '../base/errors.ts';
import { jsonEqual } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import { cutMiddle } from '../base/text.ts';
import type { Rng } from '../base/rng.ts';
import { type Requeue, createWorkQueue } from '../base/work-queue.ts';
import { byApplyOrder, planDeletion } from '../diff/change-set.ts';
import { without } from '../diff/without.ts';
import { mayDelete } from '../diff/sync-options.ts';
import type { NotifyJob, Queues, SyncJob } from '../queue/types.ts';
import { asRecords } from '../schemas/json-access.ts';
import { formatApiVersion, keyOf } from '../schemas/object.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import { isStatusError } from '../schemas/status.ts';
import type { Application } from '../schemas/types.ts';
import type { CacheSet, ResourceCache } from '../store/cache.ts';
import type { Objects } from '../store/objects.ts';
import type { CommitOptions, Store } from '../store/types.ts';
import { type ApplicationState, createApplicationState, sourceKeyOf } from './application-state.ts';
import { applyChanges } from './apply-changes.ts';
import { orphansOf } from './apply-commit.ts';
import { commitStatusOf } from './commit-status.ts';
import { type ApplicationHealth, assessApplication, refreshHealth } from './assess-application.ts';
import type { GitMirror } from './git/types.ts';
import { openManagedResources } from './managed-resources.ts';
import { observeApplication } from './observe-application.ts';
import { type OperationRequest, operationStateOf, requestedOperation } from './operation.ts';
import { type ApplicationObservation, planApplicationStatus } from './plan-application-status.ts';
import { createRepositories } from './repositories.ts';
import { createManifestParser } from './render/parse-manifest-file.ts';
import {
  type CommitStatus,
  type CommitStatusLimits,
  type CommitStatusPlan,
  defaultCommitStatusLimits,
  planCommitStatus,
} from './status/plan-commit-status.ts';
import { createSlots } from './slots.ts';
import { syncApplication } from './sync-application.ts';
import type { SyncContext } from './sync-context.ts';
import type { SyncOutcome } from './sync-outcome.ts';

export interface ApplicationControllerOptions {
  readonly store: Store;
  readonly objects: Objects;
  readonly caches: CacheSet;
  readonly queues: Queues;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** Makes the mirror of a repository; the controller disposes it. */
  readonly createMirror: (repoURL: string) => GitMirror;
  readonly pollIntervalMs: number;
  readonly commitStatusLimits?: CommitStatusLimits;
  /** The fence of the leader, if there is one. */
  readonly commitOptions?: () => CommitOptions;
  /**
   * Look at nothing before `syncAllOnce`: a pod that Git names must not be created anew while its agent is about to tell
   * that it runs.
   */
  readonly held?: boolean;
}

export interface SyncSummary {
  /** Keys of the applications that are completely in the store. */
  readonly applied: readonly string[];
  readonly failed: readonly { readonly application: string; readonly message: string }[];
}

export interface ApplicationController extends AsyncDisposable {
  /** Asks for a fetch and a look, through the queue. */
  refresh(application: string, reason: string): Promise<void>;
  /** Fetches and looks at one application now, past the queue; resolves when that is done. */
  look(application: string, signal: AbortSignal): Promise<void>;
  /**
   * Looks once at every application, those that appear on the way included (an application may hold applications).
   * After the store lost its history this is what rebuilds it; nothing is deleted then.
   */
  syncAllOnce(signal: AbortSignal): Promise<SyncSummary>;
}

/** Looks at a time: nearly all of them wait for Git, and one that is slow must not hold up the others. */
const CONCURRENCY = 1_000;
/** Of them, this many render, compare and apply: what they hold in memory is bounded. */
const WORKING = 8;
/** Events of one change come in a burst; a short wait folds them into one look. */
const EVENT_DELAY_MS = 20;
/** Another try after Git could not be reached (or as soon as the next poll). */
const RETRY_MS = 10_000;
/** Applications do not all poll in the same second. */
const POLL_JITTER = 0.1;
/** Of a condition: the first problems say enough. */
const MAX_LOGGED = 1_000;
const FINALIZER = 'resources-finalizer.argocd.argoproj.io';
const REFRESH_ANNOTATION = 'argocd.argoproj.io/refresh';
const APPLICATIONS = 'applications.argoproj.io';

export async function createApplicationController(
  options: ApplicationControllerOptions,
): Promise<ApplicationController> {
  const { objects, queues, clock, registry } = options;
  const logger = options.logger.child({ component: 'sync' });
  const limits = options.commitStatusLimits ?? defaultCommitStatusLimits;
  const commitOptions = options.commitOptions ?? ((): CommitOptions => ({}));
  const repositories = createRepositories(options.createMirror);
  const states = new Map<string, ApplicationState>();
  const outcomes = new Map<string, SyncOutcome>();
  const waiters = new Map<string, (() => void)[]>();
  const slots = createSlots(WORKING);
  let held = options.held ?? false;
  const namespaceKind = registry.byKind('v1', 'Namespace');

  const apps: ResourceCache<Application> = await options.caches.open<Application>(APPLICATIONS);
  const work = createWorkQueue({
    clock,
    concurrency: CONCURRENCY,
    async process(key, signal) {
      // Who asks from now on waits for the next look: this one may already have read what they want seen.
      const asked = waiters.get(key) ?? [];
      waiters.delete(key);
      try {
        return held ? undefined : await look(key, signal);
      } finally {
        for (const resolve of asked) resolve();
      }
    },
    onError(application, error, retryInMs) {
      if (error instanceof ConflictError) return;
      logger.warn(
        { application, retryInMs, error: errorMessage(error) },
        'Cannot sync an application; trying again',
      );
    },
  });
  const managed = await openManagedResources(options.caches, registry, ({ application, id, specChanged }) => {
    const state = states.get(application);
    if (!state) return;
    state.healthDirty.add(id);
    if (specChanged) {
      state.dirty.add(id);
      state.refused?.errors.delete(id);
    }
    work.addAfter(application, EVENT_DELAY_MS);
  });
  // A kind that came or went may be what an application waits for, or was read with.
  const kinds = registry.subscribe(() => {
    for (const [key, state] of states) {
      state.allDirty = true;
      work.addAfter(key, EVENT_DELAY_MS);
    }
  });
  const subscription = apps.subscribe(({ type, key, object, previous }) => {
    const onlyStatus =
      type === 'MODIFIED' &&
      previous !== undefined &&
      jsonEqual(
        { ...object, status: undefined, metadata: userMetadata(object) },
        { ...previous, status: undefined, metadata: userMetadata(previous) },
      );
    const state = states.get(key);
    if (state && !jsonEqual(previous?.spec, object.spec)) {
      state.allDirty = true;
      state.refused = undefined;
    }
    if (onlyStatus) return;
    if (state) state.settled = undefined;
    work.add(key);
  });

  /** A look of its own, which begins after this call. */
  function lookNow(key: string): Promise<void> {
    return new Promise((resolve) => {
      const list = waiters.get(key);
      if (list) list.push(resolve);
      else waiters.set(key, [resolve]);
      work.add(key);
    });
  }

  function stateOf(application: Application): ApplicationState {
    const key = keyOf(application);
    const sourceKey = sourceKeyOf(application);
    const known = states.get(key);
    if (known?.sourceKey === sourceKey) return known;
    const fresh = createApplicationState(sourceKey, clock.now());
    const said = commitStatusOf(application);
    if (!known && said) fresh.attributed = said.sha;
    states.set(key, fresh);
    return fresh;
  }

  async function look(key: string, signal: AbortSignal): Promise<Requeue | undefined> {
    const application = apps.get(key);
    if (!application) {
      states.delete(key);
      outcomes.delete(key);
      return undefined;
    }
    if (application.metadata.deletionTimestamp !== undefined) return finalize(application, signal);
    const state = stateOf(application);
    if (await takeRequests(application, state, signal)) return undefined;
    if (clock.now() >= state.nextPollMs) {
      state.fetchDue = true;
      state.nextPollMs =
        clock.now() + options.pollIntervalMs * (1 + POLL_JITTER * (options.rng.next() - 0.5));
    }
    const outcome = await syncApplication(application, state, contextOf(key, signal), signal);
    outcomes.set(key, outcome);
    refreshHealth(state, managed);
    const health = assessApplication(state, managed);
    const plan = planStatusOfCommit(application, state, outcome, health);
    const orphans = outcome.extraneous ? orphansOf(state, managed) : [];
    await writeStatus(key, observeApplication(state, outcome, health, orphans, plan?.status), signal);
    if (plan && !jsonEqual(plan.status, commitStatusOf(application))) await notify(key, plan.status.sha);
    const waits = [
      state.nextPollMs - clock.now(),
      plan?.recheckAfterMs,
      outcome.retry ? RETRY_MS : undefined,
      outcome.retryAtMs === undefined ? undefined : outcome.retryAtMs - clock.now(),
    ];
    if (outcome.retry && !outcome.compared) state.fetchDue = true;
    return { requeueAfterMs: Math.max(1, Math.min(...waits.filter((wait) => wait !== undefined))) };
  }

  function contextOf(key: string, signal: AbortSignal): SyncContext {
    return {
      objects,
      managed,
      namespaceKind,
      logger,
      commitOptions,
      repository: ({ repoURL }) => repositories.get(repoURL),
      parse: createManifestParser(registry, apps.get(key)?.spec.destination.namespace ?? 'default'),
      kindsVersion: () => registry.version,
      isServed: (kind) =>
        !kind.custom || registry.byKind(formatApiVersion(kind.group, kind.version), kind.kind) !== undefined,
      historyComplete: async () => (await options.store.clusterState())?.phase === 'normal',
      nowMs: () => clock.now(),
      slots,
      operation: () => {
        const application = apps.get(key);
        return application && operationStateOf(application);
      },
      saveOperation: (operationState) =>
        writeStatusFields(key, (current) => ({ ...current, operationState }), signal),
      announce: async (sha) => {
        const application = apps.get(key);
        const said = application && commitStatusOf(application);
        // After a restart the same commit is no news.
        if (!application || said?.sha === sha) return;
        const pending: CommitStatus = { sha, state: 'pending', description: 'Applying the commit' };
        await writeStatusFields(key, (current) => ({ ...current, commitStatus: pending }), signal);
        await notify(key, sha);
      },
    };
  }

  /**
   * The refresh annotation and the operation field: taken off, as Argo CD does. A requested operation is in the status
   * before it leaves the spec, so that it cannot be lost in between. True when written.
   */
  async function takeRequests(
    application: Application,
    state: ApplicationState,
    signal: AbortSignal,
  ): Promise<boolean> {
    const refresh = application.metadata.annotations?.[REFRESH_ANNOTATION];
    const { operation } = application;
    if (refresh === undefined && operation === undefined) return false;
    state.fetchDue = true;
    if (refresh === 'hard') state.allDirty = true;
    if (operation !== undefined) {
      state.allDirty = true;
      state.refused = undefined;
      await recordRequest(keyOf(application), operation as OperationRequest, signal);
    }
    const current = apps.get(keyOf(application)) ?? application;
    const metadata = {
      ...current.metadata,
      annotations: without(current.metadata.annotations ?? {}, REFRESH_ANNOTATION) as Record<string, string>,
    };
    const rest = jsonEqual(current.operation, operation) ? without(current, 'operation') : current;
    await write(() => objects.update({ ...rest, metadata } as Application, commitOptions()));
    return true;
  }

  async function recordRequest(key: string, request: OperationRequest, signal: AbortSignal): Promise<void> {
    const application = apps.get(key);
    const before = application && operationStateOf(application);
    const operationState = requestedOperation(before, request, clock.now());
    await writeStatusFields(key, (current) => ({ ...current, operationState }), signal);
  }

  function planStatusOfCommit(
    application: Application,
    state: ApplicationState,
    outcome: SyncOutcome,
    { worst, cause }: ApplicationHealth,
  ): CommitStatusPlan | undefined {
    if (state.attributed === undefined) return undefined;
    const nowMs = clock.now();
    const settled = outcome.applied && (worst.status === 'Healthy' || worst.status === 'Suspended');
    if (settled) {
      state.healthySinceMs ??= nowMs;
      state.lastHealthyMs = nowMs;
    } else {
      if (state.healthySinceMs !== undefined) state.lastHealthyMs = nowMs;
      state.healthySinceMs = undefined;
    }
    if (!settled && cause?.severity === 'failing') state.failingSinceMs ??= nowMs;
    else state.failingSinceMs = undefined;
    return planCommitStatus({
      sha: state.attributed,
      nowMs,
      problem: outcome.problems[0],
      obstacle: outcome.obstacle,
      applied: outcome.applied,
      health: worst.status,
      cause: cause?.text,
      summary: `${state.desired.byId.size} objects healthy`,
      times: state,
      previous: commitStatusOf(application),
      limits,
    });
  }

  async function writeStatus(
    key: string,
    observed: ApplicationObservation,
    signal: AbortSignal,
  ): Promise<void> {
    const application = apps.get(key);
    if (!application) return;
    await writeStatusFields(key, () => planApplicationStatus(application, observed, clock.now()), signal);
    tell(key, application, observed);
  }

  /** Who starts a control plane looks at its log first: a repository that cannot be read or applied is said there, once. */
  function tell(key: string, application: Application, { conditions }: ApplicationObservation): void {
    const before = asRecords(application.status?.['conditions']);
    for (const { type, message } of conditions) {
      if (!type.endsWith('Error')) continue;
      if (before.some((known) => known['type'] === type && known['message'] === message)) continue;
      const shown = cutMiddle(message, MAX_LOGGED);
      logger.warn({ application: key, condition: type, message: shown }, 'An application is not as Git says');
    }
  }

  async function writeStatusFields(
    key: string,
    next: (current: Record<string, unknown>) => Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const application = apps.get(key);
    if (!application) return;
    const status = next(application.status ?? {});
    if (jsonEqual(status, application.status ?? {})) return;
    const written = await write(() =>
      objects.update({ ...application, status }, { ...commitOptions(), subresource: 'status' }),
    );
    const version = written?.metadata.resourceVersion;
    if (version !== undefined) await apps.waitFor(version, signal);
  }

  /** A lost race means that the cache is behind: look again. Gone means nothing is left to do. */
  async function write<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      if (isStatusError(error, 'Conflict')) throw new ConflictError(error.message, { cause: error });
      throw error;
    }
  }

  async function notify(application: string, sha: string): Promise<void> {
    try {
      await queues.queue<NotifyJob>('notify').add({ application, sha }, { key: application });
    } catch (error) {
      logger.warn(
        { application, error: errorMessage(error) },
        'Cannot queue a commit status; the resync posts it',
      );
    }
  }

  /** With Argo CD's finalizer, everything that the application manages goes before it does. */
  async function finalize(application: Application, signal: AbortSignal): Promise<Requeue | undefined> {
    const key = keyOf(application);
    const finalizers = application.metadata.finalizers ?? [];
    const ours = finalizers.filter(
      (finalizer) => finalizer === FINALIZER || finalizer.startsWith(`${FINALIZER}/`),
    );
    if (ours.length === 0) return undefined;
    if ((await options.store.clusterState())?.phase !== 'normal') return { requeueAfterMs: RETRY_MS };
    const inventory = managed.inventory(key);
    const syncOptions = application.spec.syncPolicy?.syncOptions ?? [];
    const going = inventory.filter(({ object }) => mayDelete(object, 'Delete', syncOptions));
    const deletions = going
      .filter(({ object }) => object.metadata.deletionTimestamp === undefined)
      .map((item) => planDeletion(item, syncOptions))
      .sort(byApplyOrder)
      .reverse();
    const result = await applyChanges(objects, deletions, commitOptions(), signal);
    await managed.caughtUp(result.written, signal);
    const left = managed.inventory(key).filter(({ object }) => mayDelete(object, 'Delete', syncOptions));
    if (left.length > 0) return { requeueAfterMs: RETRY_MS };
    const rest = finalizers.filter((finalizer) => !ours.includes(finalizer));
    await write(() =>
      objects.update(
        { ...application, metadata: { ...application.metadata, finalizers: rest } },
        commitOptions(),
      ),
    );
    return undefined;
  }

  const worker = queues.work<SyncJob>('sync', {
    concurrency: CONCURRENCY,
    async process({ application, reason }) {
      const state = states.get(application);
      if (state && reason !== 'drift') {
        state.fetchDue = true;
        state.newsExpected = true;
      }
      await lookNow(application);
    },
  });
  for (const application of apps.list()) work.add(keyOf(application));

  return {
    refresh: (application, reason) =>
      queues.queue<SyncJob>('sync').add({ application, reason }, { key: application }),
    async look(application, signal) {
      const state = states.get(application);
      if (state) state.fetchDue = true;
      await untilAborted(lookNow(application), signal);
    },
    async syncAllOnce(signal) {
      held = false;
      const done = new Set<string>();
      const cacheIsCurrent = async (): Promise<void> => {
        const { resource } = await options.store.versions(APPLICATIONS);
        await apps.waitFor(resource, signal);
      };
      await cacheIsCurrent();
      for (;;) {
        const open = apps
          .list()
          .map(keyOf)
          .filter((key) => !done.has(key));
        if (open.length === 0) break;
        for (const key of open) {
          const state = states.get(key);
          if (state) Object.assign(state, { allDirty: true, allHealthDirty: true });
        }
        await untilAborted(Promise.all(open.map(lookNow)), signal);
        signal.throwIfAborted();
        for (const key of open) done.add(key);
        await cacheIsCurrent();
      }
      const applied: string[] = [];
      const failed: { application: string; message: string }[] = [];
      for (const key of [...done].sort()) {
        const outcome = outcomes.get(key);
        if (outcome?.applied) applied.push(key);
        else
          failed.push({
            application: key,
            message: outcome?.problems[0] ?? outcome?.obstacle ?? 'not applied',
          });
      }
      return { applied, failed };
    },
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      kinds[Symbol.dispose]();
      managed[Symbol.dispose]();
      await worker[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
      await repositories[Symbol.asyncDispose]();
    },
  };
}

/** Resolves with the work, or as soon as nobody waits for it any more. */
async function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([work, aborted]);
  signal.removeEventListener('abort', stop);
}

function userMetadata({ metadata }: Application): unknown {
  return {
    labels: metadata.labels,
    annotations: metadata.annotations,
    finalizers: metadata.finalizers,
    deletionTimestamp: metadata.deletionTimestamp,
  };
}
