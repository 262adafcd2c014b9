/**
 * The HTTP face of the API: fastify over HTTPS. Every request goes the same way: who is it, what is it about, may they
 * (access.ts); only then is its body read. Resource paths are not routes but data (request-target.ts), since kinds may
 * come at run time.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Logger, silentLogger } from '../../base/logger.ts';
import type { Authenticator } from '../authn/types.ts';
import type { Authorizer } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';
import { loadDescriptions } from '../openapi/descriptions.ts';
import { createOpenApi } from '../openapi/documents.ts';
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
import { createExchanges, type Exchange } from './exchanges.ts';
import type { OtherRequestsOptions } from './other-requests.ts';
import { createLiveSessions } from './live-sessions.ts';
import { createRateLimits, type RateLimits, unlimited } from './rate-limits.ts';
import { createRequestGate } from './request-gate.ts';
import { urlOf } from './request-url.ts';
import { sendAnswer } from './send-answer.ts';
import { refuseUpgrade, serveUpgrade } from './upgrades.ts';

export interface AppOptions extends Omit<OtherRequestsOptions, 'registry' | 'virtual' | 'openapi' | 'nowMs'> {
  readonly core: ResourceCore;
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
    exchange: Exchange | undefined;
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
  const { core, logger, tunnels, authorizer } = options;
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
  const exchanges = createExchanges({ core, actions, authorizer, tunnels, others, gate, live, logger });
  const server = createServer(options.tls, connections, (request, response) => {
    void exchanges.serve(request, response);
  });
  limitConnections(server.server, connections);

  server.decorateRequest('exchange', undefined);
  server.decorateRequest('entered', undefined);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error, request, reply) => {
    // A body that was not read to its end stands in the way of the next request.
    if (reply.getHeader('connection') === 'close') reply.raw.shouldKeepAlive = false;
    reply.hijack();
    exchanges.refuse({ request: request.raw, response: reply.raw }, error);
  });
  server.setNotFoundHandler((request, reply) => {
    reply.hijack();
    sendAnswer(request.raw, reply.raw, textAnswer(404, '404 page not found\n'));
  });
  server.addHook('onRequest', async (request, reply) => {
    const exchange = exchanges.begin(request.raw, reply.raw);
    request.exchange = exchange;
    request.entered = await exchanges.enter(exchange);
  });
  const budget = createBodyBudget();
  server.addHook('preParsing', async ({ entered }, reply, payload) => {
    if (entered?.user.groups.includes('system:unauthenticated') !== true) return payload;
    const { metered, giveBack } = budget.meter(payload);
    reply.raw.once('close', giveBack);
    return metered;
  });
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { exchange, entered, body } = request;
    if (!exchange || !entered) throw new Error('a request did not enter');
    reply.hijack();
    await exchanges.answer(exchange, entered, Buffer.isBuffer(body) ? body : undefined);
  }
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
      exchanges.endStreams();
      podStreams.close();
      live[Symbol.dispose]();
    },
  };
}

const SWITCHING_PROTOCOLS = 101;

/** They come without a body (one that is sent all the same is not looked at): there is nothing to wait for. */
const READS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD']);

function createServer(
  tls: AppOptions['tls'],
  limits: ConnectionLimits,
  serveRead: (request: IncomingMessage, response: ServerResponse) => void,
): FastifyInstance {
  return fastify({
    bodyLimit: MAX_BODY_BYTES,
    clientErrorHandler: answerClientError,
    // A path that cannot be decoded.
    frameworkErrors: (error: unknown, { raw }: FastifyRequest, reply: FastifyReply): void => {
      reply.hijack();
      sendAnswer(raw, reply.raw, statusAnswer(statusOf(error, silentLogger)));
    },
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    logger: false,
    serverFactory: (serveOther) => {
      const listener = (request: IncomingMessage, response: ServerResponse): void =>
        READS.has(request.method) ? serveRead(request, response) : serveOther(request, response);
      if (!tls) return createHttpServer(serverOptions(limits), listener);
      // A certificate is asked for, not demanded: without one of ours, the bearer token says who it is.
      const https = {
        ...tls,
        ...serverOptions(limits),
        handshakeTimeout: limits.handshakeTimeoutMs,
        requestCert: true,
        rejectUnauthorized: false,
      };
      return createHttpsServer(https, listener);
    },
  });
}
