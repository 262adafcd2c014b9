/** The agent's end of the tunnel: logs, exec, attach, ports and statistics, as an HTTP/2 server. */
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createAbort } from '../../base/abort.ts';
import { TUNNEL_WINDOW_BYTES } from '../../base/channel-frames.ts';
import type { Clock } from '../../base/clock.ts';
import { drained } from '../../base/drained.ts';
import type { Logger } from '../../base/logger.ts';
import { failureWords } from '../pod/failure-words.ts';
import type { PodWorker } from '../pod/types.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { answerNodePath, type NodeAnswer, type NodeEndpointsOptions } from './node-endpoints.ts';
import { planLogTarget } from './plan-log-target.ts';
import { Refused } from './refused.ts';
import { execStatus, serveSession } from './serve-session.ts';
import { backUpVolume, restoreVolume, type VolumeArchivesOptions } from './volume-archives.ts';
import { createUsageSampler, type UsageSampler } from './usage-sampler.ts';

export interface TunnelServerOptions {
  /** The volumes to back up and restore; without them there are none. */
  readonly archives?: VolumeArchivesOptions;
  /** Without it the node answers no paths of its own. */
  readonly node?: NodeEndpointsOptions;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  findPod(namespace: string, name: string): PodWorker | undefined;
  /** Why the pods' addresses lead elsewhere at present; undefined if they do not. */
  networkProblem?(): string | undefined;
}

/** Beyond it new streams are refused: a few hundred sessions with slow readers. */
const MAX_SESSION_MEGABYTES = 128;

export function createTunnelServer(options: TunnelServerOptions): Http2Server {
  const logger = options.logger.child({ component: 'tunnel' });
  const server = createServer({
    settings: { initialWindowSize: TUNNEL_WINDOW_BYTES },
    maxSessionMemory: MAX_SESSION_MEGABYTES,
  });
  const sampleUsage = createUsageSampler(options);
  server.on('stream', (stream, headers) => {
    const abort = createAbort();
    stream.on('close', () => abort.abort());
    stream.on('error', () => abort.abort());
    answer(options, sampleUsage, stream, headers, abort.signal).catch((error: unknown) => {
      if (stream.destroyed) return;
      const status = error instanceof Refused ? error.status : 500;
      const path = headers[':path']?.split('?')[0];
      if (status === 500) logger.warn({ path, error: failureWords(error) }, 'Cannot answer over the tunnel');
      if (stream.headersSent) return stream.close(2);
      stream.respond({ ':status': status, 'content-type': 'text/plain; charset=utf-8' });
      stream.end(failureWords(error));
    });
  });
  return server;
}

/** A request about a pod of this node. */
interface Call {
  readonly options: TunnelServerOptions;
  readonly stream: ServerHttp2Stream;
  readonly signal: AbortSignal;
  readonly worker: PodWorker;
  readonly container: string;
  readonly query: URLSearchParams;
}

const HANDLERS: ReadonlyMap<string, (call: Call) => Promise<void>> = new Map([
  ['GET containerLogs', logs],
  ['POST exec', exec],
  ['POST attach', attach],
  ['POST portForward', portForward],
]);

const ARCHIVES: ReadonlyMap<string, typeof backUpVolume> = new Map([
  ['POST volumeBackup', backUpVolume],
  ['POST volumeRestore', restoreVolume],
]);

async function answer(
  options: TunnelServerOptions,
  sampleUsage: UsageSampler,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  signal: AbortSignal,
): Promise<void> {
  const { ':method': method = 'GET', ':path': target = '/' } = headers;
  const { pathname, searchParams: query } = new URL(target, 'http://agent');
  const [, route = '', ...rest] = pathname.split('/').map(decodeURIComponent);
  const [namespace = '', name = '', container = ''] = rest;
  const handle = HANDLERS.get(`${method} ${route}`);
  if (handle) {
    const worker = options.findPod(namespace, name);
    if (!worker) throw new Refused(404, `pods "${name}" not found`);
    return handle({ options, stream, signal, worker, container, query });
  }
  const archive = ARCHIVES.get(`${method} ${route}`);
  if (archive && options.archives) return archive(options.archives, { stream, signal, query });
  if (method === 'GET' && route === 'node' && options.node) {
    const call = { ...options, node: options.node, sampleUsage, query, signal };
    return sendNodeAnswer(stream, await answerNodePath(call, pathname.slice('/node'.length)), signal);
  }
  if (method !== 'GET' || route !== 'usage')
    throw new Refused(404, 'the server could not find the requested resource');
  const usage = await sampleUsage();
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify(usage));
}

async function sendNodeAnswer(
  stream: ServerHttp2Stream,
  { contentType, body }: NodeAnswer,
  signal: AbortSignal,
): Promise<void> {
  stream.respond({ ':status': 200, 'content-type': contentType });
  if (typeof body === 'string') return void stream.end(body);
  await sendLines(stream, body, signal, Number.POSITIVE_INFINITY);
}

async function logs({ options, stream, signal, worker, container, query }: Call): Promise<void> {
  const previous = query.get('previous') === 'true';
  const target = planLogTarget(worker.pod, worker.status, worker.records, container, previous);
  if (!target.ok) throw new Refused(400, target.message);
  const tail = numberOf(query, 'tailLines');
  const since = numberOf(query, 'sinceSeconds');
  const sinceMs =
    since === undefined ? Date.parse(query.get('sinceTime') ?? '') : options.clock.now() - since * 1_000;
  const output = query.get('stream');
  const lines = await options.runtime.logs(
    target.record.id,
    {
      follow: query.get('follow') === 'true' && target.record.phase === 'running',
      timestamps: query.get('timestamps') === 'true',
      ...(tail === undefined ? {} : { tailLines: tail }),
      ...(output === 'Stdout' ? { only: 'stdout' } : output === 'Stderr' ? { only: 'stderr' } : {}),
      ...(Number.isNaN(sinceMs) ? {} : { sinceMs }),
    },
    signal,
  );
  stream.respond({ ':status': 200, 'content-type': 'text/plain' });
  await sendLines(stream, lines, signal, numberOf(query, 'limitBytes') ?? Number.POSITIVE_INFINITY);
}

async function sendLines(
  stream: ServerHttp2Stream,
  lines: AsyncIterable<Buffer>,
  signal: AbortSignal,
  limitBytes: number,
): Promise<void> {
  let left = limitBytes;
  for await (const chunk of lines) {
    if (signal.aborted || left <= 0) break;
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    if (!stream.write(part)) await drained(stream);
  }
  stream.end();
}

/** The running container that exec and attach mean. */
function runningContainer(worker: PodWorker, container: string): string {
  const target = planLogTarget(worker.pod, worker.status, worker.records, container, false);
  if (!target.ok || target.record.phase !== 'running')
    throw new Refused(404, `container not found ("${container}")`);
  return target.record.id;
}

async function exec({ options, stream, worker, container, query }: Call): Promise<void> {
  const id = runningContainer(worker, container);
  const tty = query.get('tty') === 'true';
  const stdin = query.get('stdin') === 'true';
  const session = await options.runtime.execStream(id, query.getAll('command'), { stdin, tty });
  await serveSession(stream, session, execStatus, 'executing command in');
}

/** The client says whether it has input; the container decides about a terminal. */
async function attach({ options, stream, worker, container, query }: Call): Promise<void> {
  const id = runningContainer(worker, container);
  const stdin = query.get('stdin') === 'true';
  const session = await options.runtime.attach(id, { stdin });
  await serveSession(stream, session, () => execStatus(0), 'attaching to');
}

/** One connection to a port of the pod, as plain bytes in both directions. */
async function portForward({ options, stream, worker, query }: Call): Promise<void> {
  const port = numberOf(query, 'port') ?? 0;
  if (port < 1 || port > 65_535) throw new Refused(400, `invalid port "${query.get('port') ?? ''}"`);
  const { name, namespace = '' } = worker.pod.metadata;
  const running = worker.records.find((record) => record.phase === 'running');
  if (!running) throw new Refused(404, `pod not found ("${name}_${namespace}")`);
  const isProxied = query.get('at') === 'address';
  const refuse = (why: string): never => {
    const what = `error forwarding port ${port} to pod ${name}, uid ${worker.uid}: `;
    throw new Refused(502, isProxied ? why : `${what}${why}`);
  };
  // A proxied request reaches what any client in the cluster reaches, and not the pod's localhost.
  const address = isProxied ? addressOf(worker) : undefined;
  if (isProxied && address === undefined) refuse('the pod has no address');
  const stranger = worker.pod.spec.hostNetwork === true ? undefined : options.networkProblem?.();
  if (stranger !== undefined) refuse(stranger);
  const socket = await options.runtime
    .dial(running.id, port, address)
    .catch((error: unknown): never => refuse(failureWords(error)));
  stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
  socket.on('error', () => stream.close(2));
  stream.on('close', () => socket.destroy());
  stream.pipe(socket);
  socket.pipe(stream);
}

/** As this agent knows it, whatever the API says. */
const addressOf = ({ pod, ip, status }: PodWorker): string | undefined =>
  pod.spec.hostNetwork === true ? status?.podIP : ip;

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
