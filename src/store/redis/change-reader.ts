/**
 * One blocking connection per process reads the logs of all watched resources and waits for no
 * watcher. It resumes after a lost connection; every read checks that nothing is missing.
 */
import { createAbort } from '../../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { type EpochChanged, Gone } from '../types.ts';
import { type ChangeStreams, type ChangeWatcher, createChangeStreams } from './change-streams.ts';
import type { RedisLink } from './connect.ts';
import type { RedisData } from './redis-data.ts';
import { type RawEntry, readLogState } from './redis-log.ts';

export interface ChangeReader extends AsyncDisposable {
  /**
   * Every change of the resource from now on, or from `position` where it was not read before. A
   * watcher may see changes twice, but misses none.
   */
  subscribe(resource: ResourceId, position: number, watcher: ChangeWatcher): Disposable;
}

export interface ChangeReaderOptions {
  readonly data: RedisData;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The connection that waits. */
  readonly blocking: RedisLink;
}

/**
 * The longest wait for a change. A watch notices lost data, and a missed wake-up, in this time;
 * server/history/history.ts is faster. Each round names every resource twice.
 */
const BLOCK_MS = 5_000;
/**
 * Changes of a resource in one read. All that follows from them is one turn of the event loop, up to
 * 0.05 ms each: more would hold up leases and agents.
 */
const READ_LIMIT = 500;
const RETRY: BackoffPolicy = { initialMs: 50, maxMs: 1_000, factor: 2 };

export function createChangeReader(options: ChangeReaderOptions): ChangeReader {
  const { data, blocking } = options;
  const streams = createChangeStreams(data);
  const abort = createAbort();
  let running: Promise<void> | undefined;

  function start(): void {
    running ??= readWhileWatched(options, streams, abort.signal).finally(() => {
      running = undefined;
      if (streams.all().length > 0 && !abort.signal.aborted) start();
    });
  }

  return {
    subscribe(resource, position, watcher) {
      const subscription = streams.add(resource, position, watcher);
      // The read under way does not know this resource: wake it. Where that fails, it ends by
      // itself soon.
      if (subscription.isNew && running)
        data.redis.call('XADD', data.keys.wake, 'MAXLEN', 1, '*', 'r', '').catch(() => undefined);
      start();
      return subscription;
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      streams.clear();
      await blocking[Symbol.asyncDispose]();
      await running;
    },
  };
}

async function readWhileWatched(
  { data, clock, logger, blocking }: ChangeReaderOptions,
  streams: ChangeStreams,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let wakePosition = '0-0';
  while (streams.all().length > 0 && !signal.aborted) {
    try {
      wakePosition = await readOnce(data, blocking, streams, wakePosition);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      logger.error({ error, failures }, 'Cannot read changes; trying again');
      await sleep(clock, backoffDelayMs(RETRY, failures), signal);
    }
  }
}

/** Reads all logs once, then the state (redis-log.ts). Returns the newest wake-up seen. */
async function readOnce(
  { keys, history }: RedisData,
  blocking: RedisLink,
  streams: ChangeStreams,
  wakePosition: string,
): Promise<string> {
  const asked = streams.all();
  const names = asked.map(({ resource }) => resource);
  const logs = [keys.wake, ...names.map((name) => keys.log(name))];
  const positions = [wakePosition, ...asked.map(({ position }) => `${position}-0`)];
  const check = history.expect();
  const [reply, state] = await Promise.all([
    blocking.call('XREAD', 'COUNT', READ_LIMIT, 'BLOCK', BLOCK_MS, 'STREAMS', ...logs, ...positions),
    readLogState(blocking, keys, names),
  ]);
  const entriesOf = new Map((reply ?? []) as [string, RawEntry[]][]);
  try {
    check(state.epoch, state.last);
  } catch (error) {
    for (const stream of asked) streams.drop(stream, error as EpochChanged);
    return wakePosition;
  }
  asked.forEach((stream, index) => {
    if (stream.position >= (state.floors[index] ?? 0))
      return streams.deliver(stream, entriesOf.get(keys.log(stream.resource)) ?? []);
    streams.drop(
      stream,
      new Gone(`Cannot watch ${stream.resource}: changes were trimmed before they were read`),
    );
  });
  return entriesOf.get(keys.wake)?.at(-1)?.[0] ?? wakePosition;
}
