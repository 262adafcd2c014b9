/** The store on Redis: a Lua script commits, streams are the change log (redis-scripts.ts). */
import { createAbort } from '../../base/abort.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { plainFormat, type StorageFormat } from '../../schemas/strategy/index.ts';
import { createHistory } from '../history.ts';
import { DEFAULT_LOG_BYTES, DEFAULT_LOG_LIMIT, WATCH_QUEUE_LIMIT } from '../limits.ts';
import type { Store } from '../types.ts';
import { createChangeReader } from './change-reader.ts';
import { assessServer, readServerFacts } from './check-server.ts';
import { connectRedis } from './connect.ts';
import { type PayloadCodec, plainCodec } from './payload-codec.ts';
import { createCommitter } from './redis-committer.ts';
import { type OnUnreadable, type RedisData, readMeta } from './redis-data.ts';
import { redisKeys } from './redis-keys.ts';
import { listObjects, readObjects, readVersions } from './redis-reads.ts';
import { acquireLease, checkState, readState, releaseLease, setState } from './redis-state.ts';
import { parseRedisUrl, type RedisTarget } from './redis-target.ts';
import { watchLog } from './redis-watch.ts';
import { createStoredObjects } from './stored-objects.ts';

export interface RedisStoreOptions {
  /** See redis-target.ts for the forms. */
  readonly url: string | RedisTarget;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Must carry a hash tag. */
  readonly keyPrefix?: string;
  readonly codec?: PayloadCodec;
  readonly format?: StorageFormat;
  readonly logLimit?: number;
  readonly logBytes?: number;
  readonly watchQueueLimit?: number;
  /** Counts what cannot be read; it is logged in any case. */
  readonly onUnreadable?: (resource: ResourceId) => void;
}

/** Throws UserError for an unfit server (check-server.ts), StoreUnavailable for none. */
export async function createRedisStore(options: RedisStoreOptions): Promise<Store> {
  const target = typeof options.url === 'string' ? parseRedisUrl(options.url) : options.url;
  const logger = options.logger.child({ component: 'store' });
  const onUnreadable: OnUnreadable = (about, error) => {
    logger.error({ ...about, error }, 'Cannot read what is stored; it is passed over');
    options.onUnreadable?.(about.resource);
  };
  const data: RedisData = {
    redis: connectRedis(target, logger),
    keys: redisKeys(options.keyPrefix),
    history: createHistory(),
    objects: createStoredObjects(options.codec ?? plainCodec, options.format ?? plainFormat),
    onUnreadable,
  };
  const store = storeOn(data, target, options, logger);
  try {
    for (const { severity, message, advice } of assessServer(await readServerFacts(data.redis, target))) {
      if (severity === 'refuse') throw new UserError(`Cannot use Redis: ${message}. ${advice}`);
      logger.warn({ problem: message, advice }, 'Redis is not set up as it should be');
    }
    const [epoch, last] = await readMeta(data, 'epoch', 'last');
    data.history.adopt(epoch ?? undefined, Number(last ?? 0));
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

function storeOn(data: RedisData, target: RedisTarget, options: RedisStoreOptions, logger: Logger): Store {
  const { clock = systemClock, logLimit = DEFAULT_LOG_LIMIT, logBytes = DEFAULT_LOG_BYTES } = options;
  const queueLimit = options.watchQueueLimit ?? WATCH_QUEUE_LIMIT;
  const reader = createChangeReader({ data, clock, logger, blocking: connectRedis(target, logger) });
  const closed = createAbort();
  const committer = createCommitter({ data, clock, logLimit, logBytes, closed: closed.signal });
  const reads = createSharedReads();
  let leasedAtMs = Number.NEGATIVE_INFINITY;
  return {
    commit: committer.commit,
    get: async (resource, key) => (await readObjects(data, resource, [key]))[0],
    getMany: (resource, keys) => readObjects(data, resource, keys),
    list: (resource) => listObjects(data, resource),
    watch: (resource, fromVersion, signal) =>
      watchLog(data, reader, { resource, fromVersion, queueLimit, signal, closed: closed.signal }),
    versions: (resource) =>
      reads.read(resource, async () => {
        await committer.settle();
        return readVersions(data, resource);
      }),
    clusterState: () => readState(data),
    checkState: () => checkState(data),
    setClusterState: (next, expected) => setState(data, next, expected),
    get leasedAtMs() {
      return leasedAtMs;
    },
    async acquireLease(lease, holder, ttlMs) {
      const held = await acquireLease(data, lease, holder, ttlMs);
      if (held) leasedAtMs = clock.now();
      return held;
    },
    releaseLease: (lease, holder) => releaseLease(data, lease, holder),
    async [Symbol.asyncDispose]() {
      closed.abort();
      await reader[Symbol.asyncDispose]();
      await data.redis[Symbol.asyncDispose]();
    },
  };
}
