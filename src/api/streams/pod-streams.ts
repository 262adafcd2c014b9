/**
 * exec, attach and port-forward as the API serves them: a WebSocket at the client's end, a stream of the agent's tunnel at
 * the other. Who may is decided before; what cannot be done is refused with a Status before the protocol is switched, since
 * clients show that to people. SPDY, which clients spoke before, is not served (docs/adr/0008-streams-over-websocket.md).
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_FRAME_BYTES } from '../../base/channel-frames.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest, failure } from '../../schemas/status.ts';
import type { Tunnels } from '../tunnel.ts';
import { openAgentStream } from './agent-stream.ts';
import { CHANNEL_PROTOCOLS, V4 } from './channel-protocol.ts';
import { createClientSocket } from './client-socket.ts';
import { bridgePorts } from './forward-channels.ts';
import { bridgeSession } from './remote-command.ts';
import { planPortForward, planSession, portsOf, type StreamTarget } from './stream-request.ts';

export type PodStream = 'exec' | 'attach' | 'portforward';

export interface PodStreamRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly pod: KubeObject;
  readonly kind: PodStream;
  readonly query: URLSearchParams;
}

export interface PodStreams {
  /** Throws the refusal while the client can still be told by a Status; afterwards never. */
  serve(request: PodStreamRequest): Promise<void>;
  /** Ends every session. */
  close(): void;
}

/** People and their tools at once; each session costs a socket and a stream. */
const MAX_SESSIONS = 1_000;
const GOING_AWAY = 1001;
const WEBSOCKET = 'websocket';

export function createPodStreams(options: {
  readonly tunnels: Tunnels;
  readonly logger: Logger;
}): PodStreams {
  const { tunnels } = options;
  const logger = options.logger.child({ component: 'streams' });
  const server = new WebSocketServer({
    noServer: true,
    // A container's input is not compressed, and a small message is not worth it.
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    handleProtocols: (offered) => chooseProtocol([...offered]) ?? false,
  });
  const sessions = new Set<WebSocket>();

  const accept = ({ request, socket, head }: PodStreamRequest): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      socket.once('close', () => reject(new Error('the client went away')));
      server.handleUpgrade(request, socket, head, resolve);
    });

  async function session(stream: PodStreamRequest, target: StreamTarget): Promise<void> {
    const abort = new AbortController();
    stream.socket.once('close', () => abort.abort());
    const agent = await openAgentStream(tunnels, target, abort.signal);
    agent.on('error', () => undefined);
    const socket = await accept(stream);
    track(socket);
    await bridgeSession(createClientSocket(socket), agent, socket.protocol);
  }

  async function ports(stream: PodStreamRequest): Promise<void> {
    const wanted = portsOf(stream.query);
    const targets = new Map(wanted.map((port) => [port, planPortForward(stream.pod, port)]));
    const abort = new AbortController();
    stream.socket.once('close', () => abort.abort());
    const socket = await accept(stream);
    track(socket);
    await bridgePorts({
      client: createClientSocket(socket),
      ports: wanted,
      connect: async (port) => {
        const target = targets.get(port) ?? planPortForward(stream.pod, port);
        const agent = await openAgentStream(tunnels, target, abort.signal);
        agent.on('error', () => undefined);
        return agent;
      },
    });
  }

  function track(socket: WebSocket): void {
    sessions.add(socket);
    socket.once('close', () => sessions.delete(socket));
  }

  return {
    async serve(stream) {
      const { kind, pod, query, request } = stream;
      const target = kind === 'portforward' ? undefined : planSession(pod, kind, query);
      checkProtocol(kind, request);
      if (sessions.size >= MAX_SESSIONS)
        throw failure(429, 'TooManyRequests', `there are ${MAX_SESSIONS} sessions already`);
      try {
        await (target ? session(stream, target) : ports(stream));
      } catch (error) {
        if (!stream.socket.writable || stream.socket.destroyed) {
          logger.debug({ error, kind }, 'A client left before its session began');
          return;
        }
        throw error;
      }
    },
    close() {
      for (const socket of sessions) {
        socket.close(GOING_AWAY, 'the server is stopping');
        socket.terminate();
      }
      sessions.clear();
      server.close();
    },
  };
}

function chooseProtocol(offered: readonly string[]): string | undefined {
  return CHANNEL_PROTOCOLS.find((protocol) => offered.includes(protocol));
}

function checkProtocol(kind: PodStream, { headers }: IncomingMessage): void {
  const what = kind === 'portforward' ? 'port-forward' : kind;
  const upgrade = (headers.upgrade ?? '').toLowerCase();
  if (upgrade !== WEBSOCKET) {
    throw badRequest(
      `${what} over ${headers.upgrade ?? ''} is not served: use a client that speaks WebSocket, such as kubectl 1.31 or later`,
    );
  }
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const chosen = chooseProtocol(offered);
  if (chosen === undefined || (kind === 'portforward' && !offered.includes(V4))) {
    const served = kind === 'portforward' ? [V4] : CHANNEL_PROTOCOLS;
    throw badRequest(
      `${what} is served over the WebSocket protocols ${served.join(', ')}; the client offers ${offered.join(', ') || 'none'}`,
    );
  }
}
