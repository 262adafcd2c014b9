/**
 * The effectful part of the scheduler: pending pods → `planPlacement` → one commit per batch. Jobs
 * of the queue `placement` are hints, and a resync does the same without them. Refused pods rest
 * until a change could help them. A binding expects the version of the pod that it was planned for,
 * so `nodeName` never changes, and a changed pod is planned again.
 */
import { createAbort } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rng } from '../../base/rng.ts';
import type { JobQueue, PlacementJob, Queues } from '../../queue/types.ts';
import type { CacheSet } from '../../store/cache/cache.ts';
import { claimKeyOf } from '../../store/cache/storage-caches.ts';
import { createNodeWait } from '../node-wait.ts';
import type { ExecutionOptions } from './execute-placement.ts';
import { createPlacer, type Placer } from './place-pods.ts';
import { openPlacementCaches, type PlacementCaches } from './placement-caches.ts';

export interface PlacementWorkerOptions extends ExecutionOptions {
  readonly caches: CacheSet;
  readonly queues: Queues;
  readonly rng: Rng;
  /** Nodes that this process starts itself: the first pods wait for them. */
  readonly expectedNodes?: readonly string[];
  /** False while the store is being rebuilt: nothing is placed. */
  mayAct(): boolean;
}

/** With the queue dead, a pending pod waits at most this long. */
const RESYNC_INTERVAL_MS = 2_000;
/** All pending pods share one key: a single job places every one of them. */
const JOB_KEY = 'pending-pods';

export async function startPlacementWorker(options: PlacementWorkerOptions): Promise<AsyncDisposable> {
  const { clock, logger, queues } = options;
  const caches = await openPlacementCaches(options.caches);
  const stop = createAbort();
  const { signal } = stop;
  const wake = createWaker(queues.queue<PlacementJob>('placement'), logger, signal);
  const nodeWait = createNodeWait({
    ...options,
    nodes: () => caches.nodes.list(),
    retry: () => wake('*'),
  });
  const placer = createPlacer({ ...options, signal, wake }, caches);
  let running: Promise<void> = Promise.resolve();

  async function place(): Promise<void> {
    if (signal.aborted || !options.mayAct() || nodeWait.holds(placer.waiting().length)) return;
    await placer.placeAll();
  }

  /** One batch at a time. */
  function run(): Promise<void> {
    const next = running.then(place);
    running = next.catch(() => undefined);
    return next;
  }

  const worker = queues.work<PlacementJob>('placement', { concurrency: 1, process: run });
  const subscriptions = [
    ...follow(caches, placer),
    caches.nodes.subscribe((event) => nodeWait.nodeChanged(event)),
  ];

  const resyncing = (async () => {
    for (;;) {
      await sleep(clock, RESYNC_INTERVAL_MS, signal);
      if (signal.aborted) return;
      await run().catch((error: unknown) => logger.error({ error }, 'Cannot place pods; trying again'));
    }
  })();
  if (placer.waiting().length > 0) wake('*');

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

const follow = ({ pods, nodes, namespaces, storage }: PlacementCaches, placer: Placer): Disposable[] => [
  namespaces.subscribe(placer.namespaceChanged),
  storage.claims.subscribe(({ key }) => placer.storageChanged(key)),
  storage.volumes.subscribe(({ object }) => placer.storageChanged(claimKeyOf(object))),
  storage.classes.subscribe(() => placer.storageChanged(undefined)),
  pods.subscribe(placer.podChanged),
  nodes.subscribe(placer.nodeChanged),
];

/** A job places all pending pods: what wakes it while one is being added shares the next. */
function createWaker(
  queue: JobQueue<PlacementJob>,
  logger: Logger,
  signal: AbortSignal,
): (key: string) => void {
  let adding = false;
  let addsAgain = false;
  return function wake(key) {
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
        if (addsAgain && !signal.aborted) wake('*');
      });
  };
}
