/** Connections that change their protocol: an agent's tunnel, and exec, attach and port-forward. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../base/logger.ts';
import { failure } from '../../schemas/status.ts';
import type { Authorizer } from '../authz/types.ts';
import type { ApiCore } from '../core/core.ts';
import { resourceNotFound } from '../core/refusals.ts';
import type { PodStreams } from '../streams/pod-streams.ts';
import { TUNNEL_PROTOCOL, type Tunnels } from '../tunnel.ts';
import type { Entered } from './access.ts';
import { statusOf } from './failures.ts';
import { SYMPHONY_GROUP } from './symphony-resources.ts';

export interface UpgradeOptions {
  readonly core: ApiCore;
  readonly authorizer: Authorizer;
  readonly tunnels: Tunnels;
  readonly podStreams: PodStreams;
}

export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly entered: Entered;
}

/** Throws the refusal while the client can still be told by a Status. */
export async function serveUpgrade(options: UpgradeOptions, upgrade: UpgradeRequest): Promise<void> {
  const { core, podStreams } = options;
  const { request, socket, head, entered } = upgrade;
  const { target, routed, url } = entered;
  if (target.type !== 'resource') throw resourceNotFound();
  if (target.group === SYMPHONY_GROUP) return acceptTunnel(options, upgrade);
  if (!routed?.stored) throw resourceNotFound();
  const { subresource, stored: kind } = routed;
  if (subresource !== 'exec' && subresource !== 'attach' && subresource !== 'portforward')
    throw resourceNotFound();
  const { namespace, name = '' } = target;
  const pod = await core.get({ kind, namespace, name });
  await podStreams.serve({ request, socket, head, pod, kind: subresource, query: url.searchParams });
}

async function acceptTunnel({ authorizer, tunnels }: UpgradeOptions, upgrade: UpgradeRequest): Promise<void> {
  const { request, socket, head, entered } = upgrade;
  const { target, user } = entered;
  const isTunnel = (request.headers.upgrade ?? '').toLowerCase() === TUNNEL_PROTOCOL;
  if (!isTunnel || target.type !== 'resource') throw resourceNotFound();
  const { plural, name, subresource } = target;
  if (plural !== 'nodes' || name === undefined || subresource !== 'tunnel') throw resourceNotFound();
  const decision = await authorizer.authorize(user, {
    verb: 'create',
    group: SYMPHONY_GROUP,
    resource: 'nodes',
    subresource,
    namespace: undefined,
    name,
    fieldSelector: undefined,
  });
  if (!decision.allowed)
    throw failure(403, 'Forbidden', `nodes "${name}" is forbidden: ${decision.reason ?? 'not allowed'}`);
  tunnels.accept(name, socket, head);
}

export function refuseUpgrade(socket: Duplex, error: unknown, logger: Logger): void {
  const status = statusOf(error, logger);
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
