/** What the agent answers on its tunnel: logs, exec and statistics, as an HTTP/2 server on a socket that it opened itself. */
import { type Http2Server, type ServerHttp2Stream, createServer } from 'node:http2';
import type { Clock } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { isRecord } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import type { PodWorker } from '../pod/pod-worker.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { channels, createFrameReader, encodeFrame } from './exec-frames.ts';
import { planLogTarget } from './plan-log-target.ts';

export interface TunnelServerOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  findPod(namespace: string, name: string): PodWorker | undefined;
}

class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function createTunnelServer(options: TunnelServerOptions): Http2Server {
  const logger = options.logger.child({ component: 'tunnel' });
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const path = headers[':path'] ?? '/';
    const abort = new AbortController();
    stream.on('close', () => abort.abort());
    stream.on('error', () => abort.abort());
    answer(options, stream, headers[':method'] ?? 'GET', path, abort.signal).catch((error: unknown) => {
      if (stream.destroyed) return;
      const status = error instanceof Refused ? error.status : 500;
      if (status === 500) logger.warn({ path: path.split('?')[0], error }, 'Cannot answer over the tunnel');
      if (stream.headersSent) return stream.close(2);
      stream.respond({ ':status': status, 'content-type': 'text/plain; charset=utf-8' });
      stream.end(errorMessage(error));
    });
  });
  return server;
}

async function answer(
  options: TunnelServerOptions,
  stream: ServerHttp2Stream,
  method: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(target, 'http://agent');
  const [, route, ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const [namespace = '', name = '', container = ''] = rest;
  const query = url.searchParams;
  if (method === 'GET' && route === 'containerLogs') {
    return logs(options, stream, workerOf(options, namespace, name), container, query, signal);
  }
  if (method === 'POST' && route === 'exec') {
    return exec(options, stream, workerOf(options, namespace, name), container, query);
  }
  if (method === 'GET' && route === 'stats') {
    const stats = await options.runtime.stats();
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify({ containers: stats }));
    return;
  }
  throw new Refused(404, 'the server could not find the requested resource');
}

function workerOf(options: TunnelServerOptions, namespace: string, name: string): PodWorker {
  const worker = options.findPod(namespace, name);
  if (!worker) throw new Refused(404, `pods "${name}" not found`);
  return worker;
}

async function logs(
  options: TunnelServerOptions,
  stream: ServerHttp2Stream,
  worker: PodWorker,
  container: string,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<void> {
  const previous = query.get('previous') === 'true';
  const target = planLogTarget(worker.pod, worker.status, worker.records, container, previous);
  if (!target.ok) throw new Refused(400, target.message);
  const tail = numberOf(query, 'tailLines');
  const since = numberOf(query, 'sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const sinceMs =
    since !== undefined
      ? options.clock.now() - since * 1_000
      : sinceTime === null
        ? undefined
        : Date.parse(sinceTime);
  const lines = await options.runtime.logs(
    target.record.id,
    {
      follow: query.get('follow') === 'true' && target.record.phase === 'running',
      timestamps: query.get('timestamps') === 'true',
      ...(tail === undefined ? {} : { tailLines: tail }),
      ...(sinceMs === undefined || Number.isNaN(sinceMs) ? {} : { sinceMs }),
    },
    signal,
  );
  stream.respond({ ':status': 200, 'content-type': 'text/plain' });
  let left = numberOf(query, 'limitBytes') ?? Number.POSITIVE_INFINITY;
  for await (const chunk of lines) {
    if (signal.aborted || left <= 0) break;
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    if (!stream.write(part)) await drained(stream);
  }
  stream.end();
}

async function exec(
  options: TunnelServerOptions,
  stream: ServerHttp2Stream,
  worker: PodWorker,
  container: string,
  query: URLSearchParams,
): Promise<void> {
  const target = planLogTarget(worker.pod, worker.status, worker.records, container, false);
  if (!target.ok || target.record.phase !== 'running') {
    throw new Refused(400, `container not found ("${container}")`);
  }
  const tty = query.get('tty') === 'true';
  const stdin = query.get('stdin') === 'true';
  const session = await options.runtime.execStream(target.record.id, query.getAll('command'), { stdin, tty });
  stream.respond({ ':status': 200, 'content-type': 'application/x-symphony-exec' });
  const read = createFrameReader();
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const frame of read(chunk)) {
        if (frame.channel === channels.resize) resize(frame.content);
        else if (frame.channel !== channels.stdin) continue;
        else if (frame.content.length === 0) session.stdin?.end();
        else if (session.stdin?.write(frame.content) === false) {
          stream.pause();
          session.stdin.once('drain', () => stream.resume());
        }
      }
    } catch {
      stream.close(1);
    }
  });
  stream.on('end', () => session.stdin?.end());
  stream.on('close', () => session.kill());
  function resize(content: Buffer): void {
    const size = JSON.parse(content.toString('utf8')) as unknown;
    if (!isRecord(size)) return;
    const columns = Number(size['Width'] ?? 0);
    const rows = Number(size['Height'] ?? 0);
    session.resize({ columns, rows }).catch(() => undefined);
  }
  async function copy(source: AsyncIterable<Buffer> | undefined, channel: number): Promise<void> {
    if (!source) return;
    for await (const chunk of source) {
      if (!stream.write(encodeFrame(channel, chunk))) await drained(stream);
    }
  }
  await Promise.all([copy(session.stdout, channels.stdout), copy(session.stderr, channels.stderr)]);
  const exitCode = await session.done;
  stream.end(encodeFrame(channels.status, Buffer.from(JSON.stringify(execStatus(exitCode)))));
}

/** The `metav1.Status` that remotecommand ends with. */
function execStatus(exitCode: number): unknown {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

function drained(stream: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
    if (stream.destroyed) done();
  });
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
