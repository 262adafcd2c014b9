/**
 * Tunnels across API servers. A request for an agent whose tunnel ends at another server is passed
 * on. The holder is not recorded: the servers are asked in turn, the last known holder first.
 */
import type { ClientHttp2Session } from 'node:http2';
import { createBoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { askSession, type TunnelRequest, type TunnelResponse, type Tunnels } from '../tunnel.ts';
import { openPeerSession } from './peer-session.ts';
import { NODE_HEADER, NOT_HERE, type Peer, type PeerOptions } from './types.ts';

export interface PeerTunnelsOptions extends PeerOptions {
  readonly local: Tunnels;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A little more than a server waits for its own agent. */
const ANSWER_TIMEOUT_MS = 35_000;
/** Remembered holders; forgetting one costs a question. */
const MAX_REMEMBERED = 10_000;

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

  return {
    get nodes() {
      return local.nodes;
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
