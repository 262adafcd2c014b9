/** The one executor of controllers: keyed queue → observe → plan → execute, with resync. */
import { anySignal, createAbort } from '../base/abort.ts';
import { sleep } from '../base/clock.ts';
import { ConflictError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { openScope, type Scope } from '../base/scope.ts';
import { createWorkQueue, type Requeue, type WorkQueue } from '../base/work-queue.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import { FenceLost } from '../store/types.ts';
import type { Controller, ControllerContext, ControllerScope, Reconciler } from './controller.ts';
import { executeOrRefuse } from './execute-plan.ts';

/** Each key is reconciled this often with every notification lost. client-go uses hours. */
export const RESYNC_MS = 300_000;
const DEFAULT_CONCURRENCY = 8;

export function runController(
  { name, open }: Controller,
  context: ControllerContext,
): Promise<AsyncDisposable> {
  const logger = context.logger.child({ component: `controller/${name}` });
  return openScope(async (scope) => {
    // Changes that come while it opens are covered by the first resync.
    const started: { queue?: WorkQueue } = {};
    const enqueue = (key: string, delayMs = 0): void => started.queue?.addAfter(key, delayMs);
    const reconciler = await open(context, controllerScope(scope, enqueue));
    started.queue = scope.use(startQueue(context, reconciler, logger, enqueue));
    startResync(scope, context, reconciler, logger, enqueue);
    return {};
  });
}

function controllerScope(scope: Scope, enqueue: (key: string, delayMs?: number) => void): ControllerScope {
  return {
    ...scope,
    enqueue,
    on: (cache, keysOf, delayMs) =>
      scope.use(
        cache.subscribe((event) => {
          for (const key of keysOf(event))
            enqueue(key, typeof delayMs === 'function' ? delayMs(key) : delayMs);
        }),
      ),
  };
}

function startQueue(
  context: ControllerContext,
  reconciler: Reconciler,
  logger: Logger,
  enqueue: (key: string) => void,
): WorkQueue {
  return createWorkQueue({
    clock: context.clock,
    concurrency: reconciler.concurrency ?? DEFAULT_CONCURRENCY,
    async process(key, signal) {
      try {
        await context.caches.caughtUp(signal);
        return await reconcile(context, reconciler, key, signal, enqueue);
      } catch (error) {
        if (error instanceof FenceLost) context.onFenceLost?.();
        if (isRace(error)) throw new ConflictError('The view was stale', { cause: error });
        throw error;
      }
    },
    onError(key, error, retryInMs) {
      if (context.signal.aborted) return;
      if (error instanceof ConflictError)
        logger.debug({ key, error, retryInMs }, 'Lost a race; reconciling again');
      // Conditions and events of the object tell a refusal, too.
      else if (isStatusError(error) && error.code < 500)
        logger.warn({ key, error, retryInMs }, 'Refused; trying again');
      else logger.error({ key, error, retryInMs }, 'Cannot reconcile; trying again');
    },
  });
}

async function reconcile(
  context: ControllerContext,
  reconciler: Reconciler,
  key: string,
  signal: AbortSignal,
  enqueue: (key: string) => void,
): Promise<Requeue | undefined> {
  const isPaused = (): boolean => reconciler.pausesForRebuild === true && !context.mayAct();
  if (isPaused()) return undefined;
  const view = await reconciler.observe(key, signal);
  // Asked again, as observing takes time: nothing is stopped once rebuilding has begun.
  if (view === undefined || isPaused()) return undefined;
  const plan = reconciler.plan(view, context.clock.now());
  if (!plan) return undefined;
  const { requeue, plan: done } = await executeOrRefuse(context, reconciler, { view, plan }, signal);
  // Before `after`, which may fail: the next plan of this key knows nothing of them.
  for (const next of done.visit ?? []) enqueue(next);
  await reconciler.after?.(done, key, signal);
  return requeue;
}

/** Enqueues every key now, every so often, and when `mayAct` changes. */
function startResync(
  scope: Scope,
  context: ControllerContext,
  reconciler: Reconciler,
  logger: Logger,
  enqueue: (key: string) => void,
): void {
  const { clock } = context;
  const { resyncMs = RESYNC_MS } = reconciler;
  const stop = createAbort();
  const signal = anySignal(context.signal, stop.signal);
  const resync = async (): Promise<void> => {
    try {
      for (const key of await reconciler.keys()) enqueue(key);
    } catch (error) {
      logger.error({ error, retryInMs: resyncMs }, 'Cannot list what to reconcile; trying again');
    }
  };
  const resyncing = (async () => {
    while (!signal.aborted) {
      await resync();
      await sleep(clock, resyncMs, signal);
    }
  })();
  scope.defer(() => {
    stop.abort();
    signal[Symbol.dispose]();
    return resyncing;
  });
  scope.use(context.onConditionChange(() => void resync()));
}

/** The object moved between our view and our write; the news of it are on their way. */
const isRace = (error: unknown): boolean =>
  isStatusError(error, 'Conflict') ||
  isStatusError(error, 'NotFound') ||
  isStatusError(error, 'AlreadyExists');
