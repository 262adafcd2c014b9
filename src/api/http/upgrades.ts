/** Requests that take the socket over: exec, attach, port-forward, tunnels of agents and peers. */
import { createAbort } from '../../base/abort.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { resourceNotFound } from '../../resources/refusals.ts';
import { badRequest, failure } from '../../schemas/errors/status.ts';
import type { PeerService } from '../peers/serve-peer.ts';
import { PEER_PROTOCOL, PEER_USER } from '../peers/types.ts';
import type { PodStreams } from '../streams/pod-streams.ts';
import type { PodStream } from '../streams/stream-request.ts';
import { TUNNEL_PROTOCOL, type Tunnels } from '../tunnel.ts';
import type { ApiRequest, StoredRequest } from './api-request.ts';
import { refOf } from './object-requests.ts';
import type { UpgradeOutlet } from './outlets.ts';

const MASTERS = 'system:masters';

export const asksFor = ({ headers }: Pick<ApiRequest, 'headers'>, protocol: string): boolean =>
  (headers.upgrade ?? '').toLowerCase() === protocol;

/** Refuses a request that only an upgrade can serve. As upstream, a missing pod is 404. */
export async function upgradeRequired(core: ResourceCore, request: StoredRequest): Promise<never> {
  await core.get(refOf(request));
  throw badRequest('Upgrade request required');
}

export async function openPodStream(
  core: ResourceCore,
  podStreams: PodStreams,
  kind: PodStream,
  request: StoredRequest,
  { request: asked, socket, head, stands }: UpgradeOutlet,
): Promise<void> {
  const pod = await core.get(refOf(request));
  const abort = createAbort();
  const { signal } = abort;
  await podStreams.serve({ request: asked, socket, head, pod, kind, query: request.query, signal });
  stands((why) => abort.abort(new Error(why)));
}

export function acceptTunnel(tunnels: Tunnels, request: ApiRequest, outlet: UpgradeOutlet): void {
  const { name } = request.target;
  if (!asksFor(request, TUNNEL_PROTOCOL) || name === undefined) throw resourceNotFound();
  tunnels.accept(name, outlet.socket, outlet.head);
  outlet.stands(() => void outlet.socket.destroy());
}

/** Only another API server of this cluster may use the tunnels that end here. */
export function acceptPeer(
  peerService: Pick<PeerService, 'accept'> | undefined,
  request: ApiRequest,
  { socket, head }: UpgradeOutlet,
): void {
  const { user } = request;
  if (!peerService || !asksFor(request, PEER_PROTOCOL)) throw resourceNotFound();
  if (user.name !== PEER_USER || !user.groups.includes(MASTERS))
    throw failure(403, 'Forbidden', `peers is forbidden: User "${user.name}" is not an API server`);
  peerService.accept(socket, head);
}
