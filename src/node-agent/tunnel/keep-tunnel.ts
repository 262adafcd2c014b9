/**
 * Keeps one tunnel open: connects out to the API server, serves HTTP/2 on the socket, and connects again when it ends. A
 * node needs no open port, and works behind NAT.
 */
import { backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { toPlainStream } from '../../base/plain-stream.ts';
import type { Rng } from '../../base/rng.ts';
import type { Connection } from '../../client/connection.ts';
import { type TunnelServerOptions, createTunnelServer } from './serve-tunnel.ts';

export interface TunnelOptions extends TunnelServerOptions {
  readonly connection: Pick<Connection, 'upgrade'>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

const PROTOCOL = 'symphony-tunnel';
const RETRY = { initialMs: 250, maxMs: 15_000, factor: 2 };
/** A tunnel that lived this long counts as a success. */
const STABLE_AFTER_MS = 10_000;

export function openTunnel(options: TunnelOptions): AsyncDisposable {
  const { clock } = options;
  const stop = new AbortController();
  const server = createTunnelServer(options);
  const path = `/apis/symphony.dev/v1/nodes/${encodeURIComponent(options.nodeName)}/tunnel`;

  async function run(): Promise<void> {
    let failures = 0;
    while (!stop.signal.aborted) {
      const beganAtMs = clock.now();
      try {
        const socket = await options.connection.upgrade(path, PROTOCOL, stop.signal);
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        const end = (): void => void socket.destroy();
        stop.signal.addEventListener('abort', end, { once: true });
        socket.on('error', end);
        server.emit('connection', toPlainStream(socket));
        await closed;
        stop.signal.removeEventListener('abort', end);
        failures = clock.now() - beganAtMs >= STABLE_AFTER_MS ? 1 : failures + 1;
      } catch (error) {
        failures += 1;
        if (!stop.signal.aborted) {
          options.logger.info({ error: errorMessage(error), failures }, 'Cannot open the tunnel');
        }
      }
      if (!stop.signal.aborted) {
        await sleep(clock, backoffDelayMs(RETRY, failures) * (0.5 + options.rng.next() / 2), stop.signal);
      }
    }
  }

  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      server.close();
    },
  };
}
