/**
 * The way from the API server to an agent: the agent opens a connection and asks for an upgrade to `symphony-tunnel`;
 * after the 101 the roles turn round, and the API server speaks HTTP/2 as a client on that socket. No port of a node is
 * open to anyone. The newest tunnel of a node counts; an older one is closed.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Duplex } from 'node:stream';
import { TUNNEL_WINDOW_BYTES } from '../base/channel-frames.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { toPlainStream } from '../base/plain-stream.ts';
import { failure } from '../schemas/errors/status.ts';

export const TUNNEL_PROTOCOL = 'symphony-tunnel';

const SWITCHING_PROTOCOLS = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${TUNNEL_PROTOCOL}\r\n\r\n`;

/** A half-open connection is noticed after two of these. */
const PING_INTERVAL_MS = 15_000;
/** An agent that does not answer within this time is as good as gone for one request. */
const RESPONSE_TIMEOUT_MS = 30_000;

/** What may be under way over all streams. */
const CONNECTION_WINDOW_BYTES = 16 * TUNNEL_WINDOW_BYTES;
/** Beyond it new streams are refused: a few hundred sessions whose readers are slow. */
const MAX_SESSION_MEGABYTES = 128;

export interface TunnelResponse {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly stream: ClientHttp2Stream;
}

export interface TunnelRequest {
  readonly node: string;
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Whether the caller goes on writing to the stream; otherwise it is ended at once. */
  readonly writable?: boolean;
}

export interface Tunnels extends AsyncDisposable {
  /** Answers the upgrade and takes the socket over. */
  accept(node: string, socket: Duplex, head: Buffer): void;
  /** Throws 503 where the node is not connected. */
  request(request: TunnelRequest): Promise<TunnelResponse>;
  readonly nodes: readonly string[];
}

interface Tunnel {
  readonly session: ClientHttp2Session;
  timer?: Timer;
}

export function createTunnels(options: { readonly clock: Clock; readonly logger: Logger }): Tunnels {
  const { clock } = options;
  const logger = options.logger.child({ component: 'tunnel' });
  const tunnels = new Map<string, Tunnel>();

  function keepAlive(node: string, tunnel: Tunnel): void {
    let answered = true;
    const tick = (): void => {
      if (tunnel.session.destroyed) return;
      if (!answered) {
        logger.warn({ node }, 'A tunnel does not answer; it is closed');
        return tunnel.session.destroy();
      }
      answered = false;
      tunnel.session.ping((error) => {
        if (!error) answered = true;
      });
      tunnel.timer = clock.setTimer(tick, PING_INTERVAL_MS);
    };
    tunnel.timer = clock.setTimer(tick, PING_INTERVAL_MS);
  }

  function open(node: string, socket: Duplex): void {
    const session = connect('http://agent', {
      createConnection: () => toPlainStream(socket),
      settings: { initialWindowSize: TUNNEL_WINDOW_BYTES },
      maxSessionMemory: MAX_SESSION_MEGABYTES,
    });
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    const tunnel: Tunnel = { session };
    tunnels.get(node)?.session.close();
    tunnels.set(node, tunnel);
    logger.debug({ node }, 'An agent has opened its tunnel');
    keepAlive(node, tunnel);
    session.on('error', (error) => logger.warn({ node, error }, 'A tunnel failed'));
    session.on('close', () => {
      tunnel.timer?.cancel();
      if (tunnels.get(node) === tunnel) tunnels.delete(node);
      socket.destroy();
    });
    socket.on('close', () => session.destroy());
  }

  return {
    get nodes() {
      return [...tunnels.keys()];
    },
    accept(node, socket, head) {
      if (head.length > 0) socket.unshift(head);
      socket.on('error', (error) => logger.debug({ node, error }, 'The connection of a tunnel failed'));
      socket.write(SWITCHING_PROTOCOLS);
      open(node, socket);
    },
    request({ node, method, path, signal, writable }) {
      const tunnel = tunnels.get(node);
      const unavailable = (why: string): Error =>
        failure(503, 'ServiceUnavailable', `error dialing node "${node}": ${why}`);
      if (!tunnel || tunnel.session.destroyed || tunnel.session.closed)
        return Promise.reject(unavailable('its agent has no tunnel open'));
      return new Promise((resolve, reject) => {
        const stream = tunnel.session.request(
          { ':method': method, ':path': path },
          { endStream: writable !== true, signal },
        );
        const timer = clock.setTimer(() => {
          reject(unavailable('no answer in time'));
          stream.close();
        }, RESPONSE_TIMEOUT_MS);
        stream.on('error', (error) => {
          timer.cancel();
          reject(unavailable(errorMessage(error)));
        });
        stream.on('close', () => timer.cancel());
        stream.on('response', (headers) => {
          timer.cancel();
          const contentType = headers['content-type'];
          resolve({ status: Number(headers[':status']), contentType, stream });
        });
      });
    },
    async [Symbol.asyncDispose]() {
      for (const { session, timer } of tunnels.values()) {
        timer?.cancel();
        session.destroy();
      }
      tunnels.clear();
    },
  };
}
