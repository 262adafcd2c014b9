/**
 * The HTTP face of the API: fastify over HTTPS. Every request goes the same way: who is it, what is it about, may they
 * (access.ts); only then is its body read. Resource paths are not routes but data (request-target.ts), since kinds may
 * come at run time.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Logger, silentLogger } from '../../base/logger.ts';
import { systemRng } from '../../base/rng.ts';
import { badRequest } from '../../schemas/status.ts';
import type { Authenticator } from '../authn/types.ts';
import type { Authorizer } from '../authz/types.ts';
import type { ApiCore } from '../core/core.ts';
import type { ObjectAction } from '../core/subresources/types.ts';
import { loadDescriptions } from '../openapi/descriptions.ts';
import { createOpenApi } from '../openapi/documents.ts';
import { answerHeaders, proxyRequest } from '../proxy/proxy-request.ts';
import { createPodStreams } from '../streams/pod-streams.ts';
import type { PeerService } from '../peers/serve-peer.ts';
import type { Tunnels } from '../tunnel.ts';
import type { VirtualResource } from '../virtual/types.ts';
import { createAccess, type Entered } from './access.ts';
import { createBodyBudget } from './body-budget.ts';
import type { AnswerRecord, Attempt } from './answer-record.ts';
import { statusAnswer, textAnswer } from './answers.ts';
import {
  answerClientError,
  type ConnectionLimits,
  defaultConnectionLimits,
  limitConnections,
  serverOptions,
} from './connection-limits.ts';
import { statusOf } from './failures.ts';
import { type OtherRequestsOptions, serveOther } from './other-requests.ts';
import { createLiveSessions } from './live-sessions.ts';
import { streamLogs } from './pod-logs.ts';
import { errorEncoding } from './negotiation.ts';
import { listOptions } from './query-options.ts';
import {
  answerContext,
  type ApiRequest,
  type RoutedRequest,
  serveResource,
  STREAMS,
} from './resource-requests.ts';
import { createRateLimits, type RateLimits, unlimited } from './rate-limits.ts';
import { createRequestGate } from './request-gate.ts';
import { urlOf } from './request-url.ts';
import { sendAnswer } from './send-answer.ts';
import { serveSymphony } from './symphony-resources.ts';
import { refuseUpgrade, serveUpgrade } from './upgrades.ts';
import { serveVirtual } from './virtual-requests.ts';
import { responseOutput, streamWatch, type WatchStream } from './watch-response.ts';

export interface AppOptions extends Omit<OtherRequestsOptions, 'registry' | 'virtual' | 'openapi' | 'nowMs'> {
  readonly core: ApiCore;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly tunnels: Tunnels;
  /** Takes the connections of other API servers. */
  readonly peerService?: Pick<PeerService, 'accept'>;
  readonly logger: Logger;
  /** Resources that the store does not keep. */
  readonly virtual?: readonly VirtualResource[];
  readonly actions?: readonly ObjectAction[];
  /** Undefined serves plain HTTP: for tests only. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string };
  /** Told of each answer, for metrics and audit. */
  readonly onAnswer?: (record: AnswerRecord) => void;
  /** No limit on requests, unless given. */
  readonly limits?: RateLimits;
  readonly connections?: Partial<ConnectionLimits>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once it is through the door. */
    entered: Entered | undefined;
    attempt: Attempt | undefined;
  }
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

export function createApp(options: AppOptions): App {
  const { core, logger, tunnels } = options;
  const virtual = options.virtual ?? [];
  const actions = [...options.core.actions, ...(options.actions ?? [])];
  const openapi = createOpenApi({
    served: () => [...core.registry.kinds, ...virtual],
    schemas: core.schemas,
    descriptions: loadDescriptions,
  });
  const others: OtherRequestsOptions = {
    ...options,
    registry: core.registry,
    virtual,
    openapi,
    nowMs: () => core.clock.now(),
  };
  const access = createAccess({ ...options, virtual });
  const streams = new Set<WatchStream>();
  const podStreams = createPodStreams({ tunnels, clock: core.clock, logger });
  const live = createLiveSessions({ ...options, clock: core.clock });
  const connections = { ...defaultConnectionLimits, ...options.connections };
  const limits = options.limits ?? createRateLimits(unlimited, core.clock);
  const gate = createRequestGate({
    access,
    limits,
    connections,
    clock: core.clock,
    onAnswer: options.onAnswer,
  });
  const server = createServer(options.tls, connections);
  limitConnections(server.server, connections);

  server.decorateRequest('entered', undefined);
  server.decorateRequest('attempt', undefined);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error, { headers }, reply) =>
    sendAnswer(reply, statusAnswer(statusOf(error, logger), errorEncoding(headers.accept))),
  );
  server.setNotFoundHandler((_request, reply) => sendAnswer(reply, textAnswer(404, '404 page not found\n')));

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { entered } = request;
    if (!entered) throw new Error('a request did not enter');
    const { target, routed, url, user } = entered;
    const { method, headers } = request;
    const body = Buffer.isBuffer(request.body) ? request.body : undefined;
    if (target.type === 'other')
      return sendAnswer(reply, await serveOther(others, { method, url, headers, body }));
    const deprecation = routed?.stored?.custom?.deprecation ?? routed?.stored?.deprecation;
    const warnings: string[] = deprecation === undefined ? [] : [deprecation];
    const annotations = new Map<string, string>();
    if (request.attempt) request.attempt.annotations = annotations;
    const query = url.searchParams;
    const api: ApiRequest = { method, target, query, headers, body, user, warnings, annotations };
    if (!routed) return sendAnswer(reply, await serveSymphony(core, options.authorizer, api), warnings);
    if (routed.virtual)
      return sendAnswer(reply, await serveVirtual(routed, routed.virtual, api, core.clock.now()), warnings);
    if (routed.subresource === 'proxy') return proxy(api, routed, request, reply);
    if (routed.subresource && STREAMS.includes(routed.subresource))
      return stream(api, routed, request, reply);
    if (routed.verb === 'watch') return watch(api, routed, request, reply);
    return sendAnswer(reply, await serveResource(core, actions, api, routed), warnings);
  }

  async function watch(
    request: ApiRequest,
    { stored: kind }: RoutedRequest & { readonly virtual: undefined },
    fastifyRequest: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { raw } = fastifyRequest;
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
      },
      responseOutput(reply.raw, {}),
    );
    reply.hijack();
    const { attempt } = fastifyRequest;
    if (attempt) gate.started(raw, attempt, reply.raw.statusCode);
    lookAfter(fastifyRequest, reply, stream);
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
    { stored: kind, subresource }: RoutedRequest & { readonly virtual: undefined },
    fastifyRequest: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { namespace, name = '' } = request.target;
    const pod = () => core.get({ kind, namespace, name });
    if (subresource !== 'log') {
      await pod();
      throw badRequest('Upgrade request required');
    }
    await streamLogs({ pod, podName: name, query: request.query, tunnels }, reply.raw);
    reply.hijack();
    lookAfter(fastifyRequest, reply, { close: () => void reply.raw.destroy() });
    return reply;
  }

  /** What goes on after its request: ended with the server, and when its client may no longer. */
  function lookAfter(request: FastifyRequest, { raw }: FastifyReply, stream: WatchStream): void {
    const { entered } = request;
    if (!entered?.routed || raw.closed) return;
    const { proof, user, routed } = entered;
    streams.add(stream);
    const forget = live.add({ proof, user, attributes: routed.attributes, end: () => stream.close() });
    raw.on('close', () => {
      streams.delete(stream);
      forget();
    });
  }

  server.addHook('onRequest', async (request, reply) => {
    const { raw } = request;
    const attempt: Attempt = {};
    request.attempt = attempt;
    // A client that leaves early gets no answer to be told of.
    reply.raw.once('close', () => gate.over(raw, attempt, reply.raw.statusCode));
    request.entered = await gate.enter(raw, urlOf(raw.url), attempt);
  });
  const budget = createBodyBudget();
  server.addHook('preParsing', async ({ entered }, reply, payload) => {
    if (entered?.user.groups.includes('system:unauthenticated') !== true) return payload;
    const { metered, giveBack } = budget.meter(payload);
    reply.raw.once('close', giveBack);
    return metered;
  });
  server.addHook('onResponse', ({ raw, attempt }, reply, done) => {
    if (attempt) gate.over(raw, attempt, reply.statusCode, reply.elapsedTime);
    done();
  });
  server.post('/webhooks/:provider', { bodyLimit: MAX_WEBHOOK_BYTES }, answer);
  server.all('/*', answer);

  server.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error) => logger.debug({ error }, 'An upgraded connection failed'));
    const attempt: Attempt = {};
    let code = SWITCHING_PROTOCOLS;
    socket.once('close', () => gate.over(request, attempt, code));
    Promise.resolve()
      .then(() => gate.enter(request, urlOf(request.url), attempt))
      .then((entered) => serveUpgrade({ ...options, podStreams, live }, { request, socket, head, entered }))
      .then(() => gate.started(request, attempt, code))
      .catch((error: unknown) => {
        code = statusOf(error, silentLogger).code;
        refuseUpgrade(socket, error, logger);
      });
  });

  return {
    server,
    endStreams() {
      for (const stream of streams) stream.close();
      streams.clear();
      podStreams.close();
      live[Symbol.dispose]();
    },
  };
}

const SWITCHING_PROTOCOLS = 101;

function createServer(tls: AppOptions['tls'], limits: ConnectionLimits): FastifyInstance {
  const common = {
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    clientErrorHandler: answerClientError,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    logger: false,
  } as const;
  if (!tls) return fastify({ ...common, http: serverOptions(limits) });
  // A certificate is asked for, not demanded: without one of ours, the bearer token says who it is.
  const https = {
    ...tls,
    ...serverOptions(limits),
    handshakeTimeout: limits.handshakeTimeoutMs,
    requestCert: true,
    rejectUnauthorized: false,
  };
  return fastify({ ...common, https });
}
