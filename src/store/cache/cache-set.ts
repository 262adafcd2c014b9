/**
 * The caches of one process: one list and one watch per resource in use feed every reader there is.
 *
 * While the store cannot be read (unreachable, or its history was lost), a cache goes on serving what it has: a missing
 * observation never looks like a deletion. It lists again as soon as the store answers.
 */
import { createAbort } from '../../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { CacheSet, ResourceCache } from './cache.ts';
import { createExpectations } from './expectations.ts';
import { type CacheLimits, createFedCache, type FedCache } from './resource-cache.ts';
import { Gone, type Store, type StoreChange, StoreUnavailable } from '../types.ts';

export interface CacheSetOptions extends Partial<CacheLimits> {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is wrong with an object that was not written as its kind is; such ones are left out. */
  readonly problemOf?: (resource: ResourceId, object: KubeObject) => string | undefined;
}

/** Enough for a client that was away for some seconds in a large rollout; beyond it, listing is cheaper anyway. */
const DEFAULT_HISTORY_LIMIT = 5_000;
/** A watcher that is this far behind is served better by a list. */
const DEFAULT_WATCH_QUEUE_LIMIT = 10_000;

/** A store that does not answer is asked again soon: every second of waiting is one of stale reads. */
const RETRY: BackoffPolicy = { initialMs: 100, maxMs: 5_000, factor: 2 };

/** A watch that lasted this long was a good one: what comes after it is a first failure. */
const STABLE_AFTER_MS = 10_000;

interface Opened {
  readonly fed: FedCache<KubeObject>;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

export function createCacheSet(options: CacheSetOptions): CacheSet {
  const { store, clock } = options;
  const logger = options.logger.child({ component: 'cache' });
  const opened = new Map<ResourceId, Opened>();
  const abort = createAbort();

  function isSound(resource: ResourceId, object: KubeObject): boolean {
    const problem = options.problemOf?.(resource, object);
    if (problem === undefined) return true;
    const { resourceVersion: version } = object.metadata;
    logger.error(
      { resource, key: keyOf(object), version, problem },
      'A stored object is not of its kind; it is left out',
    );
    return false;
  }

  /** What became unusable stays as it was last known: a missing observation is no deletion. */
  function soundOf(
    resource: ResourceId,
    { cache }: FedCache<KubeObject>,
    object: KubeObject,
  ): readonly KubeObject[] {
    if (isSound(resource, object)) return [object];
    const known = cache.get(keyOf(object));
    return known ? [known] : [];
  }

  /** A change that says nothing usable is passed over: what comes after it is waited for all the same. */
  function follow(fed: FedCache<KubeObject>, change: StoreChange): void {
    if (change.type === 'UNREADABLE') {
      const { resource, key, version, isDeletion } = change;
      const known = isDeletion ? fed.cache.get(key) : undefined;
      if (!known) return fed.passOver(version);
      const object = { ...known, metadata: { ...known.metadata, resourceVersion: version } };
      fed.apply({ type: 'DELETED', resource, key, object, version });
    } else if (change.type === 'DELETED' || isSound(change.resource, change.object)) fed.apply(change);
    else fed.passOver(change.version);
  }

  /** Lists and watches until the set is disposed; `listed` is called after each list. */
  async function feed(resource: ResourceId, fed: FedCache<KubeObject>, listed: () => void): Promise<void> {
    const { signal } = abort;
    let failures = 0;
    let watchingSinceMs = Number.POSITIVE_INFINITY;
    while (!signal.aborted) {
      try {
        const list = await store.list(resource);
        if (signal.aborted) return;
        const sound = list.objects.flatMap((object) => soundOf(resource, fed, object));
        const known = list.unreadable?.flatMap((key) => fed.cache.get(key) ?? []) ?? [];
        fed.relist({ ...list, objects: [...sound, ...known] });
        listed();
        watchingSinceMs = clock.now();
        for await (const change of store.watch(resource, list.version, signal)) follow(fed, change);
        throw new StoreUnavailable('The store was closed');
      } catch (error) {
        if (signal.aborted) return;
        // Not as soon as a list succeeds: lists that are too old the moment they are there must not spin.
        if (clock.now() - watchingSinceMs >= STABLE_AFTER_MS) failures = 0;
        watchingSinceMs = Number.POSITIVE_INFINITY;
        if (error instanceof Gone && failures === 0) {
          failures = 1;
          logger.info({ resource, error }, 'The watch fell behind; listing again');
          continue;
        }
        failures += 1;
        logger.error({ resource, error, failures }, 'Cannot read the store; trying again');
        await sleep(clock, backoffDelayMs(RETRY, failures), signal);
      }
    }
  }

  function start(resource: ResourceId): Opened {
    const fed = createFedCache({
      resource,
      logger,
      versions: () => store.versions(resource),
      historyLimit: options.historyLimit ?? DEFAULT_HISTORY_LIMIT,
      watchQueueLimit: options.watchQueueLimit ?? DEFAULT_WATCH_QUEUE_LIMIT,
    });
    let listed: () => void = () => undefined;
    const firstList = new Promise<void>((resolve) => {
      listed = resolve;
    });
    const ended = feed(resource, fed, listed);
    const ready = Promise.race([firstList, ended]).then(() => {
      if (abort.signal.aborted)
        throw new Error(`Cannot open the cache of ${resource}: the caches are closed`);
    });
    ready.catch(() => undefined);
    return { fed, ready, ended };
  }

  async function open<T extends KubeObject>(resource: ResourceId): Promise<ResourceCache<T>> {
    abort.signal.throwIfAborted();
    let found = opened.get(resource);
    if (!found) opened.set(resource, (found = start(resource)));
    await found.ready;
    return found.fed.cache as unknown as ResourceCache<T>;
  }

  return {
    open,
    ...createExpectations(open),
    async [Symbol.asyncDispose]() {
      abort.abort();
      for (const { fed } of opened.values()) fed.close();
      await Promise.allSettled([...opened.values()].map(({ ended }) => ended));
    },
  };
}
