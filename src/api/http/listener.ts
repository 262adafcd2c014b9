/**
 * Listens on every address of a host (`localhost` has one per family), and stops in order: requests
 * in flight are answered and sessions say goodbye. Whatever is still open then is cut off.
 */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Server as HttpServer, ServerResponse } from 'node:http';
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createAbort, uninterrupted } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';

export interface Listener extends AsyncDisposable {
  /** Resolves with the port; rejects with Node's error. */
  listen(at: { readonly host: string; readonly port: number }): Promise<number>;
}

/** A name may have addresses of other machines, or of a family that this machine lacks. */
const NOT_OURS: ReadonlySet<unknown> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);
/** Sockets as Node's HTTP servers make them. */
const LIKE_HTTP = { allowHalfOpen: true, noDelay: true };

type Resolve = (host: string) => Promise<readonly { readonly address: string }[]>;

/** `graceMs`: how long a stop waits for requests in flight and for sessions. */
export function createListener(
  server: HttpServer,
  clock: Clock,
  graceMs: number,
  resolve: Resolve = (host) => lookup(host, { all: true }),
): Listener {
  const bound: Server[] = [];
  const sockets = new Set<Socket>();
  /** Answers that are not sent yet, and upgraded connections. */
  const busy = new Set<ServerResponse | Duplex>();
  const idle = createAbort();
  let stopping = false;

  function hold(work: ServerResponse | Duplex): void {
    busy.add(work);
    work.once('close', () => {
      busy.delete(work);
      if (stopping && busy.size === 0) idle.abort();
    });
  }
  server.on('connection', (socket: Socket) => {
    if (stopping) return void socket.destroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (_request, socket) => hold(socket));
  for (const event of ['request', 'checkContinue'])
    server.prependListener(event, (_request, response: ServerResponse) => {
      if (stopping) response.shouldKeepAlive = false;
      hold(response);
    });

  /** Takes the connections of one more address. */
  async function bind(address: string, port: number): Promise<number> {
    const isFirst = bound.length === 0;
    const taker = isFirst ? server : createServer(LIKE_HTTP, (socket) => server.emit('connection', socket));
    await once(taker.listen(port, address), 'listening', { signal: uninterrupted });
    bound.push(taker);
    return (taker.address() as AddressInfo).port;
  }

  return {
    async listen({ host, port }) {
      const found = isIP(host) ? [host] : (await resolve(host)).map(({ address }) => address);
      let failure: unknown;
      let taken = port;
      for (const address of new Set(found)) {
        try {
          taken = await bind(address, taken);
        } catch (error) {
          if (!NOT_OURS.has((error as NodeJS.ErrnoException).code)) throw error;
          failure = error;
        }
      }
      if (bound.length === 0) throw failure;
      return taken;
    },
    async [Symbol.asyncDispose]() {
      stopping = true;
      if (busy.size > 0) await sleep(clock, graceMs, idle.signal);
      const closed = bound.splice(0).map((taker) => once(taker.close(), 'close', { signal: uninterrupted }));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}
