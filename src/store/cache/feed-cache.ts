/**
 * Feeds a cache from the store: a list, then every change. While the store cannot be read, the
 * cache keeps what it has: a missing observation never looks like a deletion. It lists again as
 * soon as the store answers.
 */
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { Gone, type ListResult, type Store, type StoreChange, StoreUnavailable } from '../types.ts';
import type { ResourceCache } from './cache.ts';
import type { WatchCache } from './watch-cache.ts';

/** The reason why an object is not of its kind; undefined where it is. */
export type ProblemOf = (resource: ResourceId, object: KubeObject) => string | undefined;

export interface FeedOptions {
  readonly store: Pick<Store, 'list' | 'watch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly problemOf: ProblemOf | undefined;
}

/** A store that does not answer is asked again soon: reads are stale until it does. */
const RETRY: BackoffPolicy = { initialMs: 100, maxMs: 5_000, factor: 2 };

/** A failure after a watch that lasted this long is a first failure. */
const STABLE_AFTER_MS = 10_000;

/** Resolves when `signal` has aborted; `listed` is called after each list. */
export async function feedCache(
  fed: WatchCache<KubeObject>,
  options: FeedOptions,
  listed: () => void,
): Promise<void> {
  const { store, clock, logger, signal } = options;
  const { resource } = fed.cache;
  const isSound = soundness(resource, options);
  let failures = 0;
  let watchingSinceMs = Number.POSITIVE_INFINITY;
  while (!signal.aborted) {
    try {
      const list = await store.list(resource);
      if (signal.aborted) return;
      fed.relist(usable(list, fed.cache, isSound));
      listed();
      watchingSinceMs = clock.now();
      for await (const change of store.watch(resource, list.version, signal)) follow(fed, change, isSound);
      throw new StoreUnavailable('The store was closed');
    } catch (error) {
      if (signal.aborted) return;
      // Not as soon as a list succeeds: lists that are too old at once must not spin.
      if (clock.now() - watchingSinceMs >= STABLE_AFTER_MS) failures = 0;
      watchingSinceMs = Number.POSITIVE_INFINITY;
      failures += 1;
      if (error instanceof Gone && failures === 1) {
        logger.info({ resource, error }, 'The watch fell behind; listing again');
        continue;
      }
      logger.error({ resource, error, failures }, 'Cannot read the store; trying again');
      await sleep(clock, backoffDelayMs(RETRY, failures), signal);
    }
  }
}

type IsSound = (object: KubeObject) => boolean;

function soundness(resource: ResourceId, { problemOf, logger }: FeedOptions): IsSound {
  return (object) => {
    const problem = problemOf?.(resource, object);
    if (problem === undefined) return true;
    logger.error(
      { resource, key: keyOf(object), version: object.metadata.resourceVersion, problem },
      'A stored object is not of its kind; it is left out',
    );
    return false;
  };
}

/** The list with each unusable object as it was last known. */
function usable(list: ListResult, cache: ResourceCache, isSound: IsSound): ListResult {
  const known = (key: string): readonly KubeObject[] => [cache.get(key)].filter((one) => one !== undefined);
  const sound = list.objects.flatMap((object) => (isSound(object) ? [object] : known(keyOf(object))));
  return { ...list, objects: [...sound, ...(list.unreadable ?? []).flatMap(known)] };
}

/** A change that tells nothing usable is passed over; what is known of the object stays. */
function follow(fed: WatchCache<KubeObject>, change: StoreChange, isSound: IsSound): void {
  if (change.type === 'UNREADABLE') {
    const { resource, key, version, isDeletion } = change;
    const known = isDeletion ? fed.cache.get(key) : undefined;
    if (!known) return fed.passOver(version);
    const object = { ...known, metadata: { ...known.metadata, resourceVersion: version } };
    fed.apply({ type: 'DELETED', resource, key, object, version, size: 0 });
  } else if (change.type === 'DELETED' || change.isSound || isSound(change.object)) fed.apply(change);
  else fed.passOver(change.version);
}
