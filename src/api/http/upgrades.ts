/**
 * What is served by taking the socket over: the agents' tunnels, exec, attach and port-forward, and logs and watches for
 * clients that can only speak WebSocket.
 */
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { createAbort } from '../../base/abort.ts';
import type { Logger } from '../../base/logger.ts';
import { firstBytes } from '../../base/text.ts';
import { badRequest, failure } from '../../schemas/errors/status.ts';
import type { Authorizer, ResourceAttributes } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { resourceNotFound } from '../../resources/refusals.ts';
import { createClientSocket } from '../streams/client-socket.ts';
import { offeredProtocols } from '../streams/plan-upgrade.ts';
import type { PodStreams } from '../streams/pod-streams.ts';
import { acceptWebSocket } from '../streams/web-sockets.ts';
import type { PeerService } from '../peers/serve-peer.ts';
import { PEER_PROTOCOL, PEER_USER } from '../peers/types.ts';
import { TUNNEL_PROTOCOL, type Tunnels } from '../tunnel.ts';
import type { Entered } from './access.ts';
import { statusOf } from './failures.ts';
import type { LiveSessions } from './live-sessions.ts';
import { openLogs } from './pod-logs.ts';
import { listOptions } from './query-options.ts';
import { answerContextAt, type RoutedRequest } from './resource-requests.ts';
import { SYMPHONY_GROUP } from './symphony-resources.ts';
import { streamWatch, webSocketOutput } from './watch-response.ts';

export interface UpgradeOptions {
  readonly core: ResourceCore;
  readonly authorizer: Authorizer;
  readonly tunnels: Tunnels;
  readonly peerService?: Pick<PeerService, 'accept'>;
  readonly podStreams: PodStreams;
  readonly live: LiveSessions;
  readonly logger: Logger;
}

export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly entered: Entered;
}

const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
const NORMAL_CLOSURE = 1000;
/** Log lines as they are, or in base64 for clients that take only text. */
const LOG_PROTOCOLS: Readonly<Record<string, { readonly text: boolean }>> = {
  'binary.k8s.io': { text: false },
  'base64.binary.k8s.io': { text: true },
};

/** Resolves when the session stands; throws the refusal while the client can still be told by a Status. */
export async function serveUpgrade(options: UpgradeOptions, upgrade: UpgradeRequest): Promise<void> {
  const { core, podStreams } = options;
  const { request, socket, head, entered } = upgrade;
  const { target, routed, url } = entered;
  if (target.type !== 'resource') throw resourceNotFound();
  if (target.group === SYMPHONY_GROUP) return acceptTunnel(options, upgrade);
  if (!routed?.stored) throw resourceNotFound();
  const { subresource } = routed;
  if (routed.verb === 'watch') return watch(options, upgrade, routed);
  if (subresource === 'log') return logs(options, upgrade, routed);
  if (subresource !== 'exec' && subresource !== 'attach' && subresource !== 'portforward')
    throw resourceNotFound();
  const pod = await core.get({ kind: routed.stored, namespace: target.namespace, name: target.name ?? '' });
  const abort = createAbort();
  const { signal } = abort;
  await podStreams.serve({ request, socket, head, pod, kind: subresource, query: url.searchParams, signal });
  lookAfter(options, upgrade, routed.attributes, (why) => abort.abort(new Error(why)));
}

/** The session is ended when its client may no longer. */
function lookAfter(
  { live }: UpgradeOptions,
  { socket, entered }: UpgradeRequest,
  attributes: ResourceAttributes,
  end: (why: string) => void,
): void {
  const { proof, user } = entered;
  if (socket.destroyed) return;
  socket.once('close', live.add({ proof, user, attributes, end }));
}

type StoredRequest = RoutedRequest & { readonly virtual: undefined };

async function watch(
  options: UpgradeOptions,
  upgrade: UpgradeRequest,
  { stored: kind, attributes }: StoredRequest,
): Promise<void> {
  const { core, logger } = options;
  const { target, url } = upgrade.entered;
  if (target.type !== 'resource' || !isWebSocket(upgrade.request))
    throw badRequest('Upgrade request required');
  const watched = listOptions(url.searchParams, true);
  const byName = target.name === undefined ? {} : { fieldSelector: `metadata.name=${target.name}` };
  const { headers } = upgrade.request;
  const { user } = upgrade.entered;
  const about = {
    method: 'GET',
    target,
    query: url.searchParams,
    headers,
    body: undefined,
    user,
    warnings: [],
    annotations: new Map<string, string>(),
  };
  const context = answerContextAt(core.clock.now(), about, kind);
  const socket = await acceptWebSocket(upgrade, '');
  socket.on('error', () => socket.terminate());
  const collection = { kind, namespace: target.namespace };
  try {
    const stream = await streamWatch(
      { core, collection, options: { ...watched, ...byName }, context, logger },
      webSocketOutput(socket),
    );
    lookAfter(options, upgrade, attributes, () => stream.close());
  } catch (error) {
    const { message = '' } = statusOf(error, logger);
    socket.close(INTERNAL_ERROR, firstBytes(message, MAX_CLOSE_REASON_BYTES));
  }
}

/** A close frame carries no more (RFC 6455, 5.5); the client library refuses to send a longer reason. */
const MAX_CLOSE_REASON_BYTES = 123;

async function logs(
  options: UpgradeOptions,
  upgrade: UpgradeRequest,
  { stored: kind, attributes }: StoredRequest,
): Promise<void> {
  const { core, tunnels } = options;
  const { target, url } = upgrade.entered;
  if (target.type !== 'resource' || !isWebSocket(upgrade.request))
    throw badRequest('Upgrade request required');
  const { namespace, name = '' } = target;
  const offered = offeredProtocols(upgrade.request.headers);
  const protocol = offered.find((candidate) => Object.hasOwn(LOG_PROTOCOLS, candidate)) ?? '';
  const text = LOG_PROTOCOLS[protocol]?.text ?? false;
  const abort = createAbort();
  upgrade.socket.once('close', () => abort.abort());
  const lines = await openLogs({
    pod: async () => core.get({ kind, namespace, name }),
    podName: name,
    query: url.searchParams,
    tunnels,
    signal: abort.signal,
  });
  const client = createClientSocket(await acceptWebSocket(upgrade, protocol), { clock: core.clock, text });
  lookAfter(options, upgrade, attributes, (why) => client.close(POLICY_VIOLATION, why));
  void (async () => {
    try {
      for await (const chunk of (lines ?? []) as AsyncIterable<Buffer>) {
        if (chunk.length === 0) continue;
        await client.send(text ? Buffer.from(chunk.toString('base64')) : chunk);
      }
      client.close(NORMAL_CLOSURE, '');
    } catch {
      client.close(INTERNAL_ERROR, 'the connection to the node was lost');
    }
  })();
}

const isWebSocket = ({ headers }: IncomingMessage): boolean =>
  (headers.upgrade ?? '').toLowerCase() === 'websocket';

/** Another API server of this cluster, by its certificate: nobody else may use the tunnels that end here. */
function isPeer({ headers }: IncomingMessage, { target, user }: Entered): boolean {
  if ((headers.upgrade ?? '').toLowerCase() !== PEER_PROTOCOL) return false;
  if (target.type !== 'resource' || target.plural !== 'peers') throw resourceNotFound();
  if (user.name === PEER_USER && user.groups.includes(MASTERS)) return true;
  throw failure(403, 'Forbidden', `peers is forbidden: User "${user.name}" is not an API server`);
}

const MASTERS = 'system:masters';

async function acceptTunnel(options: UpgradeOptions, upgrade: UpgradeRequest): Promise<void> {
  const { authorizer, tunnels } = options;
  const { request, socket, head, entered } = upgrade;
  const { target, user } = entered;
  if (isPeer(request, entered)) {
    if (!options.peerService) throw resourceNotFound();
    return options.peerService.accept(socket, head);
  }
  const isTunnel = (request.headers.upgrade ?? '').toLowerCase() === TUNNEL_PROTOCOL;
  if (!isTunnel || target.type !== 'resource') throw resourceNotFound();
  const { plural, name, subresource } = target;
  if (plural !== 'nodes' || name === undefined || subresource !== 'tunnel') throw resourceNotFound();
  const attributes: ResourceAttributes = {
    verb: 'create',
    group: SYMPHONY_GROUP,
    resource: 'nodes',
    subresource,
    namespace: undefined,
    name,
    fieldSelector: undefined,
  };
  const decision = await authorizer.authorize(user, attributes);
  if (!decision.allowed)
    throw failure(403, 'Forbidden', `nodes "${name}" is forbidden: ${decision.reason ?? 'not allowed'}`);
  tunnels.accept(name, socket, head);
  lookAfter(options, upgrade, attributes, () => void socket.destroy());
}

export function refuseUpgrade(socket: Duplex, error: unknown, logger: Logger): void {
  const status = statusOf(error, logger);
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? 'Refused'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
