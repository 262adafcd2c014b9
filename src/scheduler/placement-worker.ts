/**
 * The one effectful file of the scheduler: pending pods → `planPlacement` → one commit per batch.
 * Jobs of the queue `placement` are hints, and a resync does the same without them. Refused pods
 * rest until a change could help them. A binding expects the version of the pod that it was planned
 * for, so `nodeName` never changes, and a changed pod is planned again.
 */
import { createAbort } from '../base/abort.ts';
import { type Clock, sleep } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import type { PlacementJob, Queues } from '../queue/types.ts';
import { keyOf } from '../schemas/object.ts';
import type {
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  ReplicationController,
  Service,
  StatefulSet,
} from '../schemas/types.ts';
import type { CacheSet, ResourceCache } from '../store/cache/cache.ts';
import { writeEach } from '../resources/writing/write-each.ts';
import type { BoundWriter, UpdateWrite } from '../resources/writing/write-plan.ts';
import type { Fence } from '../store/types.ts';
import { laterVersion } from '../store/version.ts';
import { bindPod, rejectPod } from './plan-binding.ts';
import { isPending, type PlacementPlan, planPlacementIn } from './plan-placement.ts';
import { createNodeWait } from './node-wait.ts';
import { nodeChangeHelps, pendingPodChanged, podChangeHelps } from './plan-retry.ts';
import { worldOf } from './snapshot.ts';

export interface SchedulingEvent {
  readonly pod: Pod;
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'Scheduled' | 'FailedScheduling';
  readonly message: string;
}

export interface PlacementWorkerOptions {
  readonly writer: BoundWriter;
  readonly caches: CacheSet;
  readonly queues: Queues;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly fence?: Fence;
  /** Nodes that this process starts itself: the first pods wait for them. */
  readonly expectedNodes?: readonly string[];
  /** False while the store is being rebuilt: nothing is placed. */
  mayAct(): boolean;
  recordEvent(event: SchedulingEvent): void;
}

/** With the queue dead, a pending pod waits at most this long. */
const RESYNC_INTERVAL_MS = 2_000;
/** Refused pods are planned again after this time without any help (upstream: 5 minutes). */
const REFUSED_RETRY_MS = 60_000;
/** Pods of one commit: a few megabytes, some tens of milliseconds of the store's time. */
const MAX_WRITES = 1_000;
/** Name at most this many pods of a batch in the log. */
const MAX_LOGGED = 5;
/** All pending pods share one key: a single job places every one of them. */
const JOB_KEY = 'pending-pods';
const PENDING_INDEX = 'pending';

export async function startPlacementWorker(options: PlacementWorkerOptions): Promise<AsyncDisposable> {
  const { caches, clock, logger, queues } = options;
  const [pods, nodes, namespaces, services, replicaSets, replicationControllers] = await Promise.all([
    caches.open<Pod>('pods'),
    caches.open<Node>('nodes'),
    caches.open<Namespace>('namespaces'),
    caches.open<Service>('services'),
    caches.open<ReplicaSet>('replicasets.apps'),
    caches.open<ReplicationController>('replicationcontrollers'),
  ]);
  const statefulSets = await caches.open<StatefulSet>('statefulsets.apps');
  pods.addIndex(PENDING_INDEX, (pod) => (isPending(pod) ? ['yes'] : []));
  const world = worldOf({ namespaces: namespaces.list(), nodes: nodes.list(), pods: pods.list() });
  const refusedAt = new Map<string, number>();
  /** Counts the changes that may help refused pods. */
  let helps = 0;
  const queue = queues.queue<PlacementJob>('placement');
  const nodeWait = createNodeWait({ ...options, nodes: () => nodes.list(), retry: () => wake('*') });
  let running: Promise<void> = Promise.resolve();
  const stop = createAbort();

  function waiting(): readonly Pod[] {
    const now = clock.now();
    return pods
      .byIndex(PENDING_INDEX, 'yes')
      .filter((pod) => now - (refusedAt.get(keyOf(pod)) ?? Number.NEGATIVE_INFINITY) >= REFUSED_RETRY_MS);
  }

  async function placeOnce(): Promise<void> {
    if (stop.signal.aborted || !options.mayAct()) return;
    const pending = waiting();
    if (nodeWait.holds(pending.length) || pending.length === 0) return;
    const startedAt = clock.now();
    const spreading = {
      services: services.list(),
      replicaSets: [...replicaSets.list(), ...replicationControllers.list(), ...statefulSets.list()],
    };
    const helpsBefore = helps;
    const plan = planPlacementIn(pending, world, spreading, options.rng);
    await executePlacement(options, pods, plan, stop.signal);
    for (const { pod } of plan.bindings) refusedAt.delete(keyOf(pod));
    for (const { pod } of plan.rejections) if (isAsPlanned(pod)) refusedAt.set(keyOf(pod), clock.now());
    // Help that came while the refusals were written is for these pods, too.
    if (helps !== helpsBefore) retryRefused();
    logPlacement(logger, plan, clock.now() - startedAt);
  }

  /** Whether everything that decides about the pod's place is as it was when it was planned. */
  function isAsPlanned(pod: Pod): boolean {
    const object = pods.get(keyOf(pod));
    return object !== undefined && !pendingPodChanged({ type: 'MODIFIED', object, previous: pod });
  }

  /** One batch at a time. */
  function run(): Promise<void> {
    const next = running.then(placeOnce);
    running = next.catch(() => undefined);
    return next;
  }

  function wake(key: string): void {
    queue.add({ pods: [key] }, { key: JOB_KEY }).catch((error: unknown) => {
      logger.error({ error }, 'Cannot queue a placement; the next resync does it');
    });
  }

  function retryRefused(): void {
    helps += 1;
    if (refusedAt.size === 0) return;
    refusedAt.clear();
    wake('*');
  }

  const worker = queues.work<PlacementJob>('placement', { concurrency: 1, process: run });
  const subscriptions = [
    namespaces.subscribe(({ key, type, object }) =>
      world.namespaceChanged(key, type === 'DELETED' ? undefined : object),
    ),
    pods.subscribe((event) => {
      world.podChanged(event.key, event.type === 'DELETED' ? undefined : event.object);
      if (event.type === 'DELETED') refusedAt.delete(event.key);
      if (podChangeHelps(event)) retryRefused();
      if (event.type === 'DELETED' || !isPending(event.object) || !pendingPodChanged(event)) return;
      refusedAt.delete(event.key);
      wake(event.key);
    }),
    nodes.subscribe((event) => {
      world.nodeChanged(event.key, event.type === 'DELETED' ? undefined : event.object);
      nodeWait.nodeChanged(event);
      if (nodeChangeHelps(event)) retryRefused();
    }),
  ];

  const resyncing = (async () => {
    for (;;) {
      await sleep(clock, RESYNC_INTERVAL_MS, stop.signal);
      if (stop.signal.aborted) return;
      await run().catch((error: unknown) => logger.error({ error }, 'Cannot place pods; trying again'));
    }
  })();
  if (waiting().length > 0) wake('*');

  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      nodeWait[Symbol.dispose]();
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await worker[Symbol.asyncDispose]();
      await Promise.all([resyncing, running]);
    },
  };
}

function logPlacement(logger: Logger, { bindings, rejections }: PlacementPlan, tookMs: number): void {
  const pods = bindings.slice(0, MAX_LOGGED).map(({ pod, nodeName }) => `${keyOf(pod)} on ${nodeName}`);
  const fields = { placed: bindings.length, refused: rejections.length, pods, tookMs };
  logger[bindings.length > 0 ? 'info' : 'debug'](fields, 'Placed pods');
}

/** Writes a plan. Pods that changed or went meanwhile are left to the next plan. */
async function executePlacement(
  { clock, writer, fence, recordEvent }: PlacementWorkerOptions,
  pods: ResourceCache<Pod>,
  plan: PlacementPlan,
  signal: AbortSignal,
): Promise<void> {
  const writes = placementWrites(plan, clock.now());
  for (let start = 0; start < writes.length; start += MAX_WRITES) {
    const batch = writes.slice(start, start + MAX_WRITES);
    const outcomes = await writeEach(writer, batch, fence ? { fence } : {});
    let newest = '0';
    for (const { object } of outcomes) newest = laterVersion(newest, object?.metadata.resourceVersion ?? '0');
    for (const { write, refusal } of outcomes) if (refusal === undefined) recordEvent(write.event);
    if (newest !== '0') await pods.waitFor(newest, signal);
  }
}

interface PlacementWrite extends UpdateWrite {
  readonly event: SchedulingEvent;
}

function placementWrites({ bindings, rejections }: PlacementPlan, nowMs: number): readonly PlacementWrite[] {
  const bound = bindings.map((binding): PlacementWrite => {
    const { pod, nodeName } = binding;
    const message = `Successfully assigned ${keyOf(pod)} to ${nodeName}`;
    const event: SchedulingEvent = { pod, type: 'Normal', reason: 'Scheduled', message };
    return { verb: 'update', subresource: 'binding', object: bindPod(binding, nowMs), seen: pod, event };
  });
  const rejected = rejections.flatMap((rejection): readonly PlacementWrite[] => {
    const pod = rejectPod(rejection, nowMs);
    if (!pod) return [];
    const { message } = rejection;
    const event: SchedulingEvent = { pod, type: 'Warning', reason: 'FailedScheduling', message };
    return [{ verb: 'update', subresource: 'status', object: pod, seen: rejection.pod, event }];
  });
  return [...bound, ...rejected];
}
