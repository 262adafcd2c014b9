/**
 * The GitOps loop: one reconcile at a time for each application, by its timer, jobs of the queue
 * `sync` (webhooks, refreshes) and events of its objects. Jobs are hints; the timers alone
 * converge. It runs under the leader's lease; `commitOptions` carries the fence.
 */
import type { Clock } from '../base/clock.ts';
import { type Scope, openScope } from '../base/scope.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { createSlots } from '../base/slots.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Queues, SyncJob } from '../queue/types.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import { keyOf, objectKey } from '../schemas/object.ts';
import type { Target } from '../schemas/render-checks/index.ts';
import type { PodSecurityLevel } from '../schemas/pod-security/types.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import type { Application } from '../schemas/types.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { CommitOptions, Store } from '../store/types.ts';
import type { ApplicationCaches } from './cache/application-caches.ts';
import { createApplicationWriter } from './execute/application-writer.ts';
import type { Executor } from './execute/executor.ts';
import { type CreateMirror, createRepositories } from './git/repositories.ts';
import { openManagedResources } from './observe/managed-resources.ts';
import type { DelegateWrites } from './observe/sync-access.ts';
import { createNeighbourhood } from './observe/neighbourhood.ts';
import { RECONCILE_CONCURRENCY, createReconcileQueue } from './reconcile-queue.ts';
import { type Reconciler, reconcile } from './reconcile.ts';
import { renderers as allRenderers } from './render/index.ts';
import type { Renderer } from './render/types.ts';
import { type CommitStatusLimits, defaultCommitStatusLimits } from './status/plan-commit-status.ts';
import { type SyncSummary, syncAll } from './sync-all.ts';
import { createTriggers } from './triggers.ts';

export interface ApplicationControllerOptions {
  readonly store: Store;
  readonly writer: BoundWriter;
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
  /** The ways to render a source; all that there are, unless given. */
  readonly renderers?: readonly Renderer[];
  readonly commitStatusLimits?: CommitStatusLimits;
  /** Where events of Applications go; nowhere when left out. */
  readonly events?: Pick<EventRecorder, 'record'>;
  /** The fence of the leader, if there is one. */
  readonly commitOptions?: () => CommitOptions;
  /**
   * Reconcile nothing before `syncAllOnce`. A pod that Git names must not be created anew while its
   * agent is about to report that it runs.
   */
  readonly held?: boolean;
}

export interface ApplicationController extends AsyncDisposable {
  /**
   * Reconciles every application once, those that appear on the way included (an application may
   * hold applications). This rebuilds the store after it lost its history; nothing is deleted then.
   */
  syncAllOnce(signal: AbortSignal): Promise<SyncSummary>;
}

/** At most this many reconciles render and apply at once, to bound memory. */
const WORKING = 8;
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
  const { queues, clock, registry, store, delegate, rng, pollIntervalMs } = options;
  const { renderers = allRenderers, commitOptions = () => ({}) } = options;
  const logger = options.logger.child({ component: 'sync' });
  const caches: ApplicationCaches = new Map();
  const rights = { writer: options.writer, delegate };
  let held = options.held ?? false;

  const repositories = started.use(createRepositories(options.createMirror));
  const apps = await options.caches.open<Application>(APPLICATIONS);
  const nowMs = (): number => clock.now();
  const writer = createApplicationWriter({
    ...{ apps, writer: options.writer, queues, logger, commitOptions, nowMs },
  });
  const work = started.use(
    createReconcileQueue({
      clock,
      logger,
      reconcile: async (key, signal) => (held ? undefined : reconcile(reconciler, key, signal)),
    }),
  );
  const triggers = createTriggers(work, caches, apps, repositories);
  const managed = started.use(await openManagedResources(options.caches, registry, triggers.managed));
  const executor: Executor = {
    writer,
    registry,
    clock,
    logger,
    commitOptions,
    tell: (about, event) => options.events?.record({ about, ...event }),
  };
  const neighbourhood = createNeighbourhood({
    ...{ apps, caches, repositories, rights, renderers, clock },
    add: work.add,
  });
  const foresee = {
    findLive: ({ resource, namespace, name }: Target) => managed.live(resource, objectKey(namespace, name)),
    defaultPodSecurity: options.defaultPodSecurity ?? 'baseline',
  };
  const reconciler: Reconciler = {
    ...{ apps, caches, repositories, managed, registry, rights, executor, pollIntervalMs, rng },
    observer: { apps, store, registry, clock, renderers, foresee, neighbourhood },
    limits: options.commitStatusLimits ?? defaultCommitStatusLimits,
    slots: createSlots(WORKING),
  };

  started.use(registry.subscribe(triggers.kinds));
  started.use(apps.subscribe(triggers.application));
  started.use(queues.work<SyncJob>('sync', { concurrency: RECONCILE_CONCURRENCY, process: triggers.job }));
  for (const application of apps.list()) work.add(keyOf(application));

  return {
    async syncAllOnce(signal) {
      held = false;
      return syncAll({ store, apps, caches, reconcileNow: work.reconcileNow }, signal);
    },
  };
}
