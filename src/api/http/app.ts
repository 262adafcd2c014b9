/** The HTTP face of the API: Node's server over TLS, and the parts that serve its requests. */
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../base/logger.ts';
import type { Authenticator } from '../authn/types.ts';
import type { Authorizer } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { loadDescriptions } from '../openapi/descriptions.ts';
import { createOpenApi } from '../openapi/documents.ts';
import { createPodStreams } from '../streams/pod-streams.ts';
import { createAccess } from './access.ts';
import type { AnswerRecord } from './answer-record.ts';
import {
  answerClientError,
  type ConnectionLimits,
  defaultConnectionLimits,
  limitConnections,
  serverOptions,
} from './connection-limits.ts';
import { createDispatchTable, type DispatchOptions } from './dispatch.ts';
import { createListener, type Listener } from './listener.ts';
import { createLiveSessions } from './live-sessions.ts';
import type { OtherRequestsOptions } from './other-requests.ts';
import { createRateLimits, type RateLimits, unlimited } from './rate-limits.ts';
import { awaitsContinue, createBodyBudget } from './read-body.ts';
import { createRequestGate } from './request-gate.ts';
import { serveRequest, serveUpgrade, type ServingParts } from './serve-requests.ts';

export interface AppOptions
  extends Omit<OtherRequestsOptions, 'registry' | 'virtual' | 'openapi' | 'nowMs'>,
    Omit<DispatchOptions, 'actions' | 'podStreams'>,
    Partial<Pick<DispatchOptions, 'actions'> & Pick<OtherRequestsOptions, 'virtual'>> {
  readonly core: ResourceCore;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly logger: Logger;
  /** Undefined serves plain HTTP, for tests only. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string };
  /** Called with each answer, for metrics and audit. */
  readonly onAnswer?: (record: AnswerRecord) => void;
  /** No limit on requests, unless given. */
  readonly limits?: RateLimits;
  readonly connections?: Partial<ConnectionLimits>;
}

/** Disposed, it answers the requests in flight and closes every connection. */
export interface App extends Listener {
  readonly server: Server;
  /** Ends watches and sessions. */
  endStreams(): void;
}

export function createApp(options: AppOptions): App {
  const { core, logger, tunnels } = options;
  const connections = { ...defaultConnectionLimits, ...options.connections };
  const podStreams = createPodStreams({ tunnels, clock: core.clock, logger });
  const live = createLiveSessions({ ...options, clock: core.clock });
  const others = othersOf(options);
  const actions = [...core.actions, ...(options.actions ?? [])];
  const gate = createRequestGate({
    access: createAccess({ ...options, virtual: others.virtual }),
    limits: options.limits ?? createRateLimits(unlimited, core.clock),
    connections,
    clock: core.clock,
    onAnswer: options.onAnswer,
  });
  const table = createDispatchTable({ ...options, actions, podStreams });
  const parts: ServingParts = { gate, table, others, live, budget: createBodyBudget(), logger };
  const server = createServer(options.tls, connections, parts);
  const listener = createListener(server, core.clock, connections.stopGraceMs);
  const endStreams = (): void => {
    podStreams.close();
    live[Symbol.dispose]();
  };
  return {
    ...listener,
    server,
    endStreams,
    [Symbol.asyncDispose]() {
      endStreams();
      return listener[Symbol.asyncDispose]();
    },
  };
}

function othersOf(options: AppOptions): OtherRequestsOptions {
  const { core, virtual = [] } = options;
  const openapi = createOpenApi({
    served: () => [...core.registry.kinds, ...virtual],
    schemas: core.schemas,
    descriptions: loadDescriptions,
  });
  return { ...options, registry: core.registry, virtual, openapi, nowMs: () => core.clock.now() };
}

function createServer(tls: AppOptions['tls'], limits: ConnectionLimits, parts: ServingParts): Server {
  const plain = serverOptions(limits);
  // A client certificate is asked for, not demanded: a bearer token may identify the client, too.
  const secure = {
    handshakeTimeout: limits.handshakeTimeoutMs,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = tls ? createHttpsServer({ ...tls, ...plain, ...secure }) : createHttpServer(plain);
  limitConnections(server, limits);
  server.on('clientError', answerClientError);
  server.on('request', (request, response) => void serveRequest(parts, request, response));
  server.on('checkContinue', (request, response) => {
    awaitsContinue(request);
    void serveRequest(parts, request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void serveUpgrade(parts, request, socket, head);
  });
  return server;
}
