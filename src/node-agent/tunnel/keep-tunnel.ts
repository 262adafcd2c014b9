/**
 * Keeps one tunnel open: connects to the API server, serves HTTP/2 on the socket, and connects
 * again when it ends. A node needs no open port and works behind NAT. After a renewal of the
 * agent's certificate a new tunnel takes over; the old one finishes its streams.
 */
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep, type Timer } from '../../base/clock.ts';
import { errorMessage, levelOf } from '../../base/errors.ts';
import { decodeLeasePing } from '../../base/lease-ping.ts';
import type { Logger } from '../../base/logger.ts';
import { toPlainStream } from '../../base/plain-stream.ts';
import type { Rng } from '../../base/rng.ts';
import type { Connection } from '../../client/connection.ts';
import { StatusError } from '../../schemas/errors/status.ts';
import { lateMs, type Pings, silenceMs, withPing } from './plan-tunnel-silence.ts';
import { planTunnelRetry, type TunnelEnd } from './plan-tunnel-retry.ts';
import { type TunnelServerOptions, createTunnelServer } from './serve-tunnel.ts';

export interface TunnelListener {
  /** Told whether the control plane hears this agent over a tunnel: its pings come in time. */
  onHeard(isHeard: boolean): void;
  /** Told when the node's Lease was renewed, by this clock and at the earliest. */
  onLease(renewedAtMs: number): void;
}

export interface TunnelOptions extends TunnelServerOptions, Partial<TunnelListener> {
  readonly connection: Pick<Connection, 'upgrade'> & Partial<Pick<Connection, 'onRenewal'>>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

const PROTOCOL = 'symphony-tunnel';
const CANNOT_OPEN = 'Cannot open the tunnel for logs, exec and port-forward';

export function openTunnel(options: TunnelOptions): AsyncDisposable {
  const { clock, logger } = options;
  const stop = createAbort();
  const server = createTunnelServer(options);
  const path = `/apis/symphony.dev/v1/nodes/${encodeURIComponent(options.nodeName)}/tunnel`;
  /** The sockets that still serve: the newest, and older ones that finish their streams. */
  const open = new Set<Duplex>();
  const heard = new Set<Duplex>();
  let current: Served | undefined;

  /** Opens a tunnel and serves it until it ends, or until the identity changes. */
  async function serveOne(): Promise<'closed' | 'renewed'> {
    const ended = createAbort();
    // Listening begins before the tunnel is requested, so that no change is missed.
    const renewal = renewed(options.connection, ended.signal);
    try {
      const socket = await options.connection.upgrade(path, PROTOCOL, stop.signal);
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      const next = serve(server, clock, socket, {
        onHeard(isHeard) {
          if (isHeard) heard.add(socket);
          else heard.delete(socket);
          options.onHeard?.(heard.size > 0);
        },
        onLease: (renewedAtMs) => options.onLease?.(renewedAtMs),
      });
      // Only now: until the new one is open, the old one serves.
      current?.retire();
      current = next;
      if (stop.signal.aborted) socket.destroy();
      return await Promise.race([next.closed, renewal]);
    } finally {
      ended.abort();
    }
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; ) {
      const beganAtMs = clock.now();
      let failure: unknown;
      const type = await serveOne().catch((error: unknown): TunnelEnd['type'] => {
        failure = error;
        return error instanceof StatusError && error.code < 500 ? 'refused' : 'failed';
      });
      if (stop.signal.aborted) return;
      const end = { type, lastedMs: clock.now() - beganAtMs };
      const retry = planTunnelRetry(failures, end, options.rng.next);
      failures = retry.failures;
      if (failure !== undefined) {
        // One that is away is reported elsewhere; one that refuses only this must be noticed.
        const level = retry.mustTell ? 'warn' : levelOf(failure, 'info');
        logger[level]({ error: errorMessage(failure), failures }, CANNOT_OPEN);
      }
      if (retry.delayMs > 0) await sleep(clock, retry.delayMs, stop.signal);
    }
  }

  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const socket of open) socket.destroy();
      await running;
      server.close();
    },
  };
}

interface Served {
  readonly closed: Promise<'closed'>;
  /** No new streams. The socket closes after the last one. */
  retire(): void;
}

/** A retired tunnel is not pinged any more. Its last streams may take so long. */
const RETIRED_MS = 4 * 3_600_000;
/** How often the silence of the other end is looked at. */
const TICK_MS = 250;

/**
 * Serves HTTP/2 on the socket, and destroys the socket when its other end falls silent. Silence is
 * counted in ticks: a clock that jumps, or a process that was held up, makes none.
 */
function serve(
  server: Http2Server,
  clock: Clock,
  socket: Duplex,
  { onHeard, onLease }: TunnelListener,
): Served {
  let session: ServerHttp2Session | undefined;
  let nowMs = 0;
  let pings: Pings = { lastMs: 0, longestGapMs: 0 };
  /** When the last ping came. The next one was sent later, however long it was under way. */
  let pingedAtMs: number | undefined;
  server.once('session', (opened) => {
    session = opened;
    opened.on('ping', (payload: Buffer) => {
      pings = withPing(pings, nowMs);
      hear(true);
      const ageMs = decodeLeasePing(payload);
      if (ageMs !== undefined && pingedAtMs !== undefined) onLease(pingedAtMs - ageMs);
      pingedAtMs = clock.now();
    });
  });
  let isHeard = false;
  const hear = (next: boolean): void => {
    if (next !== isHeard) onHeard((isHeard = next));
  };
  hear(true);
  let timer: Timer;
  const tick = (): void => {
    nowMs += TICK_MS;
    const silentMs = nowMs - pings.lastMs;
    if (silentMs >= (session?.closed ? RETIRED_MS : silenceMs(pings))) return void socket.destroy();
    if (silentMs > lateMs(pings)) hear(false);
    timer = clock.setTimer(tick, TICK_MS);
  };
  timer = clock.setTimer(tick, TICK_MS);
  const closed = new Promise<'closed'>((resolve) => {
    socket.once('close', () => {
      timer.cancel();
      hear(false);
      resolve('closed');
    });
  });
  socket.on('error', () => socket.destroy());
  server.emit('connection', toPlainStream(socket));
  return {
    closed,
    retire() {
      session?.once('close', () => socket.destroy());
      if (session) session.close();
      else socket.destroy();
    },
  };
}

/** Resolves when the client's identity has changed. */
function renewed(connection: TunnelOptions['connection'], signal: AbortSignal): Promise<'renewed'> {
  return new Promise((resolve) => {
    const renewal = connection.onRenewal?.(() => resolve('renewed'));
    signal.addEventListener('abort', () => renewal?.[Symbol.dispose](), { once: true });
  });
}
