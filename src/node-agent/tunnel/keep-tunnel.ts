/**
 * Keeps one tunnel open: connects to the API server, serves HTTP/2 on the socket, and connects
 * again when it ends. A node needs no open port and works behind NAT. After a renewal of the
 * agent's certificate a new tunnel takes over; the old one finishes its streams.
 */
import type { ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { createAbort } from '../../base/abort.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep, type Timer } from '../../base/clock.ts';
import { errorMessage, levelOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { toPlainStream } from '../../base/plain-stream.ts';
import type { Rng } from '../../base/rng.ts';
import type { Connection } from '../../client/connection.ts';
import { StatusError } from '../../schemas/errors/status.ts';
import { type TunnelServerOptions, createTunnelServer } from './serve-tunnel.ts';

export interface TunnelOptions extends TunnelServerOptions {
  readonly connection: Pick<Connection, 'upgrade'> & Partial<Pick<Connection, 'onRenewal'>>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

const PROTOCOL = 'symphony-tunnel';
/** A restarted server has its nodes back within two seconds; a refused connection costs nothing. */
const RETRY = { initialMs: 250, maxMs: 1_500, factor: 2 };
/** A refusal has a reason, which does not go away in a second. */
const RETRY_REFUSED = { initialMs: 1_000, maxMs: 15_000, factor: 2 };
/** The server pings every 15 s. A tunnel that is silent for this long is dead. */
const SILENCE_MS = 45_000;
/** A tunnel that lasted this long counts as a success. */
const STABLE_AFTER_MS = 10_000;

/**
 * A tunnel that fails this often in a row is reported once: some ten seconds without logs and exec.
 */
const TELL_AT = 8;
const CANNOT_OPEN = 'Cannot open the tunnel for logs, exec and port-forward';

interface Served {
  readonly closed: Promise<void>;
  /** No new streams. The socket closes after the last one. */
  retire(): void;
}

export function openTunnel(options: TunnelOptions): AsyncDisposable {
  const { clock } = options;
  const stop = createAbort();
  const server = createTunnelServer(options);
  const path = `/apis/symphony.dev/v1/nodes/${encodeURIComponent(options.nodeName)}/tunnel`;

  /** The sockets that still serve: the newest, and older ones that finish their streams. */
  const served = new Set<Duplex>();

  function serve(socket: Duplex): Served {
    const held: { session?: ServerHttp2Session } = {};
    served.add(socket);
    let lastPingMs = clock.now();
    server.once('session', (session) => {
      held.session = session;
      session.on('ping', () => {
        lastPingMs = clock.now();
      });
    });
    const listen = (): void => {
      if (clock.now() - lastPingMs >= SILENCE_MS) socket.destroy();
      else timer = clock.setTimer(listen, SILENCE_MS);
    };
    let timer: Timer = clock.setTimer(listen, SILENCE_MS);
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => {
        served.delete(socket);
        timer.cancel();
        resolve();
      });
    });
    socket.on('error', () => socket.destroy());
    server.emit('connection', toPlainStream(socket));
    return {
      closed,
      retire() {
        held.session?.once('close', () => socket.destroy());
        if (held.session) held.session.close();
        else socket.destroy();
      },
    };
  }

  /** Resolves when the client's identity has changed. */
  function renewed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const renewal = options.connection.onRenewal?.(resolve);
      signal.addEventListener('abort', () => renewal?.[Symbol.dispose](), { once: true });
    });
  }

  async function run(): Promise<void> {
    let failures = 0;
    let current: Served | undefined;
    while (!stop.signal.aborted) {
      const beganAtMs = clock.now();
      let isRenewal = false;
      let retry = RETRY;
      const ended = createAbort();
      // Listening begins before the tunnel is requested, so that no change is missed.
      const renewal = renewed(ended.signal).then(() => {
        isRenewal = true;
      });
      try {
        const socket = await options.connection.upgrade(path, PROTOCOL, stop.signal);
        const next = serve(socket);
        // Only now: until the new one is open, the old one serves.
        current?.retire();
        current = next;
        if (stop.signal.aborted) socket.destroy();
        await Promise.race([next.closed, renewal]);
        failures = clock.now() - beganAtMs >= STABLE_AFTER_MS ? 1 : failures + 1;
      } catch (error) {
        failures += 1;
        if (error instanceof StatusError && error.code < 500) retry = RETRY_REFUSED;
        if (!stop.signal.aborted) {
          // A control plane that is away is reported elsewhere; one that refuses only this must be
          // noticed.
          const level = failures === TELL_AT ? 'warn' : levelOf(error, 'info');
          options.logger[level]({ error: errorMessage(error), failures }, CANNOT_OPEN);
        }
      } finally {
        ended.abort();
      }
      if (!stop.signal.aborted && !isRenewal) {
        await sleep(clock, backoffDelayMs(retry, failures) * (0.5 + options.rng.next() / 2), stop.signal);
      }
    }
  }

  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const socket of served) socket.destroy();
      await running;
      server.close();
    },
  };
}
