/**
 * Tunnels across API servers. A request for an agent whose tunnel ends at another server is passed
 * on. The holder is not recorded: the servers are asked in turn, the last known holder first.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { createAbort } from '../../base/abort.ts';
import { createBoundedMap } from '../../base/bounded-map.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { isRecord } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { askSession, type TunnelRequest, type TunnelResponse, type Tunnels } from '../tunnel.ts';
import { openPeerSession } from './peer-session.ts';
import { HEARTBEATS_PATH, NODE_HEADER, NOT_HERE, type Peer, type PeerOptions } from './types.ts';

export interface PeerTunnelsOptions extends PeerOptions {
  readonly local: Tunnels;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A little more than a server waits for its own agent. */
const ANSWER_TIMEOUT_MS = 35_000;
/** Remembered holders; forgetting one costs a question. */
const MAX_REMEMBERED = 10_000;

/**
 * A server that hangs, or whose host was cut off, must not hold up the judgement of all nodes: its
 * agents may be the ones that are lost. Connecting goes on meanwhile.
 */
const HEARTBEATS_TIMEOUT_MS = 500;
/** Ten thousand nodes with long names. */
const MAX_HEARTBEATS_CHARACTERS = 4_000_000;

export function createPeerTunnels(options: PeerTunnelsOptions): Tunnels {
  const { local, clock, logger } = options;
  const sessions = new Map<string, Promise<ClientHttp2Session>>();
  const holders = createBoundedMap<string, string>(MAX_REMEMBERED);

  function sessionOf(peer: Peer): Promise<ClientHttp2Session> {
    const known = sessions.get(peer.id);
    if (known) return known;
    const opening = openPeerSession(peer, options);
    sessions.set(peer.id, opening);
    const forget = (): void => {
      if (sessions.get(peer.id) === opening) sessions.delete(peer.id);
    };
    opening.then((session) => session.once('close', forget), forget);
    return opening;
  }

  async function ask(peer: Peer, request: TunnelRequest): Promise<TunnelResponse> {
    const { node, method, path, signal, writable } = request;
    const headers = { ':method': method, ':path': path, [NODE_HEADER]: node };
    const asked = { clock, headers, signal, writable, timeoutMs: ANSWER_TIMEOUT_MS };
    return askSession(await sessionOf(peer), asked);
  }

  async function passOn(request: TunnelRequest): Promise<TunnelResponse | undefined> {
    const last = holders.get(request.node);
    const peers = [...options.peers()].sort((a, b) => Number(b.id === last) - Number(a.id === last));
    for (const peer of peers) {
      try {
        const answer = await ask(peer, request);
        if (answer.status !== NOT_HERE) {
          holders.set(request.node, peer.id);
          return answer;
        }
        answer.stream.close();
      } catch (error) {
        if (request.signal.aborted) throw error;
        logger.warn(
          { server: peer.id, error: errorMessage(error) },
          'Cannot ask another server for a tunnel',
        );
      }
    }
    return undefined;
  }

  /** The last signs of life that another server has; none where it does not answer in time. */
  async function heardBy(peer: Peer, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const answered = createAbort();
    const late = sleep(clock, HEARTBEATS_TIMEOUT_MS, answered.signal).then(() => new Map<string, number>());
    try {
      return await Promise.race([agesOf(peer, signal), late]);
    } finally {
      answered.abort();
    }
  }

  async function agesOf(peer: Peer, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    try {
      const headers = { ':method': 'GET', ':path': HEARTBEATS_PATH };
      const asked = { clock, headers, signal, writable: false, timeoutMs: HEARTBEATS_TIMEOUT_MS };
      const { status, stream } = await askSession(await sessionOf(peer), asked);
      if (status !== 200) stream.close();
      else return readAges(await boundedText(stream));
    } catch (error) {
      logger.debug({ server: peer.id, error: errorMessage(error) }, 'Another server tells no heartbeats');
    }
    return new Map();
  }

  return {
    get nodes() {
      return local.nodes;
    },
    async heartbeats(signal) {
      const others = options.peers().map((peer) => heardBy(peer, signal));
      const newest = new Map<string, number>();
      for (const ages of await Promise.all([local.heartbeats(signal), ...others]))
        for (const [node, age] of ages) newest.set(node, Math.min(age, newest.get(node) ?? age));
      return newest;
    },
    accept: (node, socket, head) => local.accept(node, socket, head),
    async request(request) {
      if (local.nodes.includes(request.node)) return local.request(request);
      return (await passOn(request)) ?? local.request(request);
    },
    async [Symbol.asyncDispose]() {
      const open = [...sessions.values()];
      sessions.clear();
      for (const session of open) (await session.catch(() => undefined))?.destroy();
      await local[Symbol.asyncDispose]();
    },
  };
}

async function boundedText(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_HEARTBEATS_CHARACTERS) throw new Error('the answer is too long');
  }
  return text;
}

function readAges(text: string): ReadonlyMap<string, number> {
  const ages = JSON.parse(text) as unknown;
  const entries = Object.entries(isRecord(ages) ? ages : {});
  return new Map(entries.filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
}
