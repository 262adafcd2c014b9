/**
 * One blocking connection per process reads the logs of all resources that somebody watches, and gives each change to
 * the watchers of its resource, decoded once. It never waits for a watcher: whoever cannot take a change is dropped
 * with Gone. After a lost connection it goes on where it was; whether nothing is missing is checked with every read.
 */
import { createAbort } from '../../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { RedisLink } from './connect.ts';
import type { History } from '../history.ts';
import type { PayloadCodec } from './payload-codec.ts';
import type { RedisKeys } from './redis-keys.ts';
import { changeOf, type OnUnreadable, type RawEntry, readLogState, versionOfEntry } from './redis-log.ts';
import { EpochChanged, Gone, type StoreChange } from '../types.ts';

export interface ChangeWatcher {
  /** False when it cannot take more. */
  push(change: StoreChange): boolean;
  fail(error: Error): void;
}

export interface ChangeReader extends AsyncDisposable {
  /**
   * Every change of the resource from now on. A resource that nobody watched so far is read from `position` on: the
   * watcher may see changes twice that it has read itself, but misses none.
   */
  subscribe(resource: ResourceId, position: number, watcher: ChangeWatcher): Disposable;
}

export interface ChangeReaderOptions {
  readonly keys: RedisKeys;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly codec: PayloadCodec;
  readonly history: History;
  readonly onUnreadable: OnUnreadable;
  /** Two connections: one to wait on, and one to speak on meanwhile. */
  readonly blocking: RedisLink;
  readonly commands: RedisLink;
}

/**
 * The longest wait for a change, while nothing changes: also how soon a watch notices lost data, and how long a wake-up
 * that failed is missed. The control plane itself notices lost data in a second (server/history/history.ts). Each round names
 * every resource to Redis twice.
 */
const BLOCK_MS = 5_000;
/** Changes taken per resource and read: bounds memory, and how long the event loop is held. */
const READ_LIMIT = 500;
const RETRY: BackoffPolicy = { initialMs: 50, maxMs: 1_000, factor: 2 };

interface Stream {
  position: number;
  readonly watchers: Set<ChangeWatcher>;
}

export function createChangeReader(options: ChangeReaderOptions): ChangeReader {
  const { keys, clock, logger, codec, history, blocking, commands, onUnreadable } = options;
  const streams = new Map<ResourceId, Stream>();
  const abort = createAbort();
  let running: Promise<void> | undefined;
  let wakePosition = '0-0';

  function drop(resource: ResourceId, stream: Stream, error: Error): void {
    if (streams.get(resource) === stream) streams.delete(resource);
    for (const watcher of stream.watchers) watcher.fail(error);
    stream.watchers.clear();
  }

  function deliver(resource: ResourceId, stream: Stream, entries: readonly RawEntry[]): void {
    for (const entry of entries) {
      stream.position = Number(versionOfEntry(entry[0]));
      const change = changeOf(resource, entry, codec, onUnreadable);
      for (const watcher of stream.watchers) {
        if (watcher.push(change)) continue;
        stream.watchers.delete(watcher);
        watcher.fail(new Gone(`Cannot watch ${resource}: the consumer is too slow`));
      }
    }
    if (stream.watchers.size === 0 && streams.get(resource) === stream) streams.delete(resource);
  }

  /** One read of everything; see redis-log.ts for why the state is read behind it. */
  async function readOnce(): Promise<void> {
    const names = [...streams.keys()];
    const asked = names.map((name) => streams.get(name));
    const streamKeys = [keys.wake, ...names.map((name) => keys.log(name))];
    const positions = [wakePosition, ...asked.map((stream) => `${stream?.position ?? 0}-0`)];
    const check = history.expect();
    const [reply, state] = await Promise.all([
      blocking.call('XREAD', 'COUNT', READ_LIMIT, 'BLOCK', BLOCK_MS, 'STREAMS', ...streamKeys, ...positions),
      readLogState(blocking, keys, names),
    ]);
    const changed = check(state.epoch, state.last);
    const entriesOf = new Map((reply ?? []) as [string, RawEntry[]][]);
    const woken = entriesOf.get(keys.wake)?.at(-1);
    if (woken) wakePosition = woken[0];
    names.forEach((name, index) => {
      const stream = asked[index];
      if (!stream || streams.get(name) !== stream) return;
      if (changed) return drop(name, stream, new EpochChanged(changed));
      if (stream.position < (state.floors[index] ?? 0)) {
        return drop(
          name,
          stream,
          new Gone(`Cannot watch ${name}: changes were trimmed before they were read`),
        );
      }
      deliver(name, stream, entriesOf.get(keys.log(name)) ?? []);
    });
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (streams.size > 0 && !abort.signal.aborted) {
      try {
        await readOnce();
        failures = 0;
      } catch (error) {
        if (abort.signal.aborted) return;
        failures += 1;
        logger.error({ error, failures }, 'Cannot read changes; trying again');
        await sleep(clock, backoffDelayMs(RETRY, failures), abort.signal);
      }
    }
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined;
      if (streams.size > 0 && !abort.signal.aborted) start();
    });
  }

  return {
    subscribe(resource, position, watcher) {
      let stream = streams.get(resource);
      if (!stream) {
        stream = { position, watchers: new Set() };
        streams.set(resource, stream);
        // The read under way does not know this resource: end it. Where that fails, it ends by itself soon.
        if (running) commands.call('XADD', keys.wake, 'MAXLEN', 1, '*', 'r', '').catch(() => undefined);
      }
      stream.watchers.add(watcher);
      start();
      const subscribed = stream;
      return {
        [Symbol.dispose]() {
          subscribed.watchers.delete(watcher);
          if (subscribed.watchers.size === 0 && streams.get(resource) === subscribed)
            streams.delete(resource);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      for (const stream of streams.values()) stream.watchers.clear();
      streams.clear();
      await blocking[Symbol.asyncDispose]();
      await running;
    },
  };
}
