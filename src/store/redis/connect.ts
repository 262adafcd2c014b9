/**
 * Connections to Redis, with a {@link RedisLink} as all that the store needs of a client.
 *
 * A command that was sent and not answered is never sent again: only the caller knows what that
 * means. Commands wait a moment for a lost connection, then fail with StoreUnavailable.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { backoffDelayMs } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import type { RedisTarget } from './redis-target.ts';
import { StoreUnavailable } from '../types.ts';

export type RedisArgument = string | number | Buffer;
export type RedisCommand = readonly [name: string, ...args: RedisArgument[]];

export interface RedisLink extends AsyncDisposable {
  /** Throws StoreUnavailable when the server is away or does not serve, else its error. */
  call(...command: RedisCommand): Promise<unknown>;
}

/** Delays between attempts to connect: a restarted server is back within a second. */
const RECONNECT = { initialMs: 50, maxMs: 1000, factor: 2 };
/** Attempts that a waiting command sits through: about three seconds. */
const MAX_RETRIES_PER_COMMAND = 6;
/** A server that is silent for this long is gone; the longest block is far shorter. */
const COMMAND_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** The client's own text. */
const TIMED_OUT = 'Command timed out';
const CLOSED = 'Cannot use Redis: the connection was closed';

export function redisOptions(target: RedisTarget): RedisOptions {
  const { username, password } = target;
  const login = { ...(username ? { username } : {}), ...(password ? { password } : {}) };
  switch (target.type) {
    case 'single':
      return { ...login, ...target.host, db: target.db, ...(target.tls ? { tls: {} } : {}) };
    case 'unix':
      return { ...login, path: target.path, db: target.db };
    case 'sentinel': {
      const tls = target.tls ? { tls: {}, enableTLSForSentinelMode: true, sentinelTLS: {} } : {};
      return { ...login, sentinels: [...target.hosts], name: target.master, db: target.db, ...tls };
    }
    case 'cluster':
      return { ...login, ...(target.tls ? { tls: {} } : {}) };
  }
}

/** A client of the target with the given options; also used by the queues. */
export function createRedisClient(target: RedisTarget, options: RedisOptions): Redis | Cluster {
  const merged = { ...redisOptions(target), ...options, replyMapping: 'legacy' as const };
  if (target.type !== 'cluster') return new Redis(merged);
  const { lazyConnect, retryStrategy, enableOfflineQueue, ...redis } = merged;
  return new Cluster(
    target.hosts.map((host) => ({ ...host })),
    {
      redisOptions: redis,
      lazyConnect: lazyConnect ?? false,
      enableOfflineQueue: enableOfflineQueue ?? true,
      clusterRetryStrategy: (times) => retryStrategy?.(times) ?? backoffDelayMs(RECONNECT, times),
    },
  );
}

export function connectRedis(target: RedisTarget, logger: Logger): RedisLink {
  const client = createRedisClient(target, {
    protocol: 2,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: MAX_RETRIES_PER_COMMAND,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times) => backoffDelayMs(RECONNECT, times),
    // After a failover the old primary is a replica: connect again, to find the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  }) as Redis;
  let failing = false;
  let closed = false;
  /** Why there is no connection now. */
  let obstacle: string | undefined;
  client.on('error', (error: Error) => {
    // A cluster's client names the reason of the last server only.
    const { lastNodeError } = error as { readonly lastNodeError?: Error };
    obstacle = lastNodeError?.message ?? error.message;
    if (!failing) logger.error({ error: obstacle }, 'The connection to Redis failed');
    failing = true;
  });
  /** A command that waited for a connection was sent if there was one meanwhile. */
  let timesReady = 0;
  client.on('ready', () => {
    timesReady += 1;
    if (failing) logger.info({}, 'The connection to Redis is back');
    failing = false;
    obstacle = undefined;
  });
  /** Commands without an answer. A client closed while it reconnects forgets those waiting. */
  const unanswered = new Set<(error: Error) => void>();
  /** Commands on the wire, which the client forgets when the connection breaks. */
  const onTheWire = new Set<(error: Error) => void>();
  client.on('close', () => {
    const message = 'Cannot use Redis: the connection broke before the answer came';
    const lost = new StoreUnavailable(message, { isUnanswered: true });
    for (const fail of [...onTheWire]) fail(lost);
  });

  function answered<T>(send: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (closed) return reject(new StoreUnavailable(CLOSED));
      const forget = (): void => {
        clearTimeout(timer);
        onTheWire.delete(fail);
        unanswered.delete(fail);
      };
      const fail = (error: Error): void => {
        forget();
        reject(error);
      };
      // A client of a cluster holds commands back without end while it finds no server, and may yet
      // send them.
      const timer =
        target.type === 'cluster'
          ? // eslint-disable-next-line no-restricted-syntax -- a limit beside the command, which has no signal
            setTimeout(() => fail(storeError(new Error(TIMED_OUT), true, obstacle)), COMMAND_TIMEOUT_MS)
          : undefined;
      const isSent = client.status === 'ready';
      const readyBefore = timesReady;
      unanswered.add(fail);
      if (isSent) onTheWire.add(fail);
      send().then(
        (reply) => {
          forget();
          resolve(reply);
        },
        (error: unknown) => fail(storeError(error, isSent || timesReady > readyBefore, obstacle)),
      );
    });
  }

  return {
    call: (name, ...args) => answered(() => client.call(name, [...args])),
    async [Symbol.asyncDispose]() {
      closed = true;
      client.disconnect();
      for (const fail of [...unanswered]) fail(new StoreUnavailable(CLOSED));
    },
  };
}

/** The server does not serve us for now. A password or an ACL may be mended meanwhile. */
const UNAVAILABLE =
  /^(?:(?:OOM|READONLY|MISCONF|LOADING|BUSY|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|UNBLOCKED|NOAUTH|WRONGPASS|NOPERM)\b|ERR AUTH )/;

/** Replies that are about writes alone: out of memory, the disk is full, a replica. */
const READ_ONLY = /^(?:OOM|MISCONF|READONLY|NOREPLICAS)\b/;

/**
 * A client's error for the store: unavailable for now, or a bug. A command that was sent and got no
 * reply may have been done.
 */
export function storeError(error: unknown, wasSent = true, obstacle?: string): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  const isReply = cause.name === 'ReplyError';
  if (isReply && !UNAVAILABLE.test(cause.message)) return cause;
  const isReadOnly = isReply && READ_ONLY.test(cause.message);
  // The client's own text advises developers.
  const unreached = cause.name === 'MaxRetriesPerRequestError' || cause.message === TIMED_OUT;
  const why = !unreached
    ? cause.message
    : obstacle === undefined
      ? 'it does not answer'
      : `it cannot be reached: ${obstacle}`;
  return new StoreUnavailable(`Cannot use Redis: ${why}`, {
    cause,
    isReadOnly,
    isUnanswered: wasSent && !isReply,
  });
}
