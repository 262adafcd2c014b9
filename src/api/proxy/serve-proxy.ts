/**
 * `pods/NAME/proxy/PATH` and `services/NAME/proxy/PATH`: passes a request on to a pod, and the
 * answer back with rewritten links. Upgrades pass both ways until one side ends.
 */
import { STATUS_CODES } from 'node:http';
import { type Duplex, pipeline } from 'node:stream';
import { badRequest, failure } from '../../schemas/errors/status.ts';
import type { StoredRequest } from '../http/api-request.ts';
import { letBodyPass } from '../http/connection-limits.ts';
import { goneSignal, type Outlet, type UpgradeOutlet } from '../http/outlets.ts';
import { giveUpUnread, inviteBody } from '../http/read-body.ts';
import { urlOf } from '../http/request-url.ts';
import { findBackend, type FoundBackend, openBackend, type ProxyDependencies } from './proxy-backend.ts';
import { answerHeaders } from './proxy-headers.ts';
import { serveNodeProxy } from './node-proxy.ts';
import { askPodToUpgrade, sendToPod, type UpgradeAnswer } from './proxy-request.ts';
import { redirectToSlash } from './redirect-to-slash.ts';
import { rewrittenAnswer } from './rewrite-answer.ts';

export interface Proxy {
  serve(request: StoredRequest, outlet: Outlet): Promise<undefined>;
  upgrade(request: StoredRequest, outlet: UpgradeOutlet): Promise<void>;
}

/** Requests and upgraded connections at once; each holds a socket and a stream of a tunnel. */
const MAX_PROXIED = 1_000;

export function createProxy(dependencies: ProxyDependencies): Proxy {
  let open = 0;

  /** Counts a request until its client has gone or has its answer; the signal tells. */
  function hold(connection: Outlet['response'] | Duplex): AbortSignal {
    if (open >= MAX_PROXIED)
      throw failure(429, 'TooManyRequests', `there are ${MAX_PROXIED} proxied requests already`);
    if (connection.destroyed) throw badRequest('the client left before its request was served');
    open += 1;
    // Each stage listens for the client's end. So many listeners are no leak.
    const signal = goneSignal(connection.setMaxListeners(0));
    signal.addEventListener('abort', () => (open -= 1), { once: true });
    return signal;
  }

  return {
    async serve(request, outlet) {
      const signal = hold(outlet.response);
      if (request.routed.kind.plural === 'nodes')
        return serveNodeProxy(dependencies, request, outlet, signal);
      return serveObject(dependencies, request, outlet, signal);
    },
    async upgrade(request, outlet) {
      if (request.routed.kind.plural === 'nodes') throw badRequest('a node serves no upgrades');
      return passUpgrade(dependencies, request, outlet, hold(outlet.socket));
    },
  };
}

const backendOf = (
  dependencies: ProxyDependencies,
  { routed, target }: StoredRequest,
): Promise<FoundBackend> =>
  findBackend(
    dependencies,
    routed.kind.plural === 'services' ? 'services' : 'pods',
    target.namespace ?? '',
    target.name ?? '',
  );

async function serveObject(
  dependencies: ProxyDependencies,
  asked: StoredRequest,
  { request, response, stands }: Outlet,
  signal: AbortSignal,
): Promise<undefined> {
  const { target, method, headers } = asked;
  const backend = await backendOf(dependencies, asked);
  const { pathname, search } = urlOf(request.url);
  if (redirectToSlash(asked, { request, response })) return;
  const stream = await openBackend(dependencies, backend, signal);
  inviteBody(request, response);
  letBodyPass(request, response);
  const path = `${target.proxyPath ?? '/'}${search}`;
  const answered = await sendToPod({ request, asked: pathname, path, backend, stream, signal });
  const prefix = pathname.slice(0, pathname.length - (target.proxyPath ?? '').length);
  const hosts = [headers.host, backend.host];
  const { headers: head, stages } = rewrittenAnswer(answerHeaders(answered.headers), prefix, hosts);
  // A pod may answer before it has read everything.
  giveUpUnread(request, response);
  response.writeHead(answered.statusCode ?? 502, head);
  // A pod whose answer breaks off ends ours, a client that leaves ends the pod's.
  pipeline([answered, ...(method === 'HEAD' ? [] : stages), response], () => undefined);
  stands(() => response.destroy());
}

async function passUpgrade(
  dependencies: ProxyDependencies,
  asked: StoredRequest,
  { request, socket, head, stands, answered }: UpgradeOutlet,
  signal: AbortSignal,
): Promise<void> {
  const backend = await backendOf(dependencies, asked);
  const stream = await openBackend(dependencies, backend, signal);
  const { pathname, search } = urlOf(request.url);
  const path = `${asked.target.proxyPath ?? '/'}${search}`;
  const answer = await askPodToUpgrade({ request, asked: pathname, path, backend, stream, signal });
  const { statusCode = 502 } = answer.answer;
  if (!answer.isSwitched && statusCode < 400) {
    answer.answer.destroy();
    throw failure(500, 'InternalError', `invalid upgrade response: status code ${statusCode}`, {});
  }
  answered(statusCode);
  join(socket, head, answer, signal);
  stands(() => void socket.destroy());
}

/** Passes the pod's answer on, and then the bytes of both sides as they come. */
function join(socket: Duplex, head: Buffer, upgrade: UpgradeAnswer, signal: AbortSignal): void {
  const { answer } = upgrade;
  const kept = Object.entries(answerHeaders(answer.headers));
  const ofHop = upgrade.isSwitched
    ? [['connection', 'Upgrade'] as const, ['upgrade', answer.headers.upgrade ?? ''] as const]
    : [['connection', 'close'] as const];
  const lines = [...kept, ...ofHop].map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const { statusCode = 502 } = answer;
  socket.write(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n${lines.join('')}\r\n`);
  if (!upgrade.isSwitched) return void pipeline([answer, socket], () => socket.destroy());
  const { socket: pod, head: first } = upgrade;
  if (first.length > 0) socket.write(first);
  if (head.length > 0) pod.write(head);
  // Either side may end first; the other still says what it has to say.
  socket.pipe(pod);
  pod.pipe(socket);
  pod.once('close', () => socket.end());
  signal.addEventListener('abort', () => pod.destroy(), { once: true });
}
