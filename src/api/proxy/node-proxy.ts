/**
 * `nodes/NAME/proxy/PATH`: the paths that a node's agent answers, as a kubelet would. The agent
 * opens no port: the answer comes through its tunnel, and no other port of the host is reached.
 */
import { badRequest } from '../../schemas/errors/status.ts';
import type { StoredRequest } from '../http/api-request.ts';
import type { Outlet } from '../http/outlets.ts';
import { urlOf } from '../http/request-url.ts';
import { parseProxyName } from './plan-proxy-target.ts';
import { type ProxyDependencies, unreachable } from './proxy-backend.ts';
import { redirectToSlash } from './redirect-to-slash.ts';
import { errorMessage } from '../../base/errors.ts';
import { giveUpUnread } from '../http/read-body.ts';

/** The kubelet's port. Clients name it to mean the node itself. */
const KUBELET_PORT = '10250';

export async function serveNodeProxy(
  { core, tunnels }: ProxyDependencies,
  asked: StoredRequest,
  { request, response, stands }: Outlet,
  signal: AbortSignal,
): Promise<undefined> {
  const { routed, target, method } = asked;
  const { name: node, port } = parseProxyName(target.name ?? '', 'node');
  await core.get({ kind: routed.kind, namespace: undefined, name: node });
  if (port !== '' && port !== KUBELET_PORT) throw badRequest('address not allowed');
  if (redirectToSlash(asked, { request, response })) return;
  giveUpUnread(request, response);
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('405: Method Not Allowed\n');
    return;
  }
  const path = `/node${target.proxyPath ?? '/'}${urlOf(request.url).search}`;
  const asking = { node, method: 'GET', path, signal } as const;
  const { status, contentType, stream } = await tunnels.request(asking).catch((error: unknown) => {
    throw unreachable(errorMessage(error));
  });
  stream.on('error', () => response.destroy());
  response.writeHead(status, contentType === undefined ? {} : { 'content-type': contentType });
  if (method === 'HEAD') {
    stream.close();
    response.end();
    return;
  }
  stands(() => response.destroy());
  stream.on('close', () => (stream.rstCode === 0 ? response.end() : response.destroy()));
  stream.pipe(response, { end: false });
}
