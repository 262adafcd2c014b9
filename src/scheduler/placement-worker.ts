/**
 * The one effectful file of the scheduler: pending pods → `planPlacement` → one commit per batch.
 * Jobs of the queue `placement` are hints, and a resync does the same without them. Refused pods
 * rest until a change could help them. A binding expects the version of the pod that it was planned
 * for, so `nodeName` never changes, and a changed pod is planned again.
 */
import { createAbort } from '../base/abort.ts';
import { mapBounded } from '../base/map-bounded.ts';
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
import { claimKeyOf, openStorage, type StorageCaches } from '../store/cache/storage-caches.ts';
import { writeEach } from '../resources/writing/write-each.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import type { Fence } from '../store/types.ts';
import { laterVersion } from '../store/version.ts';
import { placementWrites, type SchedulingEvent } from './plan-binding.ts';
import { isPending, type PlacementPlan, planPlacementIn, type Reservation } from './plan-placement.ts';
import { createNodeWait } from './node-wait.ts';
import { nodeChangeHelps, pendingPodChanged, podChangeHelps } from './plan-retry.ts';
import { createRefusedPods, type Help } from './refused-pods.ts';
import { createReservedPlaces } from './reserved-places.ts';
import { type SpreadingObjects, worldOf } from './snapshot.ts';

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
/** Pods of one commit: a megabyte, some tens of milliseconds of the store's time. */
const MAX_WRITES = 500;
/** While the store carries one commit out, the next one is made. */
const PARALLEL_COMMITS = 2;
/** Name at most this many pods of a batch in the log. */
const MAX_LOGGED = 5;
/** All pending pods share one key: a single job places every one of them. */
const JOB_KEY = 'pending-pods';
const PENDING_INDEX = 'pending';

export async function startPlacementWorker(options: PlacementWorkerOptions): Promise<AsyncDisposable> {
  const { caches, clock, logger, queues } = options;
  const { pods, nodes, namespaces, storage, spreading } = await openCaches(caches);
  const world = worldOf({ namespaces: namespaces.list(), nodes: nodes.list(), pods: pods.list() });
  const reserved = createReservedPlaces();
  const refused = createRefusedPods();
  const queue = queues.queue<PlacementJob>('placement');
  const nodeWait = createNodeWait({ ...options, nodes: () => nodes.list(), retry: () => wake('*') });
  let running: Promise<void> = Promise.resolve();
  const stop = createAbort();

  function waiting(): readonly Pod[] {
    const now = clock.now();
    return pods
      .byIndex(PENDING_INDEX, 'yes')
      .filter((pod) => !reserved.has(keyOf(pod)) && !refused.rests(keyOf(pod), now));
  }

  async function placeOnce(): Promise<void> {
    if (stop.signal.aborted || !options.mayAct()) return;
    if (nodeWait.holds(waiting().length)) return;
    const first = await takeDecided();
    const pending = waiting();
    if (pending.length === 0) return;
    const startedAt = clock.now();
    const before = refused.helps;
    const plan = planPlacementIn(pending, world, spreading(), options.rng, first);
    // At once: what changes a claim while the bindings are written must find its pod waiting.
    keepPlaces(plan.reservations);
    await executePlacement(options, pods, plan, stop.signal);
    await reserve(plan.reservations);
    for (const { pod } of plan.bindings) refused.forget(keyOf(pod));
    for (const { pod } of plan.rejections) if (isAsPlanned(pod)) refused.refuse(pod, clock.now());
    // Help that came while the refusals were written is for these pods, too.
    if (refused.helps.any !== before.any) help('any');
    else if (refused.helps.storage !== before.storage) help('storage');
    logPlacement(logger, plan, clock.now() - startedAt);
  }

  /** Pods whose claims changed are planned again, first, as if their place were theirs no more. */
  async function takeDecided(): Promise<ReadonlySet<string>> {
    const decided = reserved.takeDecided();
    if (decided.size === 0) return decided;
    // A claim may be here before its volume is.
    await Promise.all([storage.volumes.refresh(stop.signal), storage.claims.refresh(stop.signal)]);
    for (const key of decided) world.podChanged(key, pods.get(key));
    return decided;
  }

  function keepPlaces(reservations: readonly Reservation[]): void {
    for (const reservation of reservations) {
      const { pod, nodeName } = reservation;
      refused.forget(keyOf(pod));
      reserved.keep(reservation);
      world.podChanged(keyOf(pod), { ...pod, spec: { ...pod.spec, nodeName } });
    }
  }

  /** Tells the binder and the provisioners what the claims get. */
  async function reserve(reservations: readonly Reservation[]): Promise<void> {
    const failed = await executeReservations(options, storage, reservations, stop.signal);
    const isFailed = ({ pod }: Reservation): boolean => failed.has(keyOf(pod));
    const lost = new Set(reservations.filter(isFailed).flatMap(({ claims }) => claims));
    // Other pods may count on what one of them was to write for a claim of both.
    for (const { pod } of reservations.filter(({ claims }) => claims.some((claim) => lost.has(claim)))) {
      const key = keyOf(pod);
      reserved.drop(key);
      world.podChanged(key, pods.get(key));
      wake(key);
    }
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

  let adding = false;
  let addsAgain = false;

  /** A job places all pending pods: what wakes it while one is being added shares the next. */
  function wake(key: string): void {
    addsAgain = adding;
    if (adding) return;
    adding = true;
    queue
      .add({ pods: [key] }, { key: JOB_KEY })
      .catch((error: unknown) => {
        logger.error({ error }, 'Cannot queue a placement; the next resync does it');
      })
      .finally(() => {
        adding = false;
        if (addsAgain && !stop.signal.aborted) wake('*');
      });
  }

  function help(whom: Help): void {
    if (refused.help(whom)) wake('*');
  }

  /** A change of a claim, by its key: the pod that waits for it may go on. */
  function claimChanged(key: string | undefined): void {
    if (key !== undefined && reserved.claimChanged(key)) wake(key);
    help('storage');
  }

  const worker = queues.work<PlacementJob>('placement', { concurrency: 1, process: run });
  const subscriptions = [
    namespaces.subscribe(({ key, type, object }) =>
      world.namespaceChanged(key, type === 'DELETED' ? undefined : object),
    ),
    storage.claims.subscribe(({ key }) => claimChanged(key)),
    storage.volumes.subscribe(({ object }) => claimChanged(claimKeyOf(object))),
    storage.classes.subscribe(() => claimChanged(undefined)),
    pods.subscribe((event) => {
      // News of a pod that has a place, and waits for its volumes.
      if (reserved.has(event.key)) {
        if (event.type === 'MODIFIED' && isPending(event.object) && !pendingPodChanged(event)) return;
        reserved.drop(event.key);
      }
      world.podChanged(event.key, event.type === 'DELETED' ? undefined : event.object);
      if (event.type === 'DELETED') refused.forget(event.key);
      if (podChangeHelps(event)) help('any');
      if (event.type === 'DELETED' || !isPending(event.object) || !pendingPodChanged(event)) return;
      refused.forget(event.key);
      wake(event.key);
    }),
    nodes.subscribe((event) => {
      world.nodeChanged(event.key, event.type === 'DELETED' ? undefined : event.object);
      nodeWait.nodeChanged(event);
      if (nodeChangeHelps(event)) help('any');
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

async function openCaches(caches: CacheSet) {
  const [pods, nodes, namespaces, services] = await Promise.all([
    caches.open<Pod>('pods'),
    caches.open<Node>('nodes'),
    caches.open<Namespace>('namespaces'),
    caches.open<Service>('services'),
  ]);
  const workloads = await Promise.all([
    caches.open<ReplicaSet>('replicasets.apps'),
    caches.open<ReplicationController>('replicationcontrollers'),
    caches.open<StatefulSet>('statefulsets.apps'),
  ]);
  const storage = await openStorage(caches);
  pods.addIndex(PENDING_INDEX, (pod) => (isPending(pod) ? ['yes'] : []));
  const spreading = (): SpreadingObjects => ({
    services: services.list(),
    replicaSets: workloads.flatMap<SpreadingObjects['replicaSets'][number]>((cache) => cache.list()),
    storage,
  });
  return { pods, nodes, namespaces, storage, spreading };
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
  const batches = batchesOf(placementWrites(plan, clock.now()), MAX_WRITES);
  const newest = await mapBounded(batches, PARALLEL_COMMITS, async (batch) => {
    const outcomes = await writeEach(writer, batch, fence ? { fence } : {});
    for (const { write, refusal } of outcomes) if (refusal === undefined) recordEvent(write.event);
    return outcomes.map(({ object }) => object?.metadata.resourceVersion ?? '0').reduce(laterVersion, '0');
  });
  const last = newest.reduce(laterVersion, '0');
  if (last !== '0') await pods.waitFor(last, signal);
}

function batchesOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** Writes what the claims of reservations get. Returns the pods for which that failed. */
async function executeReservations(
  { writer, fence, logger }: PlacementWorkerOptions,
  { claims, volumes }: StorageCaches,
  reservations: readonly Reservation[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const failed = new Set<string>();
  const writes = reservations.flatMap(({ pod, writes }) =>
    writes.map((write) => ({ ...write, verb: 'update' as const, key: keyOf(pod) })),
  );
  for (let start = 0; start < writes.length; start += MAX_WRITES) {
    const batch = writes.slice(start, start + MAX_WRITES);
    const newest = { PersistentVolume: '0', PersistentVolumeClaim: '0' };
    for (const { write, object, refusal } of await writeEach(writer, batch, fence ? { fence } : {})) {
      if (refusal) {
        failed.add(write.key);
        logger.debug({ pod: write.key, error: refusal }, 'Cannot reserve a volume; planning the pod again');
      }
      const kind = write.object.kind as keyof typeof newest;
      newest[kind] = laterVersion(newest[kind], object?.metadata.resourceVersion ?? '0');
    }
    await Promise.all([
      volumes.waitFor(newest.PersistentVolume, signal),
      claims.waitFor(newest.PersistentVolumeClaim, signal),
    ]);
  }
  return failed;
}
