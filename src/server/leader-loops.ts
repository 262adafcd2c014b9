/**
 * Everything that only the leader does: controllers, placement, applications, and the rebuild. The
 * simulation runs this, on a memory store and a simulated clock.
 */
import { anySignal, createAbort } from '../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { type Scope, openScope } from '../base/scope.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { createEventRecorder, type EventRecorder, writerEventSink } from '../client/event-recorder.ts';
import type { ControllerContext } from '../controllers/controller.ts';
import {
  controllersFor,
  type ControllersOptions,
  startControllers,
} from '../controllers/start-controllers.ts';
import type { Queues } from '../queue/types.ts';
import { startPlacementWorker } from '../scheduler/worker/placement-worker.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import type { Application } from '../schemas/types.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import type { PlacementProofs } from '../resources/writing/placement-proof.ts';
import type { Fence, Store } from '../store/types.ts';
import {
  type ApplicationController,
  type ApplicationControllerOptions,
  createApplicationController,
} from '../sync/application-controller.ts';
import type { DelegateWrites } from '../sync/observe/sync-access.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { ClusterCondition } from './history/cluster-condition.ts';
import { ensureDefaultClasses } from './default-classes.ts';
import { ensurePriorityClasses } from './priority-classes.ts';
import { rebuild, type RebuildParts } from './history/rebuild.ts';
import { sealBoundPods } from './history/seal-pods.ts';

export interface LeaderParts {
  readonly store: Store;
  readonly caches: CacheSet;
  readonly writer: BoundWriter;
  /** The same for the sync worker, whose writes are Git's. */
  readonly syncWriter?: BoundWriter;
  readonly delegate?: DelegateWrites;
  readonly queues: Queues;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly condition: ClusterCondition;
  readonly controllers: ControllersOptions;
  readonly sync: Pick<
    ApplicationControllerOptions,
    'createMirror' | 'pollIntervalMs' | 'commitStatusLimits' | 'defaultPodSecurity' | 'renderers'
  >;
  /** Created when it is not there: what `--repo` asks for. */
  readonly rootApplication?: Application;
  readonly expectedNodes: RebuildParts['expectedNodes'];
  readonly proofs: PlacementProofs;
  /** Nodes that this process starts itself. */
  readonly ownNodes?: readonly string[];
}

export interface LeaderLoops extends AsyncDisposable {
  readonly applications: ApplicationController;
}

/** A failure of one step ends what the steps before it have started. */
export function startLeaderLoops(
  parts: LeaderParts,
  fence: Fence | undefined,
  leading: AbortSignal,
  onFenceLost: () => void = () => undefined,
): Promise<LeaderLoops> {
  return openScope((started) => startLoops(parts, fence, leading, onFenceLost, started));
}

async function startLoops(
  parts: LeaderParts,
  fence: Fence | undefined,
  leading: AbortSignal,
  onFenceLost: () => void,
  started: Scope,
): Promise<Pick<LeaderLoops, 'applications'>> {
  const { store, caches, writer, queues, registry, clock, rng, logger, condition } = parts;
  const stop = createAbort();
  const signal = anySignal(leading, stop.signal);
  const recorder = (component: string): EventRecorder =>
    started.use(
      createEventRecorder({
        sink: writerEventSink(writer, registry),
        clock,
        logger,
        source: { component },
        givesWay: true,
      }),
    );
  const common = { store, caches, writer, registry, clock, rng, logger };
  const fenced = fence ? { fence } : {};
  const mayAct = (): boolean => condition.mayAct();
  await ensurePriorityClasses(store, writer, fenced);
  await ensureDefaultClasses(store, writer, fenced);
  const context: ControllerContext = {
    ...common,
    ...fenced,
    events: recorder('controller-manager'),
    signal,
    mayAct,
    onConditionChange: (listener) => condition.onChange(listener),
    onFenceLost,
  };
  started.use(await startControllers(context, controllersFor(parts.controllers)));
  const schedulerEvents = recorder('default-scheduler');
  started.use(
    await startPlacementWorker({
      ...fenced,
      writer,
      caches,
      queues,
      clock,
      rng,
      logger: logger.child({ component: 'scheduler' }),
      mayAct,
      expectedNodes: parts.ownNodes ?? [],
      recordEvent: ({ pod, type, reason, message }) =>
        schedulerEvents.record({ about: pod, type, reason, message }),
    }),
  );
  if (parts.rootApplication) await ensureRootApplication(parts, parts.rootApplication);
  const isRebuilt = condition.mayAct();
  const applications = started.use(
    await createApplicationController({
      ...common,
      writer: parts.syncWriter ?? writer,
      ...(parts.delegate ? { delegate: parts.delegate } : {}),
      queues,
      ...parts.sync,
      events: recorder('application-controller'),
      commitOptions: () => fenced,
      held: !isRebuilt,
    }),
  );
  const settling = settle(parts, fence, applications, signal);
  started.defer(() => {
    stop.abort();
    return settling;
  });
  return { applications };
}

/** Retries are soon: until the store is rebuilt, nothing else is done. */
const SETTLE_RETRY: BackoffPolicy = { initialMs: 200, maxMs: 10_000, factor: 2 };

/** Rebuilds the store where that is due, then proves all pods, for another rebuild. */
async function settle(
  parts: LeaderParts,
  fence: Fence | undefined,
  applications: ApplicationController,
  signal: AbortSignal,
): Promise<void> {
  const untilDone = async (complaint: string, work: () => Promise<void>): Promise<void> => {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) return;
        parts.logger.error({ error, failures }, complaint);
        await sleep(parts.clock, backoffDelayMs(SETTLE_RETRY, failures), signal);
      }
    }
  };
  await untilDone('Cannot rebuild the store; trying again', async () => {
    if (!parts.condition.mayAct()) await rebuild(parts, applications, signal);
  });
  await untilDone('Cannot prove the placement of all pods; trying again', () =>
    sealBoundPods({ ...parts, fence, signal }),
  );
}

async function ensureRootApplication({ writer, registry }: LeaderParts, wanted: Application): Promise<void> {
  const kind = registry.byKind(wanted.apiVersion, wanted.kind);
  if (!kind) throw new Error('The kind Application is not registered');
  try {
    await writer.write({ writes: [{ verb: 'create', object: wanted }] });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const found = await writer.get(kind, `${wanted.metadata.namespace}/${wanted.metadata.name}`);
    await writer.write({ writes: [{ verb: 'update', object: { ...found, spec: wanted.spec } }] });
  }
}
