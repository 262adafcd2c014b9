/** `pods/NAME/proxy/PATH`: passes the request on, and the answer back with rewritten links. */
import { pipeline } from 'node:stream';
import type { StoredRequest } from '../http/api-request.ts';
import { urlOf } from '../http/request-url.ts';
import { goneSignal, type Outlet } from '../http/outlets.ts';
import { answerHeaders, type ProxyDependencies, proxyRequest } from './proxy-request.ts';
import { rewrittenAnswer } from './rewrite-answer.ts';

export async function serveProxy(
  dependencies: ProxyDependencies,
  { target, routed, method, headers, body }: StoredRequest,
  { request, response }: Outlet,
): Promise<undefined> {
  const { namespace = '', name = '', proxyPath } = target;
  const { pathname, search } = urlOf(request.url);
  // Links of a page that was asked for without a slash would lead out of the pod.
  if (proxyPath === undefined && (method === 'GET' || method === 'HEAD')) {
    response.writeHead(301, { location: `${pathname}/${search}` }).end();
    return;
  }
  const answered = await proxyRequest(dependencies, {
    resource: routed.kind.plural === 'services' ? 'services' : 'pods',
    namespace,
    name,
    path: `${proxyPath ?? '/'}${search}`,
    method,
    headers,
    body,
    signal: goneSignal(response),
  });
  const prefix = proxyPath === undefined ? pathname : pathname.slice(0, pathname.length - proxyPath.length);
  const { headers: head, stages } = rewrittenAnswer(answerHeaders(answered.headers), prefix, headers.host);
  response.writeHead(answered.statusCode ?? 502, head);
  // A pod whose answer breaks off ends ours, a client that leaves ends the pod's.
  pipeline([answered, ...(method === 'HEAD' ? [] : stages), response], () => undefined);
}
