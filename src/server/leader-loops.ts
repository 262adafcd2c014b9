/**
 * Everything that only the leader does: controllers, placement, applications, and the rebuild after lost history. The
 * simulation runs exactly this, on a memory store and a simulated clock.
 */
import { type Clock, sleep } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { createEventRecorder, type EventRecorder, objectsEventSink } from '../client/event-recorder.ts';
import { type ControllersOptions, startControllers } from '../controllers/start-controllers.ts';
import type { Queues } from '../queue/types.ts';
import { startPlacementWorker } from '../scheduler/placement-worker.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import type { Application, Pod } from '../schemas/types.ts';
import type { CacheSet } from '../store/cache.ts';
import type { DelegateWrites } from '../store/delegated-writes.ts';
import type { Objects } from '../store/objects.ts';
import type { Fence, Store } from '../store/types.ts';
import {
  type ApplicationController,
  type ApplicationControllerOptions,
  createApplicationController,
} from '../sync/application-controller.ts';
import { isStatusError } from '../schemas/status.ts';
import type { ClusterCondition } from './cluster-condition.ts';
import { planRebuild } from './plan-rebuild.ts';
import { ensurePriorityClasses } from './priority-classes.ts';

export interface LeaderParts {
  readonly store: Store;
  readonly caches: CacheSet;
  readonly objects: Objects;
  /** The same for the sync worker, whose writes are Git's. */
  readonly syncObjects?: Objects;
  readonly delegate?: DelegateWrites;
  readonly queues: Queues;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly condition: ClusterCondition;
  readonly controllers: ControllersOptions;
  readonly sync: Pick<ApplicationControllerOptions, 'createMirror' | 'pollIntervalMs' | 'commitStatusLimits'>;
  /** Created when it is not there: what `--repo` asks for. */
  readonly rootApplication?: Application;
  /** Nodes that were there before history was lost. */
  readonly expectedNodes: readonly string[];
}

export interface LeaderLoops extends AsyncDisposable {
  readonly applications: ApplicationController;
}

const REBUILD_POLL_MS = 200;

export async function startLeaderLoops(
  parts: LeaderParts,
  fence: Fence | undefined,
  signal: AbortSignal,
  onFenceLost: () => void = () => undefined,
): Promise<LeaderLoops> {
  const { store, caches, objects, queues, registry, clock, rng, logger, condition } = parts;
  const recorders: EventRecorder[] = [];
  const recorder = (component: string): EventRecorder => {
    const created = createEventRecorder({
      sink: objectsEventSink(objects),
      clock,
      logger,
      source: { component },
    });
    recorders.push(created);
    return created;
  };
  const common = { store, caches, objects, registry, clock, rng, logger };
  await ensurePriorityClasses(store, objects, fence ? { fence } : {});
  const controllers = await startControllers(
    {
      ...common,
      events: recorder('controller-manager'),
      ...(fence ? { fence } : {}),
      signal,
      mayAct: () => condition.mayAct(),
      onConditionChange: (listener) => condition.onChange(listener),
      onFenceLost,
    },
    parts.controllers,
  );
  const schedulerEvents = recorder('default-scheduler');
  const placement = await startPlacementWorker({
    store,
    caches,
    queues,
    clock,
    rng,
    logger: logger.child({ component: 'scheduler' }),
    ...(fence ? { fence } : {}),
    mayAct: () => condition.mayAct(),
    recordEvent: ({ pod, type, reason, message }) =>
      schedulerEvents.record({ about: pod, type, reason, message }),
  });
  if (parts.rootApplication) await ensureRootApplication(parts, parts.rootApplication);
  const isRebuilt = condition.mayAct();
  const applications = await createApplicationController({
    ...common,
    objects: parts.syncObjects ?? objects,
    ...(parts.delegate ? { delegate: parts.delegate } : {}),
    queues,
    ...parts.sync,
    commitOptions: () => (fence ? { fence } : {}),
    held: !isRebuilt,
  });
  const rebuilding = isRebuilt ? Promise.resolve() : rebuild(parts, applications, signal);
  rebuilding.catch((error: unknown) => logger.error({ error }, 'Cannot rebuild the store'));

  return {
    applications,
    async [Symbol.asyncDispose]() {
      await rebuilding.catch(() => undefined);
      await applications[Symbol.asyncDispose]();
      await placement[Symbol.asyncDispose]();
      await controllers[Symbol.asyncDispose]();
      await Promise.all(recorders.map((created) => created[Symbol.asyncDispose]()));
    },
  };
}

async function ensureRootApplication({ objects, registry }: LeaderParts, wanted: Application): Promise<void> {
  const kind = registry.byKind(wanted.apiVersion, wanted.kind);
  if (!kind) throw new Error('The kind Application is not registered');
  try {
    await objects.create(wanted);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    await objects.update({
      ...(await objects.get(kind, `${wanted.metadata.namespace}/${wanted.metadata.name}`)),
      spec: wanted.spec,
    });
  }
}

/**
 * Rebuild before destroy: wait for the agents, apply Git without pruning, and only then let anybody act again. The
 * controllers have made their ReplicaSets meanwhile, so that the restored pods are adopted and none is created.
 */
async function rebuild(
  parts: LeaderParts,
  applications: ApplicationController,
  signal: AbortSignal,
): Promise<void> {
  const { store, caches, clock, condition } = parts;
  const logger = parts.logger.child({ component: 'rebuild' });
  const startedAtMs = clock.now();
  let lastChangeMs = startedAtMs;
  const [nodes, pods] = await Promise.all([caches.open('nodes'), caches.open<Pod>('pods')]);
  const noteChange = (): void => {
    lastChangeMs = clock.now();
  };
  const subscriptions = [
    nodes.subscribe((event) => event.type === 'ADDED' && noteChange()),
    pods.subscribe(noteChange),
  ];
  try {
    logger.warn({ expectedNodes: parts.expectedNodes }, 'Rebuilding the store: waiting for the agents');
    let verdict = { done: false, missing: parts.expectedNodes };
    while (!verdict.done && !signal.aborted) {
      const presentNodes = new Set(nodes.list().map((node) => node.metadata.name));
      verdict = planRebuild({
        nowMs: clock.now(),
        startedAtMs,
        expectedNodes: parts.expectedNodes,
        presentNodes,
        lastChangeMs,
      });
      if (!verdict.done) await sleep(clock, REBUILD_POLL_MS, signal);
    }
    const summary = await applications.syncAllOnce(signal);
    if (signal.aborted) return;
    const state = await store.clusterState();
    if (!state || !(await store.setClusterState({ ...state, phase: 'normal' }, state))) {
      throw new Error('The state of the cluster changed under the rebuild');
    }
    logger.warn({ ...summary, missing: verdict.missing, pods: pods.list().length }, 'The store is rebuilt');
    condition.set('normal');
  } finally {
    for (const subscription of subscriptions) subscription[Symbol.dispose]();
  }
}
