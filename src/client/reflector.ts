/**
 * Follows a list: list, watch from its version, list again when the version is gone. An error
 * changes nothing for the listener: it keeps what it has until a new list is complete (fail
 * static).
 *
 * `onList` gets every complete list, `onChange` every later change, in order.
 */
import { anySignal, createAbort } from '../base/abort.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { errorMessage, levelOf, TransientError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import type { KubeObject } from '../schemas/object.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import { listAll } from './list-all.ts';
import { planWatchRetry, type WatchEnd } from './plan-watch-retry.ts';
import type { ApiClient, ListOptions, ResourcePath } from './types.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: ApiClient;
  readonly resource: ResourcePath;
  readonly selection?: ListOptions;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** A complete list. An error discards it: it is listed again after a pause. */
  onList(items: readonly T[]): void | Promise<void>;
  onChange(change: { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }): void;
}

export interface Reflector extends AsyncDisposable {
  start(): void;
  /** Reads a complete list next. */
  relist(): void;
}

export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector {
  const { client, resource, selection, clock, rng } = options;
  const logger = options.logger.child({ component: 'reflector', resource: resource.plural });
  const stop = createAbort();
  let version: string | undefined;
  let relistWanted = false;
  let attempt = createAbort();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; ) {
      const end = await listAndWatch(failures);
      if (stop.signal.aborted) return;
      const retry = planWatchRetry(failures, end, rng.next);
      failures = retry.failures;
      if (retry.delayMs > 0) await sleep(clock, retry.delayMs, stop.signal);
    }
  }

  /** Lists if need be, then watches until the watch ends. Never rejects. */
  async function listAndWatch(failures: number): Promise<WatchEnd> {
    let beganMs = clock.now();
    const ended = (type: WatchEnd['type']): WatchEnd => ({ type, lastedMs: clock.now() - beganMs });
    try {
      if (relistWanted || version === undefined) version = await relistNow();
      beganMs = clock.now();
      if (!relistWanted) await follow(version);
      return ended(relistWanted ? 'relist' : 'ended');
    } catch (error) {
      if (isStatusError(error) && error.code === 410) {
        version = undefined;
        logger.debug({}, 'Watch is too old, listing again');
        return ended('expired');
      }
      const fields = { error: errorMessage(error), failures: failures + 1 };
      if (!stop.signal.aborted) logger[levelOf(error, 'warn')](fields, 'Cannot watch; trying again');
      return ended(error instanceof TransientError ? 'unreachable' : 'failed');
    }
  }

  async function relistNow(): Promise<string> {
    relistWanted = false;
    version = undefined;
    const { items, resourceVersion } = await listAll<T>(client, resource, selection);
    await options.onList(items);
    return resourceVersion;
  }

  async function follow(resourceVersion: string): Promise<void> {
    attempt = createAbort();
    using signal = anySignal(attempt.signal, stop.signal);
    for await (const { type, object } of client.watch<T>(resource, {
      ...selection,
      resourceVersion,
      signal,
    })) {
      if (signal.aborted) return;
      version = object.metadata.resourceVersion ?? version;
      if (type !== 'BOOKMARK') options.onChange({ type, object });
    }
  }

  return {
    start() {
      running ??= run();
    },
    relist() {
      relistWanted = true;
      attempt.abort();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
