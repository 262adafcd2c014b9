/** `…/proxy` without a slash. As upstream, readers are sent to `…/proxy/`. */
import type { StoredRequest } from '../http/api-request.ts';
import type { Outlet } from '../http/outlets.ts';
import { giveUpUnread } from '../http/read-body.ts';
import { urlOf } from '../http/request-url.ts';

/** Links of a page that was asked for without a slash would lead out of the pod. */
export function redirectToSlash(
  { target, method }: StoredRequest,
  { request, response }: Pick<Outlet, 'request' | 'response'>,
): boolean {
  if (target.proxyPath !== undefined || (method !== 'GET' && method !== 'HEAD')) return false;
  const { pathname, search } = urlOf(request.url);
  giveUpUnread(request, response);
  response.writeHead(301, { location: `${pathname}/${search}` }).end();
  return true;
}
