/**
 * The HTTP face of the API: fastify over HTTPS. Every request goes the same way: who is it, what is it about, may they
 * (access.ts); only then is its body read. Resource paths are not routes but data (request-target.ts), since kinds may
 * come at run time.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../../base/logger.ts';
import { systemRng } from '../../base/rng.ts';
import { badRequest } from '../../schemas/status.ts';
import type { Authenticator } from '../authn/types.ts';
import type { Authorizer } from '../authz/types.ts';
import type { ApiCore } from '../core/core.ts';
import type { ObjectAction } from '../core/subresources/types.ts';
import { buildOpenApi } from '../openapi/documents.ts';
import { answerHeaders, proxyRequest } from '../proxy/proxy-request.ts';
import { createPodStreams } from '../streams/pod-streams.ts';
import type { Tunnels } from '../tunnel.ts';
import type { VirtualResource } from '../virtual/types.ts';
import { createAccess, type Entered } from './access.ts';
import { type Answer, statusAnswer, textAnswer } from './answers.ts';
import { statusOf } from './failures.ts';
import { type OtherRequestsOptions, serveOther } from './other-requests.ts';
import { streamLogs } from './pod-logs.ts';
import { listOptions } from './query-options.ts';
import {
  answerContext,
  type ApiRequest,
  type RoutedRequest,
  serveResource,
  STREAMS,
} from './resource-requests.ts';
import { serveSymphony } from './symphony-resources.ts';
import { refuseUpgrade, serveUpgrade } from './upgrades.ts';
import { serveVirtual } from './virtual-requests.ts';
import { streamWatch, type WatchStream } from './watch-response.ts';

export interface AppOptions extends Omit<OtherRequestsOptions, 'registry' | 'virtual' | 'openapi'> {
  readonly core: ApiCore;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly tunnels: Tunnels;
  readonly logger: Logger;
  /** Resources that the store does not keep. */
  readonly virtual?: readonly VirtualResource[];
  readonly actions?: readonly ObjectAction[];
  /** Undefined serves plain HTTP: for tests only. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string };
  /** Told after each answer, for metrics and audit. */
  readonly onAnswer?: (record: AnswerRecord) => void;
}

export interface AnswerRecord {
  readonly user: string;
  readonly method: string;
  readonly path: string;
  readonly code: number;
  readonly durationMs: number;
}

export interface App {
  readonly server: FastifyInstance;
  /** Ends watches and streams, as before a stop. */
  endStreams(): void;
}

/** Upstream's limit on a request's body. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** Webhooks of large pushes may be longer. */
const MAX_WEBHOOK_BYTES = 25 * 1024 * 1024;
/** A client has this long to send its request: slow ones give their socket up. */
const REQUEST_TIMEOUT_MS = 60_000;

export function createApp(options: AppOptions): App {
  const { core, logger, tunnels } = options;
  const virtual = options.virtual ?? [];
  const actions = options.actions ?? [];
  const openapi = buildOpenApi(core.registry, core.schemas);
  const others: OtherRequestsOptions = {
    ...options,
    registry: core.registry,
    virtual,
    openapi: () => openapi,
  };
  const access = createAccess({ ...options, virtual });
  const streams = new Set<WatchStream>();
  const podStreams = createPodStreams({ tunnels, logger });
  const entries = new WeakMap<FastifyRequest, Entered>();
  const server = createServer(options.tls);

  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error, _request, reply) => send(reply, statusAnswer(statusOf(error, logger)), []));
  server.setNotFoundHandler((_request, reply) => send(reply, textAnswer(404, '404 page not found\n'), []));

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const entered = entries.get(request);
    if (!entered) throw new Error('a request did not enter');
    const { target, routed, url, user } = entered;
    const { method, headers } = request;
    const body = Buffer.isBuffer(request.body) ? request.body : undefined;
    if (target.type === 'other')
      return send(reply, await serveOther(others, { method, url, headers, body }), []);
    const warnings: string[] = [];
    const api: ApiRequest = { method, target, query: url.searchParams, headers, body, user, warnings };
    if (!routed) return send(reply, await serveSymphony(core, options.authorizer, api), warnings);
    if (routed.virtual)
      return send(reply, await serveVirtual(routed, routed.virtual, api, core.clock.now()), warnings);
    if (routed.subresource === 'proxy') return proxy(api, routed, request, reply);
    if (routed.subresource && STREAMS.includes(routed.subresource)) return stream(api, routed, reply);
    if (routed.verb === 'watch') return watch(api, routed, reply);
    return send(reply, await serveResource(core, actions, api, routed), warnings);
  }

  async function watch(
    request: ApiRequest,
    { stored: kind }: RoutedRequest & { readonly virtual: undefined },
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { namespace, name } = request.target;
    const watched = listOptions(request.query, true);
    const byName = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
    const stream = await streamWatch(
      {
        core,
        collection: { kind, namespace },
        options: { ...watched, ...byName },
        context: answerContext(core, request, kind),
        logger,
        headers: {},
      },
      reply.raw,
    );
    reply.hijack();
    streams.add(stream);
    reply.raw.on('close', () => streams.delete(stream));
    return reply;
  }

  async function proxy(
    { target, method, headers, body }: ApiRequest,
    { stored }: RoutedRequest & { readonly virtual: undefined },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { namespace = '', name = '', proxyPath = '/' } = target;
    const { search } = new URL(request.url, 'http://api');
    const abort = new AbortController();
    reply.raw.on('close', () => abort.abort());
    const answered = await proxyRequest(
      { core, tunnels, rng: systemRng },
      {
        resource: stored.plural === 'services' ? 'services' : 'pods',
        namespace,
        name,
        path: `${proxyPath}${search}`,
        method,
        headers,
        body,
        signal: abort.signal,
      },
    );
    return reply
      .code(answered.statusCode ?? 502)
      .headers(answerHeaders(answered.headers))
      .send(answered);
  }

  async function stream(
    request: ApiRequest,
    routed: RoutedRequest & { readonly virtual: undefined },
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { namespace, name } = request.target;
    const pod = await core.get({ kind: routed.stored, namespace, name: name ?? '' });
    if (routed.subresource !== 'log') throw badRequest('Upgrade request required');
    await streamLogs({ pod, query: request.query, tunnels, headers: {} }, reply.raw);
    reply.hijack();
    const entry = { close: () => void reply.raw.destroy() };
    streams.add(entry);
    reply.raw.on('close', () => streams.delete(entry));
    return reply;
  }

  server.addHook('onRequest', async (request) => {
    entries.set(request, await access.enter(request.raw, urlOf(request.raw.url)));
  });
  server.addHook('onResponse', (request, reply, done) => {
    options.onAnswer?.({
      user: entries.get(request)?.user.name ?? '',
      method: request.method,
      path: urlOf(request.raw.url).pathname,
      code: reply.statusCode,
      durationMs: reply.elapsedTime,
    });
    done();
  });
  server.post('/webhooks/:provider', { bodyLimit: MAX_WEBHOOK_BYTES }, answer);
  server.all('/*', answer);

  server.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error) => logger.debug({ error }, 'An upgraded connection failed'));
    Promise.resolve()
      .then(() => access.enter(request, urlOf(request.url)))
      .then((entered) => serveUpgrade({ ...options, podStreams }, { request, socket, head, entered }))
      .catch((error: unknown) => refuseUpgrade(socket, error, logger));
  });

  return {
    server,
    endStreams() {
      for (const stream of streams) stream.close();
      streams.clear();
      podStreams.close();
    },
  };
}

function createServer(tls: AppOptions['tls']): FastifyInstance {
  const common = {
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    logger: false,
  } as const;
  if (!tls) return fastify(common);
  // A certificate is asked for, not demanded: without one of ours, the bearer token says who it is.
  const https = { ...tls, requestCert: true, rejectUnauthorized: false };
  return fastify({ ...common, https });
}

function send(reply: FastifyReply, made: Answer, warnings: readonly string[]): FastifyReply {
  if (warnings.length > 0) reply.header('warning', warnings.slice(0, MAX_WARNINGS).map(warningText));
  for (const [name, value] of Object.entries(made.headers ?? {})) reply.header(name, value);
  return reply
    .code(made.code)
    .header('content-type', made.contentType)
    .header('cache-control', 'no-cache, private')
    .send(made.body);
}

/** Headers are bounded; nobody reads more. */
const MAX_WARNINGS = 50;

function warningText(text: string): string {
  const clean = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return `299 - "${clean.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A URL of ours, whatever the client sent as its target. */
function urlOf(target: string | undefined): URL {
  const text = target ?? '/';
  try {
    return new URL(text.startsWith('/') ? `http://api${text.replace(/^\/+/, '/')}` : 'http://api/invalid');
  } catch {
    throw badRequest('the request has no valid path');
  }
}
