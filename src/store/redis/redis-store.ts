/**
 * The store on Redis: one Lua script commits, streams are the change log (redis-scripts.ts has the layout).
 *
 * Every answer is checked against what the adapter knows of the data's history (history.ts): data that is gone or went
 * back in time is refused with EpochChanged, and never looks like "there are no objects".
 */
import { randomUUID } from 'node:crypto';
import { anySignal, createAbort } from '../../base/abort.ts';
import { createAsyncQueue } from '../../base/async-queue.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { errorMessage, UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { assessServer, readServerFacts } from './check-server.ts';
import { createChangeReader } from './change-reader.ts';
import { connectRedis } from './connect.ts';
import { createHistory } from '../history.ts';
import {
  checkPayloadSize,
  DEFAULT_LOG_BYTES,
  DEFAULT_LOG_LIMIT,
  soundObjectOf,
  WATCH_QUEUE_LIMIT,
} from '../limits.ts';
import { type PayloadCodec, plainCodec, UnknownKey } from './payload-codec.ts';
import { createCommitter } from './redis-committer.ts';
import { redisKeys } from './redis-keys.ts';
import { changeOf, type OnUnreadable, readPage, versionOfEntry } from './redis-log.ts';
import { createReadPromise, PROMISE_MS, QUIET_MS, type Versions } from './read-promise.ts';
import { ACQUIRE_LEASE, LIST, LOOK, RELEASE_LEASE, SET_STATE } from './redis-scripts.ts';
import { parseRedisUrl, type RedisTarget } from './redis-target.ts';
import { runScript } from './script-runner.ts';
import {
  type ClusterState,
  EpochChanged,
  Gone,
  type HeldLease,
  type ListResult,
  type Store,
  type StoreChange,
} from '../types.ts';
import { parseVersion } from '../version.ts';

export interface RedisStoreOptions {
  /** See redis-target.ts for the forms. */
  readonly url: string | RedisTarget;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Must carry a hash tag. */
  readonly keyPrefix?: string;
  readonly codec?: PayloadCodec;
  readonly logLimit?: number;
  readonly logBytes?: number;
  readonly watchQueueLimit?: number;
  /** Counts what cannot be read; it is logged in any case. */
  readonly onUnreadable?: (resource: ResourceId) => void;
}

/** Changes read at once while a watch catches up. */
const PAGE = 500;

/** Throws UserError where the server is not fit for it (check-server.ts), StoreUnavailable where there is none. */
export async function createRedisStore(options: RedisStoreOptions): Promise<Store> {
  const target = typeof options.url === 'string' ? parseRedisUrl(options.url) : options.url;
  const { clock = systemClock, codec = plainCodec } = options;
  const logger = options.logger.child({ component: 'store' });
  const logLimit = options.logLimit ?? DEFAULT_LOG_LIMIT;
  const keys = redisKeys(options.keyPrefix);
  const redis = connectRedis(target, logger);
  const blocking = connectRedis(target, logger);
  const history = createHistory();
  const onUnreadable: OnUnreadable = (about, error) => {
    logger.error({ ...about, error }, 'Cannot read what is stored; it is passed over');
    options.onUnreadable?.(about.resource);
  };
  const reader = createChangeReader({
    keys,
    clock,
    logger,
    codec,
    history,
    onUnreadable,
    blocking,
    commands: redis,
  });
  const closed = createAbort();
  const promise = createReadPromise({ clock, newId: randomUUID });
  const committer = createCommitter({
    redis,
    keys,
    codec,
    history,
    promise,
    clock,
    logLimit,
    logBytes: options.logBytes ?? DEFAULT_LOG_BYTES,
    closed: closed.signal,
  });
  /** See read-promise.ts: elsewhere every read without a version asks. */
  const sharesClock = target.type === 'unix';

  /** Runs a read together with a look at the history, which is read behind it. */
  async function checked<T>(resourceField: string, read: () => Promise<T>): Promise<[T, (string | null)[]]> {
    const check = history.expect();
    const fields = ['epoch', 'last', 'epochFloor', resourceField];
    const [reply, state] = await Promise.all([read(), redis.call('HMGET', keys.meta, ...fields)]);
    const [epoch, last] = state as (string | null)[];
    const wrong = check(epoch ?? undefined, Number(last ?? 0));
    if (wrong) throw new EpochChanged(wrong);
    return [reply, state as (string | null)[]];
  }

  function decode(resource: ResourceId, key: string, value: string): KubeObject {
    const space = value.indexOf(' ');
    if (parseVersion(value.slice(0, space)) === undefined) throw new Error('It has no version');
    checkPayloadSize(value);
    return soundObjectOf(key, codec.decode(resource, key, value.slice(space + 1)), value.slice(0, space));
  }

  /** Whoever asks for this one is told which one cannot be read. */
  function decodeNamed(resource: ResourceId, key: string, value: string): KubeObject {
    try {
      return decode(resource, key, value);
    } catch (error) {
      if (error instanceof UnknownKey) throw error;
      throw new Error(`Cannot read ${resource} "${key}": ${errorMessage(error)}`, { cause: error });
    }
  }

  /**
   * One bad object never stops the others. But where the key at hand opens none of the sealed ones, it is the key that
   * is wrong: to go on as if there were no Secrets would do harm.
   */
  function decodeAll(resource: ResourceId, values: readonly string[]): Omit<ListResult, 'version'> {
    const entries: (readonly [string, KubeObject])[] = [];
    const unreadable: string[] = [];
    let unknownKey: UnknownKey | undefined;
    for (let index = 0; index < values.length; index += 2) {
      const key = values[index] ?? '';
      try {
        entries.push([key, decode(resource, key, values[index + 1] ?? '')]);
      } catch (error) {
        if (error instanceof UnknownKey) unknownKey = error;
        unreadable.push(key);
        onUnreadable({ resource, key }, error);
      }
    }
    if (unknownKey && entries.length === 0) throw unknownKey;
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    const objects = entries.map(([, object]) => object);
    return unreadable.length > 0 ? { objects, unreadable } : { objects };
  }

  async function look(resource: ResourceId): Promise<Versions> {
    await committer.settle();
    const check = history.expect();
    const looked = promise.looking(resource);
    const promiseMs = sharesClock ? PROMISE_MS : 0;
    const args = [promise.writer, promiseMs, QUIET_MS, `last:${resource}`];
    const reply = await runScript(redis, LOOK, [keys.meta], args);
    const [epoch, last, epochFloor, own, until, renewed] = reply as (string | number | null)[];
    const wrong = check(epoch === null ? undefined : String(epoch), Number(last ?? 0));
    if (wrong) throw new EpochChanged(wrong);
    const newest = Math.max(Number(own ?? 0), Number(epochFloor ?? 0));
    const promisedUntilMs = sharesClock ? Number(until) : 0;
    looked({ resource: newest, store: Number(last ?? 0), promisedUntilMs, renewed: renewed === 1 });
    return { resource: String(newest), store: String(last ?? '0') };
  }

  async function getMany(
    resource: ResourceId,
    wanted: readonly string[],
  ): Promise<(KubeObject | undefined)[]> {
    if (wanted.length === 0) return [];
    const [values] = await checked('last', () => redis.call('HMGET', keys.objects(resource), ...wanted));
    return (values as (string | null)[]).map((value, index) =>
      value === null ? undefined : decodeNamed(resource, wanted[index] ?? '', value),
    );
  }

  let leasedAtMs = Number.NEGATIVE_INFINITY;
  const stateOf = (epoch: string, phase: string | null | undefined): ClusterState => ({
    epoch,
    phase: phase === 'rebuilding' ? 'rebuilding' : 'normal',
  });

  const store: Store = {
    commit: committer.commit,

    async get(resource, key) {
      return (await getMany(resource, [key]))[0];
    },
    getMany,

    async list(resource): Promise<ListResult> {
      const check = history.expect();
      const reply = await runScript(redis, LIST, [keys.meta, keys.objects(resource)], []);
      const [[epoch, last], values] = reply as [(string | null)[], readonly string[]];
      const wrong = check(epoch ?? undefined, Number(last ?? 0));
      if (wrong) throw new EpochChanged(wrong);
      return { ...decodeAll(resource, values), version: last ?? '0' };
    },

    async *watch(resource, fromVersion, signal) {
      const from = parseVersion(fromVersion);
      const gone = (): Gone =>
        new Gone(`Cannot watch ${resource} from version "${fromVersion}": it is not in the change log`);
      if (from === undefined) throw gone();
      const queue = createAsyncQueue<StoreChange>(options.watchQueueLimit ?? WATCH_QUEUE_LIMIT);
      const stop = (): void => queue.close();
      const ended = anySignal(signal, closed.signal);
      ended.addEventListener('abort', stop, { once: true });
      let subscription: Disposable | undefined;
      let position = from;
      try {
        // Catch up with the log; then subscribe, and read once more what came in between.
        for (let caughtUp = false; !caughtUp; ) {
          if (ended.aborted) return;
          const check = history.expect();
          const { entries, state } = await readPage(redis, keys, resource, position, PAGE);
          const wrong = check(state.epoch, state.last);
          if (wrong) throw new EpochChanged(wrong);
          const oldest = Math.max(state.epochFloor, state.floors[0] ?? 0);
          if (from > state.last || position < oldest) throw gone();
          for (const entry of entries) {
            position = Number(versionOfEntry(entry[0]));
            yield changeOf(resource, entry, codec, onUnreadable);
            if (ended.aborted) return;
          }
          caughtUp = entries.length < PAGE && subscription !== undefined;
          subscription ??= reader.subscribe(resource, position, {
            push: (event) => queue.push(event),
            fail: (error) => queue.close(error),
          });
        }
        for await (const event of queue) {
          if (ended.aborted) return;
          if (Number(event.version) > position) yield event;
        }
      } catch (error) {
        if (!ended.aborted) throw error;
      } finally {
        subscription?.[Symbol.dispose]();
        ended.removeEventListener('abort', stop);
        ended[Symbol.dispose]();
      }
    },

    versions: (resource) => (sharesClock ? promise.versions(resource) : undefined) ?? look(resource),

    async clusterState() {
      const reply = (await redis.call('HMGET', keys.meta, 'epoch', 'phase')) as (string | null)[];
      const [epoch, phase] = reply;
      return epoch ? stateOf(epoch, phase) : undefined;
    },

    async checkState() {
      const check = history.expect();
      const reply = await redis.call('HMGET', keys.meta, 'epoch', 'phase', 'last');
      const [epoch, phase, last] = reply as (string | null)[];
      if (!epoch) return undefined;
      const wrong = epoch === history.epoch ? check(epoch, Number(last ?? 0)) : undefined;
      if (wrong) throw new EpochChanged(wrong);
      return { ...stateOf(epoch, phase), version: last ?? '0' };
    },

    get leasedAtMs() {
      return leasedAtMs;
    },

    async setClusterState(next, expected) {
      const args = [next.epoch, next.phase, expected?.epoch ?? '', expected?.phase ?? '', history.floor];
      const reply = await runScript(redis, SET_STATE, [keys.meta], args);
      const [outcome, last] = reply as readonly string[];
      if (outcome !== 'OK') return false;
      history.adopt(next.epoch, Number(last));
      promise.forget();
      return true;
    },

    async acquireLease(lease, holder, ttlMs): Promise<HeldLease | undefined> {
      const reply = await runScript(redis, ACQUIRE_LEASE, [keys.lease(lease)], [holder, ttlMs]);
      if (!reply) return undefined;
      leasedAtMs = clock.now();
      const [token, expiresAtMs] = reply as readonly string[];
      return { token: Number(token), expiresAtMs: Number(expiresAtMs) };
    },

    async releaseLease(lease, holder) {
      await runScript(redis, RELEASE_LEASE, [keys.lease(lease)], [holder]);
    },

    async [Symbol.asyncDispose]() {
      closed.abort();
      await reader[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };

  try {
    for (const { severity, message, advice } of assessServer(await readServerFacts(redis, target))) {
      if (severity === 'refuse') throw new UserError(`Cannot use Redis: ${message}. ${advice}`);
      logger.warn({ problem: message, advice }, 'Redis is not set up as it should be');
    }
    const [epoch, last] = (await redis.call('HMGET', keys.meta, 'epoch', 'last')) as (string | null)[];
    history.adopt(epoch ?? undefined, Number(last ?? 0));
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}
