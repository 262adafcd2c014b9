/**
 * `pods/NAME/proxy/PATH` and `services/NAME/proxy/PATH`: an HTTP request to a pod, through the
 * tunnel of its node's agent, without anything that identifies the caller.
 */
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import type { Duplex } from 'node:stream';
import { errorMessage } from '../../base/errors.ts';
import type { Rng } from '../../base/rng.ts';
import { failure, type StatusError } from '../../schemas/errors/status.ts';
import type { Pod, Service } from '../../schemas/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { openAgentStream } from '../streams/agent-stream.ts';
import { planPortForward } from '../streams/stream-request.ts';
import type { Tunnels } from '../tunnel.ts';
import { parseProxyName, planServiceBackend, podProxyPort, type ProxyName } from './plan-proxy-target.ts';

export interface ProxyRequest {
  readonly resource: 'pods' | 'services';
  readonly namespace: string;
  /** As in the URL: `web:http`. */
  readonly name: string;
  /** The path in the pod's own URL space, with its query: `/healthz?full=1`. */
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | undefined;
  /** Ends when the client has gone. */
  readonly signal: AbortSignal;
}

export interface ProxyDependencies {
  readonly core: ResourceCore;
  readonly tunnels: Tunnels;
  readonly rng: Rng;
}

/** Headers of one connection only (RFC 9110, 7.6.1), and those that are not meant for the pod. */
const DROPPED = new Set([
  'authorization',
  'connection',
  'cookie',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const isDropped = (name: string): boolean => DROPPED.has(name) || name.startsWith('impersonate-');

/** The headers of the pod's answer that the client gets. */
export const answerHeaders = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ANSWER_DROPPED.has(name)));

/** Headers of one connection only. A pod may not set a cookie for the API's host either. */
const ANSWER_DROPPED = new Set([
  'connection',
  'keep-alive',
  'set-cookie',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The pod's answer, its body still to be read. */
export async function proxyRequest(
  dependencies: ProxyDependencies,
  request: ProxyRequest,
): Promise<IncomingMessage> {
  const wanted = parseProxyName(request.name);
  const { pod, port } = await backendOf(dependencies, request, wanted);
  const address = `${pod.status?.podIP ?? pod.metadata.name}:${port}`;
  const target = planPortForward(pod, port);
  const stream = await openAgentStream(dependencies.tunnels, target, request.signal).catch(
    (error: unknown) => {
      throw unreachable(`dial tcp ${address}: ${errorMessage(error)}`);
    },
  );
  stream.on('error', () => undefined);
  return send(request, wanted, stream, address);
}

const unreachable = (why: string): StatusError =>
  failure(503, 'ServiceUnavailable', `error trying to reach service: ${why}`, {});

async function backendOf(
  { core, rng }: ProxyDependencies,
  { resource, namespace }: ProxyRequest,
  wanted: ProxyName,
): Promise<{ readonly pod: Pod; readonly port: number }> {
  const kindOf = (plural: string): NonNullable<ReturnType<ResourceCore['registry']['byResource']>> => {
    const kind = core.registry.byResource('', 'v1', plural);
    if (!kind) throw new Error(`The registry has no ${plural}`);
    return kind;
  };
  const object = await core.get({ kind: kindOf(resource), namespace, name: wanted.name });
  if (resource === 'pods') {
    const pod = object as Pod;
    return { pod, port: podProxyPort(pod, wanted) };
  }
  const { objects } = await core.list({ kind: kindOf('pods'), namespace }, { resourceVersion: '0' });
  return planServiceBackend(object as Service, objects as readonly Pod[], wanted, rng.next());
}

function send(
  { path, method, headers, body, signal }: ProxyRequest,
  { scheme }: ProxyName,
  stream: Duplex,
  host: string,
): Promise<IncomingMessage> {
  const kept = Object.entries(headers).filter(([name]) => !isDropped(name));
  const options = {
    method,
    path,
    signal,
    headers: { ...Object.fromEntries(kept), host, connection: 'close' },
  };
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(unreachable(errorMessage(error)));
    const request =
      scheme === 'https'
        ? // The certificate of a pod says nothing that we could check: the tunnel is what is trusted.
          httpsRequest({
            ...options,
            createConnection: () => connect({ socket: stream, rejectUnauthorized: false }),
          })
        : httpRequest({ ...options, createConnection: () => stream });
    request.on('response', resolve);
    request.on('error', failed);
    request.end(body);
  });
}
