/**
 * The GitOps loop: one look at a time at each application, on its own timer, on jobs of the queue `sync` (webhooks,
 * refreshes), and on events of what it manages. Jobs are hints; the timers alone converge.
 *
 * It runs in one process at a time (under the leader's lease; `commitOptions` carries the fence). It writes an
 * Application's status only when something in it changes.
 */
import type { Clock } from '../base/clock.ts';
import { type Scope, openScope } from '../base/scope.ts';
import { UserError } from '../base/errors.ts';
import { jsonEqual } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Rng } from '../base/rng.ts';
import type { Requeue } from '../base/work-queue.ts';
import type { Queues, SyncJob } from '../queue/types.ts';
import { mayUseOperatorsRepository } from '../schemas/applications/application-author.ts';
import { formatApiVersion, keyOf, objectKey } from '../schemas/object.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import type { Application, ApplicationSource } from '../schemas/types.ts';
import type { CacheEvent, CacheSet, ResourceCache } from '../store/cache/cache.ts';
import type { DelegateWrites } from '../resources/writing/delegated-writes.ts';
import type { Objects } from '../resources/writing/objects.ts';
import type { CommitOptions, Store } from '../store/types.ts';
import { type ApplicationState, createApplicationState, sourceKeyOf } from './application-state.ts';
import { REFRESH_ANNOTATION, createApplicationWriter } from './application-writer.ts';
import { orphansOf } from './orphans.ts';
import { assessApplication, refreshHealth } from './assess-application.ts';
import { commitStatusOf } from './commit-status.ts';
import { confinedParser, confinedResources } from './confinement.ts';
import { finalizeApplication } from './finalize-application.ts';
import { followHealth } from './follow-health.ts';
import { canonicalRepoUrl } from './git/git-url.ts';
import type { GitMirror } from './git/types.ts';
import type { Neighbour, Neighbourhood } from './hand-over.ts';
import { LOOK_CONCURRENCY, createLookQueue } from './look-queue.ts';
import { openManagedResources } from './managed-resources.ts';
import { observeApplication } from './observe-application.ts';
import { type OperationRequest, operationStateOf, requestedOperation } from './operation.ts';
import { type FetchCause, NOTHING_WRITTEN, endedEvent, statusEvents } from './plan-application-events.ts';
import { pruneBaselineOf } from './plan-brake.ts';
import { createManifestParser } from './render/parse-manifest-file.ts';
import { type CreateMirror, createRepositories } from './repositories.ts';
import { createSlots } from '../base/slots.ts';
import {
  type CommitStatus,
  type CommitStatusLimits,
  defaultCommitStatusLimits,
} from './status/plan-commit-status.ts';
import type { PodSecurityLevel } from '../schemas/pod-security/types.ts';
import { type SyncSummary, syncAll, untilAborted } from './sync-all.ts';
import { type SyncAccess, syncAccessOf } from './sync-access.ts';
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
  readonly createMirror: CreateMirror;
  /** The rights of authors; without it, only Applications in the system namespace are synced. */
  readonly delegate?: DelegateWrites;
  readonly pollIntervalMs: number;
  /** For namespaces without a label of their own; `baseline` unless given. */
  readonly defaultPodSecurity?: PodSecurityLevel;
  readonly commitStatusLimits?: CommitStatusLimits;
  /** Where events of Applications go; nowhere when left out. */
  readonly events?: Pick<EventRecorder, 'record'>;
  /** The fence of the leader, if there is one. */
  readonly commitOptions?: () => CommitOptions;
  /**
   * Look at nothing before `syncAllOnce`: a pod that Git names must not be created anew while its agent is about to tell
   * that it runs.
   */
  readonly held?: boolean;
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

/** At most this many reconciles render and apply at once, to bound memory. */
const WORKING = 8;
/** Events of one change come in a burst; a short wait folds them into one look. */
const EVENT_DELAY_MS = 20;
/** Probes of many pods fail many times a second; what they say is not urgent. */
const EXPLANATION_DELAY_MS = 250;
/** Another look after something that is away (Git, what a deletion waits for), or as soon as the next poll. */
const RETRY_MS = 10_000;
/** Time alone gives a reason for no more looks than this, whatever moment a plan names. */
const MIN_WAIT_MS = 50;
/** Applications do not all poll in the same second. */
const POLL_JITTER = 0.1;
const APPLICATIONS = 'applications.argoproj.io';

export function createApplicationController(
  options: ApplicationControllerOptions,
): Promise<ApplicationController> {
  return openScope((started) => startController(options, started));
}

async function startController(
  options: ApplicationControllerOptions,
  started: Scope,
): Promise<Omit<ApplicationController, typeof Symbol.asyncDispose>> {
  const { objects, queues, clock, registry } = options;
  const logger = options.logger.child({ component: 'sync' });
  const limits = options.commitStatusLimits ?? defaultCommitStatusLimits;
  const commitOptions = options.commitOptions ?? ((): CommitOptions => ({}));
  const repositories = started.use(createRepositories(options.createMirror));
  const states = new Map<string, ApplicationState>();
  const outcomes = new Map<string, SyncOutcome>();
  const slots = createSlots(WORKING);
  let held = options.held ?? false;
  const namespaceKind = registry.byKind('v1', 'Namespace');

  const apps: ResourceCache<Application> = await options.caches.open<Application>(APPLICATIONS);
  const writer = createApplicationWriter({
    apps,
    objects,
    queues,
    logger,
    commitOptions,
    nowMs: () => clock.now(),
  });
  const work = started.use(
    createLookQueue({
      clock,
      logger,
      look: async (key, signal) => (held ? undefined : look(key, signal)),
    }),
  );
  const followManaged: Parameters<typeof openManagedResources>[2] = (event) => {
    const { application, id, specChanged } = event;
    const state = states.get(application);
    if (!state) return;
    if (event.onlyExplains) {
      if (state.unhealthy.has(id)) work.addAfter(application, EXPLANATION_DELAY_MS);
      return;
    }
    state.healthDirty.add(id);
    if (specChanged) {
      state.dirty.add(id);
      state.refused?.errors.delete(id);
    }
    work.addAfter(application, EVENT_DELAY_MS);
  };
  const managed = started.use(await openManagedResources(options.caches, registry, followManaged));
  // A kind that came or went may be what an application waits for, or was read with.
  const kindsChanged = (): void => {
    for (const [key, state] of states) {
      state.allDirty = true;
      work.addAfter(key, EVENT_DELAY_MS);
    }
  };
  started.use(registry.subscribe(kindsChanged));
  const follow = ({ type, key, object, previous }: CacheEvent<Application>): void => {
    if (usedRepository(previous) !== usedRepository(type === 'DELETED' ? undefined : object))
      repositories.keep(new Set(apps.list().flatMap((application) => usedRepository(application) ?? [])));
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
  };
  started.use(apps.subscribe(follow));

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
    if (application.metadata.deletionTimestamp !== undefined) {
      const ended = await finalizeApplication(application, contextOf(application, signal), writer, signal);
      return ended ? undefined : { requeueAfterMs: RETRY_MS };
    }
    const state = stateOf(application);
    if (await takeRequests(application, state, signal)) return undefined;
    if (clock.now() >= state.nextPollMs) {
      wantFetch(state, state.revision === undefined ? 'start' : 'poll');
      state.nextPollMs =
        clock.now() + options.pollIntervalMs * (1 + POLL_JITTER * (options.rng.next() - 0.5));
    }
    state.attempted = false;
    const context = contextOf(application, signal);
    const outcome = await syncApplication(application, state, context, signal);
    outcomes.set(key, outcome);
    const live = confinedResources(managed, application);
    refreshHealth(key, state, live);
    const health = assessApplication(key, state, outcome, live);
    const plan = followHealth(application, state, outcome, health, limits, clock.now());
    const orphans = outcome.extraneous ? orphansOf(state, managed) : [];
    const observed = observeApplication(state, outcome, health, orphans, plan?.status);
    const before = apps.get(key)?.status ?? {};
    await writer.writeObservation(key, observed, signal);
    const after = apps.get(key)?.status ?? before;
    for (const event of statusEvents(before, after, state.attempted, state.tally)) context.tell(event);
    state.isStartTold = false;
    if (operationStateOf({ status: after })?.phase !== 'Running') state.tally = NOTHING_WRITTEN;
    if (plan && !jsonEqual(plan.status, commitStatusOf(application)))
      await writer.notify(key, plan.status.sha);
    const waits = [
      state.nextPollMs - clock.now(),
      plan?.recheckAfterMs,
      outcome.retry ? RETRY_MS : undefined,
      outcome.retryAtMs === undefined ? undefined : outcome.retryAtMs - clock.now(),
    ];
    if (outcome.retry && !outcome.compared) state.fetchDue = true;
    const waitMs = Math.min(...waits.filter((wait) => wait !== undefined));
    return { requeueAfterMs: Math.max(MIN_WAIT_MS, waitMs) };
  }

  /** Undefined where the Application may not use the repository that it names. */
  const mirrorOf = (application: Application, { repoURL }: ApplicationSource): GitMirror | undefined => {
    try {
      return repositories.get(repoURL, mayUseOperatorsRepository(application)).mirror;
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  };
  const neighbourOf = (application: Application): Neighbour[] => {
    const key = keyOf(application);
    const { source } = application.spec;
    if (!source) return [];
    const { compared = true, problems = [] } = outcomes.get(key) ?? {};
    const hasFailed = !compared && problems.length > 0;
    const access = (): SyncAccess => syncAccessOf(application, objects, options.delegate);
    const mirror = mirrorOf(application, source);
    return [{ key, application, state: states.get(key), mirror, hasFailed, access }];
  };
  const neighbourhood: Neighbourhood = {
    find: (key) => {
      const application = apps.get(key);
      return application && neighbourOf(application)[0];
    },
    ofRepository: (repoURL) =>
      apps
        .list()
        .filter(({ spec }) => canonicalRepoUrl(spec.source?.repoURL ?? '') === canonicalRepoUrl(repoURL))
        .flatMap(neighbourOf),
    nowMs: () => clock.now(),
    wake(key, fetch) {
      const state = states.get(key);
      if (state && fetch) state.fetchDue = true;
      work.add(key);
    },
  };

  function contextOf(application: Application, signal: AbortSignal): SyncContext {
    const key = keyOf(application);
    const parse = createManifestParser(registry, application.spec.destination.namespace ?? 'default');
    return {
      foresee: {
        findLive: ({ resource, namespace, name }) => managed.live(resource, objectKey(namespace, name)),
        defaultPodSecurity: options.defaultPodSecurity ?? 'baseline',
      },
      access: () => syncAccessOf(application, objects, options.delegate),
      managed: confinedResources(managed, application),
      namespaceKind,
      logger,
      commitOptions,
      repository: ({ repoURL }) => repositories.get(repoURL, mayUseOperatorsRepository(application)),
      parse: confinedParser(parse, application),
      kindsVersion: () => registry.version,
      isServed: (kind) =>
        !kind.custom || registry.byKind(formatApiVersion(kind.group, kind.version), kind.kind) !== undefined,
      historyComplete: async () => (await options.store.clusterState())?.phase === 'normal',
      nowMs: () => clock.now(),
      slots,
      operation: () => {
        const current = apps.get(key);
        return current && operationStateOf(current);
      },
      saveOperation: (operationState) => writer.saveOperation(key, operationState, signal),
      pruneBaseline: () => {
        const application = apps.get(key);
        return application && pruneBaselineOf(application);
      },
      savePruneBaseline: (pruneBaseline) =>
        writer.writeStatus(key, (current) => ({ ...current, pruneBaseline }), signal),
      neighbourhood,
      tell: (event) => options.events?.record({ about: application, ...event }),
      announce: async (sha) => {
        const current = apps.get(key);
        const said = current && commitStatusOf(current);
        // After a restart the same commit is no news.
        if (!current || said?.sha === sha) return;
        const pending: CommitStatus = { sha, state: 'pending', description: 'Applying the commit' };
        await writer.writeStatus(key, (status) => ({ ...status, commitStatus: pending }), signal);
        await writer.notify(key, sha);
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
    wantFetch(state, 'refresh');
    if (refresh === 'hard') state.allDirty = true;
    if (operation !== undefined) {
      state.allDirty = true;
      state.refused = undefined;
      const key = keyOf(application);
      const current = apps.get(key);
      const before = current && operationStateOf(current);
      const requested = requestedOperation(before, operation as OperationRequest, clock.now());
      await writer.saveOperation(key, requested, signal);
      const refusal = endedEvent(before, requested, true, NOTHING_WRITTEN);
      if (refusal) options.events?.record({ about: application, ...refusal });
    }
    await writer.takeOff(application);
    return true;
  }

  const process = async ({ application, reason }: SyncJob): Promise<void> => {
    const state = states.get(application);
    if (state && reason !== 'drift') {
      wantFetch(state, reason === 'webhook' ? 'webhook' : 'refresh');
      state.newsExpected = true;
    }
    await work.lookNow(application);
  };
  started.use(queues.work<SyncJob>('sync', { concurrency: LOOK_CONCURRENCY, process }));
  for (const application of apps.list()) work.add(keyOf(application));

  return {
    refresh: (application, reason) =>
      queues.queue<SyncJob>('sync').add({ application, reason }, { key: application }),
    async look(application, signal) {
      const state = states.get(application);
      if (state) wantFetch(state, 'refresh');
      await untilAborted(work.lookNow(application), signal);
    },
    async syncAllOnce(signal) {
      held = false;
      const { store } = options;
      return syncAll({ store, apps, states, outcomes, lookNow: (key) => work.lookNow(key) }, signal);
    },
  };
}

/** The first cause counts: it is what the fetch is made for. */
function wantFetch(state: ApplicationState, cause: FetchCause): void {
  if (!state.fetchDue) state.fetchCause = cause;
  state.fetchDue = true;
  // Somebody who asks, or a forge that calls, knows more than the last failure.
  if (cause === 'webhook' || cause === 'refresh') state.fetchFailure = undefined;
}

/** An application that is being deleted needs Git no more, and must not wait for it. */
function usedRepository(application: Application | undefined): string | undefined {
  if (!application || application.metadata.deletionTimestamp !== undefined) return undefined;
  return application.spec.source?.repoURL;
}

function userMetadata({ metadata }: Application): unknown {
  return {
    labels: metadata.labels,
    annotations: metadata.annotations,
    finalizers: metadata.finalizers,
    deletionTimestamp: metadata.deletionTimestamp,
  };
}
