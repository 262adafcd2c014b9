/**
 * A local mirror of a list: list, watch from its version, list again when the version is gone. The mirror is never
 * emptied by an error: until a complete new list has been read, the old content stays (fail static).
 *
 * `onList` gets every complete list; `onEvent` every later change, in order. `synced` turns true with the first list.
 */
import { append } from '../base/append.ts';
import { anySignal, createAbort } from '../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { errorMessage, levelOf, TransientError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { type KubeObject, keyOf } from '../schemas/object.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { ApiClient, ListOptions, ObjectList, ResourcePath } from './types.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: ApiClient;
  readonly resource: ResourcePath;
  readonly selection?: ListOptions;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** A complete list; throwing (or rejecting) discards it and lists again after a pause. */
  onList?(items: readonly T[]): void | Promise<void>;
  onChange?(change: { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }): void;
  /** Told when the connection is lost and when it is back. */
  onConnection?(connected: boolean): void;
}

export interface Reflector<T extends KubeObject> extends AsyncDisposable {
  start(): void;
  readonly synced: boolean;
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  /** Drops the version, so that a complete list is read next. */
  relist(): void;
}

/** For a server that answers, but not well. */
const RETRY: BackoffPolicy = { initialMs: 250, maxMs: 4_000, factor: 2 };
/** A server that was restarted is to have its agents back within a second; to be refused a connection costs nothing. */
const RETRY_UNREACHABLE: BackoffPolicy = { ...RETRY, maxMs: 1_000 };
/** A watch that lasted this long was a good one: what comes after it is a first failure. */
const STABLE_AFTER_MS = 1_000;
/** Part of a delay that is random, so that a thousand agents do not come back in one instant. */
const JITTER = 0.5;
/** Objects per page of a list. */
const PAGE_SIZE = 500;
/** Pages of one list; a list longer than this is a bug at the server. */
const MAX_PAGES = 10_000;

export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
  const { client, resource, clock, rng } = options;
  const logger = options.logger.child({ component: 'reflector', resource: resource.plural });
  const stop = createAbort();
  let mirror = new Map<string, T>();
  let version: string | undefined;
  let synced = false;
  let attempt = createAbort();
  let relistWanted = true;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    let failures = 0;
    while (!stop.signal.aborted) {
      let beganMs = clock.now();
      let retry = RETRY;
      try {
        if (relistWanted || version === undefined) await relistNow();
        options.onConnection?.(true);
        beganMs = clock.now();
        const changed = await follow();
        // An orderly end is not a failure; but one that brought nothing, or came at once, must not spin.
        const isGood = relistWanted || (changed && clock.now() - beganMs >= STABLE_AFTER_MS);
        failures = isGood ? 0 : failures + 1;
        if (isGood) continue;
      } catch (error) {
        if (stop.signal.aborted) return;
        if (clock.now() - beganMs >= STABLE_AFTER_MS) failures = 0;
        if (isStatusError(error) && error.code === 410) {
          version = undefined;
          failures += 1;
          logger.debug({}, 'Watch is too old, listing again');
          if (failures <= 1) continue;
        } else {
          failures += 1;
          if (error instanceof TransientError) retry = RETRY_UNREACHABLE;
          options.onConnection?.(false);
          logger[levelOf(error, 'warn')](
            { error: errorMessage(error), failures },
            'Cannot watch; trying again',
          );
        }
      }
      const delay = backoffDelayMs(retry, failures);
      await sleep(clock, delay * (1 - JITTER * rng.next()), stop.signal);
    }
  }

  async function relistNow(): Promise<void> {
    relistWanted = false;
    version = undefined;
    const items: T[] = [];
    let next: string | undefined;
    let page: ObjectList<T> | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      page = await client.list<T>(resource, {
        ...options.selection,
        limit: PAGE_SIZE,
        ...(next === undefined ? {} : { continue: next }),
      });
      append(items, page.items);
      next = page.continue;
      if (next === undefined) break;
    }
    if (!page || next !== undefined) throw new Error('Cannot list: the list does not end');
    const listed = new Map(items.map((item) => [keyOf(item), item]));
    mirror = listed;
    await options.onList?.(items);
    version = page.resourceVersion;
    synced = true;
  }

  /** True when at least one event came. */
  async function follow(): Promise<boolean> {
    if (version === undefined || relistWanted) return true;
    // So that what was combined for the last attempt lets go of `stop`.
    attempt.abort();
    attempt = createAbort();
    const signal = anySignal(attempt.signal, stop.signal);
    let seen = false;
    for await (const event of client.watch<T>(resource, {
      ...options.selection,
      resourceVersion: version,
      signal,
    })) {
      if (signal.aborted) break;
      seen = true;
      version = event.object.metadata.resourceVersion ?? version;
      if (event.type === 'BOOKMARK') continue;
      const key = keyOf(event.object);
      if (event.type === 'DELETED') mirror.delete(key);
      else mirror.set(key, event.object);
      options.onChange?.({ type: event.type, object: event.object });
    }
    return seen || relistWanted;
  }

  return {
    start() {
      running ??= run();
    },
    get synced() {
      return synced;
    },
    get: (key) => mirror.get(key),
    values: () => mirror.values(),
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
