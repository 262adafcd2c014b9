/**
 * The HTTP face of the API: fastify over HTTPS. Every request goes the same way: who is it, what is it about, may they; only
 * then is its body read. Resource paths are not routes but data (request-target.ts), since kinds may come at run time.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../../base/logger.ts';
import { badRequest, failure } from '../../schemas/status.ts';
import { anonymousUser, type Authenticator } from '../authn/types.ts';
import type { Authorizer } from '../authz/types.ts';
import type { ApiCore } from '../core/core.ts';
import { methodNotAllowed, resourceNotFound } from '../core/refusals.ts';
import type { UserInfo } from '../core/types.ts';
import { buildOpenApi, type OpenApiDocuments } from '../openapi/documents.ts';
import { TUNNEL_PROTOCOL, type Tunnels } from '../tunnel.ts';
import { type Answer, jsonAnswer, statusAnswer, textAnswer } from './answers.ts';
import { aggregatedDiscovery, apiGroupList, apiGroupOf, apiResourceList, apiVersions } from './discovery.ts';
import { createPodStreams } from '../streams/pod-streams.ts';
import { statusOf } from './failures.ts';
import { type HealthCheck, healthAnswer } from './health.ts';
import { mediaRanges, wantsAggregatedDiscovery } from './negotiation.ts';
import { streamLogs } from './pod-logs.ts';
import { listOptions } from './query-options.ts';
import { parseTarget, type RequestTarget } from './request-target.ts';
import {
  answerContext,
  type ApiRequest,
  authorize,
  route,
  type RoutedRequest,
  serveResource,
  STREAMS,
} from './resource-requests.ts';
import { serveSymphony, SYMPHONY_GROUP } from './symphony-resources.ts';
import { versionInfo } from './version.ts';
import { streamWatch, type WatchStream } from './watch-response.ts';
import { type WebhookHandler, webhookAnswer, webhookProvider } from './webhooks.ts';

export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface AppOptions {
  readonly core: ApiCore;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly tunnels: Tunnels;
  readonly logger: Logger;
  /** Undefined serves plain HTTP: for tests only. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly livenessChecks?: readonly HealthCheck[];
  readonly readinessChecks?: readonly HealthCheck[];
  readonly metrics?: MetricsSource;
  readonly webhooks?: WebhookHandler;
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

/** Open to everybody, without a name. */
const PUBLIC = /^\/(livez|readyz|healthz|version|webhooks\/[a-z]+)\/?$/;

interface Prepared {
  readonly user: UserInfo;
  readonly url: URL;
  readonly target: RequestTarget;
  readonly routed: RoutedRequest | undefined;
}

export function createApp(options: AppOptions): App {
  const { core, logger, tunnels } = options;
  const openapi = buildOpenApi(core.registry, core.schemas);
  const streams = new Set<WatchStream>();
  const podStreams = createPodStreams({ tunnels, logger });
  const prepared = new WeakMap<FastifyRequest, Prepared>();
  const common = {
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    logger: false,
  } as const;
  const server = (
    options.tls ? fastify({ ...common, https: options.tls }) : fastify(common)
  ) as FastifyInstance;

  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error, _request, reply) => send(reply, statusAnswer(statusOf(error, logger)), []));
  server.setNotFoundHandler((_request, reply) => send(reply, textAnswer(404, '404 page not found\n'), []));

  function identify(headers: IncomingMessage['headers'], path: string): UserInfo {
    const claim = options.authenticator.authenticate(headers);
    if (claim.result === 'user') return claim.user;
    if (claim.result === 'anonymous' && PUBLIC.test(path)) return anonymousUser;
    if (PUBLIC.test(path)) return anonymousUser;
    throw failure(401, 'Unauthorized', 'Unauthorized');
  }

  async function prepare(request: FastifyRequest): Promise<void> {
    const url = urlOf(request.raw.url);
    const user = identify(request.headers, url.pathname);
    const target = parseTarget(url.pathname);
    let routed: RoutedRequest | undefined;
    if (target.type === 'resource' && target.group !== SYMPHONY_GROUP) {
      if (!isServed(core, target.group, target.version)) {
        prepared.set(request, { user, url, target: { type: 'other', path: url.pathname }, routed });
        return;
      }
      routed = route(core, request.method, target, url.searchParams);
      await authorize(options.authorizer, user, routed);
    } else if (target.type === 'other' && !PUBLIC.test(url.pathname)) {
      const decision = options.authorizer.authorizePath(user, request.method.toLowerCase(), url.pathname);
      if (!decision.allowed) {
        const verb = request.method.toLowerCase();
        const why = `User "${user.name}" cannot ${verb} path "${url.pathname}"`;
        throw failure(403, 'Forbidden', `forbidden: ${why}`, {});
      }
    }
    prepared.set(request, { user, url, target, routed });
  }

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const ready = prepared.get(request);
    if (!ready) throw new Error('a request was not prepared');
    const { target, routed, url, user } = ready;
    const warnings: string[] = [];
    const body = Buffer.isBuffer(request.body) ? request.body : undefined;
    if (target.type === 'other' || !routed) {
      if (target.type === 'resource') {
        const made = await serveSymphony(core, options.authorizer, {
          method: request.method,
          target,
          query: url.searchParams,
          headers: request.headers,
          body,
          user,
          warnings,
        });
        return send(reply, made, warnings);
      }
      return send(reply, await serveOther(request, url, body), warnings);
    }
    const api: ApiRequest = {
      method: request.method,
      target: target,
      query: url.searchParams,
      headers: request.headers,
      body,
      user,
      warnings,
    };
    if (routed.subresource && STREAMS.includes(routed.subresource)) return stream(api, routed, reply);
    if (routed.verb === 'watch') return watch(api, routed, reply);
    return send(reply, await serveResource(core, api, routed), warnings);
  }

  async function watch(
    request: ApiRequest,
    routed: RoutedRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { kind } = routed;
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

  async function stream(
    request: ApiRequest,
    routed: RoutedRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { namespace, name } = request.target;
    const pod = await core.get({ kind: routed.kind, namespace, name: name ?? '' });
    if (routed.subresource !== 'log') throw badRequest('Upgrade request required');
    await streamLogs({ pod, query: request.query, tunnels, headers: {} }, reply.raw);
    reply.hijack();
    const entry = { close: () => void reply.raw.destroy() };
    streams.add(entry);
    reply.raw.on('close', () => streams.delete(entry));
    return reply;
  }

  async function serveOther(request: FastifyRequest, url: URL, body: Buffer | undefined): Promise<Answer> {
    const path = url.pathname.replace(/(.)\/$/, '$1');
    const provider = webhookProvider(path);
    if (provider) return webhookAnswer(options.webhooks, provider, request.method, request.headers, body);
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
    switch (path) {
      case '/livez':
      case '/healthz':
        return healthAnswer(path.slice(1), options.livenessChecks ?? [], url.searchParams);
      case '/readyz':
        return healthAnswer('readyz', options.readinessChecks ?? [], url.searchParams);
      case '/version':
        return json(versionInfo());
      case '/metrics': {
        const source = options.metrics;
        if (!source) return textAnswer(200, '');
        return { code: 200, contentType: source.contentType, body: await source.metrics() };
      }
      case '/':
        return json({ paths: rootPaths(core) });
    }
    return discoveryAnswer(core, openapi, path, request.headers.accept, request.headers.host ?? '');
  }

  server.addHook('onRequest', prepare);
  server.addHook('onResponse', (request, reply, done) => {
    options.onAnswer?.({
      user: prepared.get(request)?.user.name ?? '',
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
    upgrade(request, socket, head).catch((error: unknown) => refuseUpgrade(socket, error));
  });

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = urlOf(request.url);
    const user = identify(request.headers, url.pathname);
    const target = parseTarget(url.pathname);
    if (target.type === 'resource' && target.group !== SYMPHONY_GROUP) {
      const routed = route(core, request.method ?? 'GET', target, url.searchParams);
      const { kind, subresource } = routed;
      await authorize(options.authorizer, user, routed);
      if (subresource !== 'exec' && subresource !== 'attach' && subresource !== 'portforward')
        throw resourceNotFound();
      const { namespace, name = '' } = target;
      const pod = await core.get({ kind, namespace, name });
      const query = url.searchParams;
      return podStreams.serve({ request, socket, head, pod, kind: subresource, query });
    }
    const isTunnel = (request.headers.upgrade ?? '').toLowerCase() === TUNNEL_PROTOCOL;
    if (!isTunnel || target.type !== 'resource' || target.group !== SYMPHONY_GROUP) throw resourceNotFound();
    const { plural, name, subresource } = target;
    if (plural !== 'nodes' || name === undefined || subresource !== 'tunnel') throw resourceNotFound();
    const attributes = {
      verb: 'create',
      group: SYMPHONY_GROUP,
      resource: 'nodes',
      subresource,
      namespace: undefined,
      name,
      fieldSelector: undefined,
    } as const;
    const decision = await options.authorizer.authorize(user, attributes);
    if (!decision.allowed)
      throw failure(403, 'Forbidden', `nodes "${name}" is forbidden: ${decision.reason ?? 'not allowed'}`);
    tunnels.accept(name, socket, head);
  }

  function refuseUpgrade(socket: Duplex, error: unknown): void {
    const status = statusOf(error, logger);
    const body = JSON.stringify(status);
    socket.end(
      `HTTP/1.1 ${status.code} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }

  return {
    server,
    endStreams() {
      for (const stream of streams) stream.close();
      streams.clear();
      podStreams.close();
    },
  };
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

const json = (value: unknown): Answer => jsonAnswer(200, JSON.stringify(value));

/** A URL of ours, whatever the client sent as its target. */
function urlOf(target: string | undefined): URL {
  const text = target ?? '/';
  try {
    return new URL(text.startsWith('/') ? `http://api${text.replace(/^\/+/, '/')}` : 'http://api/invalid');
  } catch {
    throw badRequest('the request has no valid path');
  }
}

function isServed(core: ApiCore, group: string, version: string): boolean {
  return core.registry.kinds.some((kind) => kind.group === group && kind.version === version);
}

function rootPaths(core: ApiCore): readonly string[] {
  const groups = core.registry.kinds.flatMap(({ group, version }) =>
    group === '' ? [`/api/${version}`] : [`/apis/${group}`, `/apis/${group}/${version}`],
  );
  const fixed = [
    '/api',
    '/apis',
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/readyz',
    '/version',
  ];
  return [...new Set([...groups, ...fixed])].sort();
}

function discoveryAnswer(
  core: ApiCore,
  openapi: OpenApiDocuments,
  path: string,
  accept: string | undefined,
  host: string,
): Answer {
  const { registry } = core;
  if (path === '/api' || path === '/apis') {
    const version = wantsAggregatedDiscovery(accept);
    if (version !== undefined) {
      const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
      const body = JSON.stringify(aggregatedDiscovery(registry, path === '/api', version));
      return { code: 200, contentType, body, headers: { vary: 'Accept' } };
    }
    return json(path === '/api' ? apiVersions(host) : apiGroupList(registry));
  }
  const openapiPath = /^\/openapi\/v3\/(.+)$/.exec(path)?.[1];
  if (path === '/openapi/v3') return jsonAnswer(200, openapi.index);
  if (openapiPath !== undefined) {
    const document = openapi.byPath.get(openapiPath);
    return document === undefined ? textAnswer(404, '404 page not found\n') : jsonAnswer(200, document);
  }
  if (path === '/openapi/v2') {
    const wanted = mediaRanges(accept).some(({ type }) =>
      ['application/json', '*/*', 'application/*'].includes(type),
    );
    if (!wanted) return { ...textAnswer(406, 'only application/json is available\n') };
    return jsonAnswer(200, openapi.v2);
  }
  const [, root, first = '', second, ...rest] = path.split('/');
  if (root === 'api' && second === undefined) return found(apiResourceList(registry, '', first));
  if (root === 'apis' && rest.length === 0) {
    const group = apiGroupOf(registry, first);
    if (group !== undefined)
      return second === undefined ? json(group) : found(apiResourceList(registry, first, second));
  }
  return textAnswer(404, '404 page not found\n');
}

function found(document: unknown): Answer {
  if (document === undefined) throw resourceNotFound();
  return json(document);
}
