/**
 * exec, attach and port-forward: any of the clients' protocols at one end, a stream of the agent's
 * tunnel at the other (docs/adr/0009-streams-over-spdy-and-websocket.md). A refusal is a Status
 * before the protocol is switched, since clients show that to people.
 */
import type { ClientHttp2Stream } from 'node:http2';
import { anySignal, createAbort } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { failure } from '../../schemas/errors/status.ts';
import { goneSignal, STOPPING } from '../http/outlets.ts';
import type { Tunnels } from '../tunnel.ts';
import { AgentRefusal, openAgentStream, statusOfRefusal } from './agent-stream.ts';
import { type ByteChannel, createSocketChannel } from './byte-channel.ts';
import { openChannelSession } from './channel-sessions.ts';
import { createClientSocket } from './client-socket.ts';
import { forwardChannels } from './forward-channels.ts';
import { forwardSpdy } from './forward-spdy.ts';
import { keepAlive, type LiveChannel } from './keep-alive.ts';
import { planUpgrade, type PlannedUpgrade } from './plan-upgrade.ts';
import { bridgeSession } from './remote-command.ts';
import { openSpdySession } from './spdy-sessions.ts';
import { nodeOf, planPortForward, planSession, type PodStream, portsOf } from './stream-request.ts';
import { acceptWebSocket, type UpgradeSocket } from './web-sockets.ts';

export interface PodStreamRequest extends UpgradeSocket {
  readonly pod: KubeObject;
  readonly kind: PodStream;
  readonly query: URLSearchParams;
  /** Aborted when the client may no longer; the reason is told. */
  readonly signal: AbortSignal;
}

export interface PodStreams {
  /** Resolves when the session has begun; throws a refusal while a Status can still be sent. */
  serve(request: PodStreamRequest): Promise<void>;
  /** Ends every session. */
  close(): void;
}

/** People and their tools at once; each session costs a socket and a stream. */
const MAX_SESSIONS = 1_000;
const NORMAL_CLOSURE = 1000;
/** How long a client whose session we end may take to read why. */
const CUT_GRACE_MS = 500;

/** Brings the client into a session that was made possible before; resolves at its end. */
type Session = (channel: LiveChannel, signal: AbortSignal) => Promise<void>;

interface StreamParts {
  readonly tunnels: Tunnels;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal;
}

export function createPodStreams(options: {
  readonly tunnels: Tunnels;
  readonly clock: Clock;
  readonly logger: Logger;
}): PodStreams {
  const logger = options.logger.child({ component: 'streams' });
  const stopping = createAbort();
  const parts: StreamParts = { ...options, logger, stopping: stopping.signal };
  let sessions = 0;
  return {
    async serve(stream) {
      if (sessions >= MAX_SESSIONS)
        throw failure(429, 'TooManyRequests', `there are ${MAX_SESSIONS} sessions already`);
      sessions += 1;
      let run: (() => Promise<void>) | undefined;
      try {
        run = await begin(parts, stream);
      } catch (error) {
        sessions -= 1;
        if (!stream.socket.writable || stream.socket.destroyed) {
          logger.debug({ error, kind: stream.kind }, 'A client left before its session began');
          return;
        }
        throw error instanceof AgentRefusal ? statusOfRefusal(error) : error;
      }
      void run().finally(() => (sessions -= 1));
    },
    close() {
      stopping.abort(new Error(STOPPING));
    },
  };
}

/** From the request to the beginning of its session; returns the session's run. */
async function begin(parts: StreamParts, stream: PodStreamRequest): Promise<() => Promise<void>> {
  const { kind, socket } = stream;
  const plan = planUpgrade(kind, stream.request.headers);
  const gone = goneSignal(socket);
  const session =
    kind === 'portforward'
      ? portForward(parts, stream, plan, gone)
      : await remoteCommand(parts, stream, kind, plan, gone);
  const raw = await accept(parts.clock, stream, plan);
  return () => live(parts, stream, raw, session);
}

/** The command runs before the client is let in, so that a refusal can still be a Status. */
async function remoteCommand(
  { tunnels, clock, logger }: StreamParts,
  { pod, query }: PodStreamRequest,
  kind: 'exec' | 'attach',
  plan: PlannedUpgrade,
  gone: AbortSignal,
): Promise<Session> {
  const target = planSession(pod, kind, query);
  const agent = await openAgentStream(tunnels, target, gone);
  return async (channel, signal) => {
    if (plan.speaks === 'channels')
      return bridgeSession(openChannelSession(channel, plan.protocol), agent, signal);
    const { protocol } = plan;
    const onBroken = brokenBy(logger);
    const session = openSpdySession({ channel, clock, protocol, expected: target.streams, onBroken });
    channel.pingWith(() => session.connection.ping());
    const client = await session.client;
    if (client) await bridgeSession(client, agent, signal);
    else agent.close();
    await session.done;
  };
}

function portForward(
  { tunnels, clock, logger }: StreamParts,
  { pod, query }: PodStreamRequest,
  plan: PlannedUpgrade,
  gone: AbortSignal,
): Session {
  nodeOf(pod);
  const connect = (port: number): Promise<ClientHttp2Stream> =>
    openAgentStream(tunnels, planPortForward(pod, port), gone);
  if (plan.speaks === 'channels') {
    const ports = portsOf(query);
    const { protocol } = plan;
    return (channel) => forwardChannels({ channel, protocol, ports, connect });
  }
  return (channel) => {
    const { connection, done } = forwardSpdy({ channel, clock, connect, onBroken: brokenBy(logger) });
    channel.pingWith(() => connection.ping());
    return done;
  };
}

const brokenBy =
  (logger: Logger) =>
  (why: string): void =>
    logger.debug({ why }, 'A client broke the protocol');

/** Switches the protocol. */
async function accept(clock: Clock, stream: PodStreamRequest, plan: PlannedUpgrade): Promise<ByteChannel> {
  const { socket, head } = stream;
  if (plan.webSocket !== undefined) {
    const webSocket = await acceptWebSocket(stream, plan.webSocket);
    const text = plan.speaks === 'channels' && plan.protocol.base64;
    return createClientSocket(webSocket, { clock, text });
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${plan.protocol.name}\r\n\r\n`,
  );
  return createSocketChannel(socket, head, clock);
}

/** Runs the session to its end; never rejects. */
async function live(
  { clock, logger, stopping }: StreamParts,
  { kind, socket, signal }: PodStreamRequest,
  raw: ByteChannel,
  session: Session,
): Promise<void> {
  const channel = keepAlive(raw, clock);
  const ending = anySignal(signal, stopping);
  // The session says goodbye itself; soon after, the client is cut off in any case.
  const end = (): void => void clock.setTimer(() => socket.destroy(), CUT_GRACE_MS);
  ending.addEventListener('abort', end, { once: true });
  try {
    await session(channel, ending);
  } catch (error) {
    logger.debug({ error, kind }, 'A session failed');
  } finally {
    ending.removeEventListener('abort', end);
    ending[Symbol.dispose]();
    channel[Symbol.dispose]();
    raw.close(NORMAL_CLOSURE, '');
  }
}
