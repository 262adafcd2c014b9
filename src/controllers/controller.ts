/**
 * What every controller has in common: the context it runs in, the shape of a plan, and the loop
 * "keyed queue → plan → apply → wait until the caches have seen it".
 *
 * Because the caches are fed by the store that the plan was written to, waiting for them after each commit replaces
 * Kubernetes' expectations: a key is never planned twice from the same view. Where the waiting fails, or the answer to a
 * commit is lost, every loop waits until the caches have caught up. A plan carries checks on what it was made from.
 */
import type { Clock } from '../base/clock.ts';
import { ConflictError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { createWorkQueue, type WorkQueue } from '../base/work-queue.ts';
import type { EventInput, EventRecorder } from '../client/event-recorder.ts';
import type { KubeObject } from '../schemas/object.ts';
import { type Registry, type ResourceId, storageIdOf } from '../schemas/resource-kind.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { BoundWriter, Check, Write } from '../resources/writing/write-plan.ts';
import { type Fence, FenceLost, type Store, StoreUnavailable } from '../store/types.ts';
import { laterVersion } from '../store/version.ts';

/** What one look at a key comes to. Everything is decided; the executor only carries it out. */
export interface Plan {
  /** Committed together, all or nothing. */
  readonly writes: readonly Write[];
  /** What the plan was made from, its owner at least: part of the commit. */
  readonly checks?: readonly Check[];
  /** Recorded after the writes succeeded. */
  readonly events: readonly EventInput[];
  /** Look again after this time even if nothing changes. */
  readonly requeueAfterMs?: number;
}

export interface ControllerContext {
  readonly caches: CacheSet;
  readonly writer: BoundWriter;
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly events: EventRecorder;
  /** The leader's right to write; undefined where there is one process only (tests). */
  readonly fence?: Fence;
  /** Aborts when this process stops leading. */
  readonly signal: AbortSignal;
  /**
   * False while the store is being rebuilt after it lost history: then nothing is created by a ReplicaSet, stopped,
   * evicted or collected (INVARIANTS 10).
   */
  mayAct(): boolean;
  /** Called when `mayAct` may have changed. */
  onConditionChange(listener: () => void): Disposable;
  /** Told when the fence was lost: this process must stop leading. */
  onFenceLost?(): void;
}

/** Even with every notification lost, each key is looked at this often. client-go's controllers use hours. */
export const RESYNC_MS = 300_000;

export interface Loop extends AsyncDisposable {
  readonly queue: WorkQueue;
}

export interface LoopOptions {
  readonly name: string;
  readonly context: ControllerContext;
  readonly concurrency?: number;
  readonly resyncMs?: number;
  /** Every key there is, for the periodic resync. */
  keys(): Iterable<string>;
  reconcile(
    key: string,
    signal: AbortSignal,
  ): Promise<{ readonly requeueAfterMs: number } | undefined | void>;
}

/** Keys of different objects are independent: some at a time hide the latency of the store. */
const DEFAULT_CONCURRENCY = 8;

/** The queue, its resync, and the right reaction to each class of error. */
export function startLoop(options: LoopOptions): Loop {
  const { name, context } = options;
  const { clock } = context;
  const logger = context.logger.child({ component: `controller/${name}` });
  const queue = createWorkQueue({
    clock,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    async process(key, signal) {
      try {
        await context.caches.caughtUp(signal);
        return await options.reconcile(key, signal);
      } catch (error) {
        if (error instanceof FenceLost) context.onFenceLost?.();
        if (isRace(error)) throw new ConflictError('The view was stale', { cause: error });
        throw error;
      }
    },
    onError(key, error, retryInMs) {
      if (context.signal.aborted) return;
      if (error instanceof ConflictError)
        logger.debug({ key, error, retryInMs }, 'Lost a race; looking again');
      // A refusal is about what somebody asked for: conditions and events of the object say so, too.
      else if (isStatusError(error) && error.code < 500)
        logger.warn({ key, error, retryInMs }, 'Refused; trying again');
      else logger.error({ key, error, retryInMs }, 'Cannot reconcile; trying again');
    },
  });
  const resync = (): void => {
    for (const key of options.keys()) queue.add(key);
  };
  let timer = clock.setTimer(tick, options.resyncMs ?? RESYNC_MS);
  function tick(): void {
    resync();
    timer = clock.setTimer(tick, options.resyncMs ?? RESYNC_MS);
  }
  const condition = context.onConditionChange(resync);
  const stop = (): void => timer.cancel();
  context.signal.addEventListener('abort', stop, { once: true });
  resync();
  return {
    queue,
    async [Symbol.asyncDispose]() {
      stop();
      context.signal.removeEventListener('abort', stop);
      condition[Symbol.dispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
}

/** The object moved between our view and our write; the news of it are on their way. */
function isRace(error: unknown): boolean {
  return (
    isStatusError(error, 'Conflict') ||
    isStatusError(error, 'NotFound') ||
    isStatusError(error, 'AlreadyExists')
  );
}

/** Commits a plan, records its events, and waits until the caches show the result. */
export async function execute(
  context: ControllerContext,
  plan: Plan,
  signal: AbortSignal,
): Promise<{ readonly requeueAfterMs: number } | undefined> {
  if (plan.writes.length > 0) await applyAndWait(context, plan.writes, signal, plan.checks);
  for (const event of plan.events) context.events.record(event);
  return plan.requeueAfterMs === undefined ? undefined : { requeueAfterMs: plan.requeueAfterMs };
}

/** Commits writes that hold only while `checks` do, and waits until the caches show them. */
export async function applyAndWait(
  context: ControllerContext,
  writes: readonly Write[],
  signal: AbortSignal,
  checks: readonly Check[] = [],
): Promise<readonly (KubeObject | undefined)[]> {
  const { caches, fence } = context;
  const results = await context.writer
    .write({ writes, checks }, fence ? { fence } : {})
    .catch((error: unknown) => {
      const isOpen = error instanceof StoreUnavailable && error.isUnanswered;
      if (isOpen) for (const resource of resourcesOf(context, writes)) caches.expect(resource);
      throw error;
    });
  await Promise.all(
    [...newestOf(context, results)].map(async ([resource, version]) => {
      try {
        const cache = await caches.open(resource);
        await cache.waitFor(version, signal);
      } catch (error) {
        caches.expect(resource, version);
        throw error;
      }
    }),
  );
  return results;
}

function resourcesOf({ registry }: ControllerContext, writes: readonly Write[]): ReadonlySet<ResourceId> {
  const kinds = writes.flatMap(({ object }) => registry.byKind(object.apiVersion, object.kind) ?? []);
  return new Set(kinds.map(storageIdOf));
}

/** The newest version that was written of each resource. */
function newestOf(
  { registry }: ControllerContext,
  results: readonly (KubeObject | undefined)[],
): ReadonlyMap<ResourceId, string> {
  const newest = new Map<ResourceId, string>();
  for (const object of results) {
    const kind = object && registry.byKind(object.apiVersion, object.kind);
    const version = object?.metadata.resourceVersion;
    if (!kind || version === undefined) continue;
    const resource = storageIdOf(kind);
    newest.set(resource, laterVersion(newest.get(resource) ?? '0', version));
  }
  return newest;
}
