/**
 * The way from the API server to an agent. The agent asks for an upgrade to `symphony-tunnel`; then
 * the API server speaks HTTP/2 as a client on that socket. Nodes need no open port.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { TUNNEL_WINDOW_BYTES } from '../base/channel-frames.ts';
import { setRecent } from '../base/bounded-map.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { encodeLeasePing } from '../base/lease-ping.ts';
import type { Logger } from '../base/logger.ts';
import { toPlainStream } from '../base/plain-stream.ts';
import { failure } from '../schemas/errors/status.ts';

export const TUNNEL_PROTOCOL = 'symphony-tunnel';

const SWITCHING_PROTOCOLS = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${TUNNEL_PROTOCOL}\r\n\r\n`;

/** An agent in this process lives as long as the process. Its pings tell of its Lease only. */
const LOCAL_PING_MS = 3_000;
/** An answer after so many intervals counts from its ping: the agent may have ended since. */
const LATE_INTERVALS = 4;
/** A tunnel whose agent was not heard for so long is half open. Sessions outlive shorter cuts. */
const HALF_OPEN_MS = 30_000;
/** A tunnel that another one has replaced cannot be pinged. Its last streams may take so long. */
const RETIRED_MS = 4 * 3_600_000;
/** Agents that were heard, gone ones included. Beyond it the oldest are forgotten. */
const MAX_HEARD = 10_000;
/** One request waits so long for an agent's answer. */
const RESPONSE_TIMEOUT_MS = 30_000;

/** Bytes that may be under way over all streams. */
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
  /**
   * Milliseconds since each agent was last heard over its tunnel, at all servers. An agent that no
   * server has heard is absent. A server that does not answer in time adds nothing.
   */
  heartbeats(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
}

interface Tunnel {
  readonly session: ClientHttp2Session;
  timer?: Timer;
}

export interface TunnelsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often each agent is asked for a sign of life. */
  readonly heartbeatMs?: number;
  /** Nodes whose agents run in this process. */
  readonly localNodes?: readonly string[];
  /** The age of a node's Lease, for its agent. Without it the agents are not told. */
  readonly leaseAgeMs?: (node: string) => number | undefined;
}

const DEFAULT_HEARTBEAT_MS = 1_000;

export function createTunnels(options: TunnelsOptions): Tunnels {
  const { clock, heartbeatMs = DEFAULT_HEARTBEAT_MS } = options;
  const logger = options.logger.child({ component: 'tunnel' });
  const tunnels = new Map<string, Tunnel>();
  const local = new Set(options.localNodes);
  const heard = new Map<string, number>();

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
    keepAlive(tunnel, clock, {
      intervalMs: local.has(node) ? LOCAL_PING_MS : heartbeatMs,
      payload: () => options.leaseAgeMs && encodeLeasePing(options.leaseAgeMs(node)),
      onHeard: (atMs) => setRecent(heard, node, atMs, MAX_HEARD),
      onSilent: () => logger.warn({ node }, 'A tunnel does not answer; it is closed'),
    });
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
    async heartbeats() {
      const nowMs = clock.now();
      // A clock that was set back makes nobody heard for as long.
      for (const [node, atMs] of heard) if (atMs > nowMs) heard.set(node, nowMs);
      const ages = [...heard].map(([node, atMs]) => [node, nowMs - atMs] as const);
      return new Map([...ages, ...[...local].map((node) => [node, 0] as const)]);
    },
    accept(node, socket, head) {
      if (head.length > 0) socket.unshift(head);
      socket.on('error', (error) => logger.debug({ node, error }, 'The connection of a tunnel failed'));
      socket.write(SWITCHING_PROTOCOLS);
      open(node, socket);
    },
    async request({ node, method, path, signal, writable }) {
      const session = tunnels.get(node)?.session;
      const unavailable = (why: string): Error =>
        failure(503, 'ServiceUnavailable', `error dialing node "${node}": ${why}`);
      if (!session || session.destroyed || session.closed) throw unavailable('its agent has no tunnel open');
      const headers = { ':method': method, ':path': path };
      const asked = { clock, headers, signal, writable, timeoutMs: RESPONSE_TIMEOUT_MS };
      return askSession(session, asked).catch((error: unknown) => {
        throw unavailable(errorMessage(error));
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

interface KeepAlive {
  readonly intervalMs: number;
  payload(): Buffer | undefined;
  onHeard(atMs: number): void;
  onSilent(): void;
}

/**
 * Pings until the session is gone, and closes one that is half open. One ping is under way at a
 * time: TCP repeats what is lost.
 */
function keepAlive(tunnel: Tunnel, clock: Clock, options: KeepAlive): void {
  const { intervalMs, onHeard, onSilent } = options;
  const { session } = tunnel;
  /** Since the last answer. Counted in ticks: a clock that jumps makes no silence. */
  let silentMs = 0;
  let isAsking = false;
  const tick = (): void => {
    if (session.destroyed) return;
    silentMs += intervalMs;
    if (silentMs >= (session.closed ? RETIRED_MS : HALF_OPEN_MS)) {
      onSilent();
      return session.destroy();
    }
    if (!isAsking && !session.closed) {
      isAsking = true;
      const askedAtMs = clock.now();
      const answered = (error: Error | null): void => {
        isAsking = false;
        if (error) return;
        silentMs = 0;
        const nowMs = clock.now();
        onHeard(nowMs - askedAtMs > LATE_INTERVALS * intervalMs ? askedAtMs : nowMs);
      };
      const payload = options.payload();
      if (payload) session.ping(payload, answered);
      else session.ping(answered);
    }
    tunnel.timer = clock.setTimer(tick, intervalMs);
  };
  tunnel.timer = clock.setTimer(tick, intervalMs);
}

export interface SessionRequest {
  readonly clock: Clock;
  readonly headers: OutgoingHttpHeaders;
  readonly signal: AbortSignal;
  readonly writable: boolean | undefined;
  readonly timeoutMs: number;
}

/** Resolves with the answer's head; rejects when the stream fails, ends or takes too long. */
export function askSession(session: ClientHttp2Session, asked: SessionRequest): Promise<TunnelResponse> {
  const { clock, headers, signal, writable, timeoutMs } = asked;
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: writable !== true, signal });
    const timer = clock.setTimer(() => stream.destroy(new Error('no answer in time')), timeoutMs);
    stream.on('error', reject);
    stream.on('close', () => {
      timer.cancel();
      reject(new Error('the connection ended'));
    });
    stream.on('response', (answered) => {
      timer.cancel();
      resolve({ status: Number(answered[':status']), contentType: answered['content-type'], stream });
    });
  });
}
