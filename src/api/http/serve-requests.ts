/**
 * Serves every request the same way: counted, authorised, body read, dispatched, answered. An
 * upgrade goes the same way without a body. Nothing here rejects: every error becomes an answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { stopwatchMs } from '../../base/clock.ts';
import { andThen, type Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { methodNotAllowed, resourceNotFound } from '../../resources/refusals.ts';
import type { Entered } from './access.ts';
import type { Attempt } from './answer-record.ts';
import { type Answer, statusAnswer } from './answers.ts';
import type { ApiRequest } from './api-request.ts';
import { endWithStatus } from './connection-limits.ts';
import { type DispatchTable, handlerOf, upgradeHandlerOf } from './dispatch.ts';
import { statusOf } from './failures.ts';
import type { LiveSessions } from './live-sessions.ts';
import { errorEncoding } from './negotiation.ts';
import { maxBodyBytesOf, type OtherRequestsOptions, serveOther } from './other-requests.ts';
import type { UpgradeOutlet } from './outlets.ts';
import { type BodyBudget, giveUpUnread, hasBody, readBody } from './read-body.ts';
import type { RequestGate } from './request-gate.ts';
import { urlOf } from './request-url.ts';
import { sendAnswer } from './send-answer.ts';

export interface ServingParts {
  readonly gate: RequestGate;
  readonly table: DispatchTable;
  readonly others: OtherRequestsOptions;
  readonly live: LiveSessions;
  /** For the bodies of clients without a name. */
  readonly budget: BodyBudget;
  readonly logger: Logger;
}

/** Upstream's limit on a request's body. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
const SWITCHING_PROTOCOLS = 101;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly attempt: Attempt;
}

export async function serveRequest(
  parts: ServingParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { gate } = parts;
  const attempt: Attempt = {};
  const beganAtMs = stopwatchMs();
  closeWithSocket(request, response);
  // A client that leaves early closes the response, too.
  response.on('close', () => gate.over(request, attempt, response.statusCode, stopwatchMs() - beganAtMs));
  const exchange = { request, response, attempt };
  try {
    // Awaited only where there is something to wait for: most reads are answered in one go.
    const answering = andThen(gate.enter(request, urlOf(request.url), attempt), (entered) =>
      andThen(bodyOf(parts, exchange, entered), (body) => answer(parts, exchange, entered, body)),
    );
    if (answering) await answering;
  } catch (error) {
    refuse(exchange, error, parts.logger);
  }
}

/**
 * Node closes only the response at the head of a pipeline when its client leaves. The others would
 * keep their places, bodies and watches for good.
 */
function closeWithSocket({ socket }: IncomingMessage, response: ServerResponse): void {
  if (response.socket) return;
  const leave = (): void => {
    if (!response.socket && !response.destroyed) response.destroy().emit('close');
  };
  // One listener per waiting response is no leak.
  socket.setMaxListeners(0).once('close', leave);
  response.once('close', () => socket.off('close', leave));
}

/** The body of a read is never wanted. */
const BODILESS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD']);

function bodyOf(
  { budget }: ServingParts,
  { request, response }: Exchange,
  { user, url, routed }: Entered,
): Eventually<Buffer | undefined> {
  // A proxy passes the body on as it comes.
  if (routed?.type === 'stored' && routed.subresource === 'proxy') return undefined;
  if (BODILESS.has(request.method) || !hasBody(request)) return undefined;
  const maxBytes = (routed ? undefined : maxBodyBytesOf(url)) ?? MAX_BODY_BYTES;
  const isUnknown = user.groups.includes('system:unauthenticated');
  return readBody(request, response, { maxBytes, budget: isUnknown ? budget : undefined });
}

function answer(
  parts: ServingParts,
  { request, response, attempt }: Exchange,
  entered: Entered,
  body: Buffer | undefined,
): Eventually<void> {
  const { gate, table, others, live } = parts;
  const { method = 'GET', headers } = request;
  const send = (made: Answer | undefined, warnings?: readonly string[]): void => {
    if (!made) return;
    giveUpUnread(request, response);
    sendAnswer(request, response, made, warnings);
  };
  if (!entered.routed) return andThen(serveOther(others, { method, url: entered.url, headers, body }), send);
  const handler = handlerOf(table, entered.routed);
  if (!handler) throw methodNotAllowed();
  const asked = apiRequest(parts, request, entered, body);
  attempt.annotations = asked.annotations;
  const stands = sessionOf(live, entered, response);
  return andThen(handler(asked, { request, response, stands }), (made) => {
    send(made, asked.warnings);
    if (asked.routed.verb === 'watch') gate.started(request, attempt, response.statusCode);
  });
}

function apiRequest(
  { others }: ServingParts,
  { method = 'GET', headers }: IncomingMessage,
  { user, url, routed, target }: Entered & { readonly routed: object },
  body: Buffer | undefined,
): ApiRequest {
  const deprecation = routed.type === 'stored' ? deprecationOf(routed) : undefined;
  return {
    routed,
    method,
    target,
    query: url.searchParams,
    headers,
    body,
    user,
    nowMs: others.nowMs(),
    warnings: deprecation === undefined ? [] : [deprecation],
    annotations: new Map(),
  };
}

const deprecationOf = ({ kind }: ApiRequest['routed'] & { readonly type: 'stored' }): string | undefined =>
  kind.custom?.deprecation ?? kind.deprecation;

/** Registers what goes on after its request. */
function sessionOf(
  live: LiveSessions,
  { proof, user, routed }: Entered,
  connection: ServerResponse | Duplex,
): UpgradeOutlet['stands'] {
  return (end) => {
    if (!routed) return;
    if (connection.destroyed) return end('the client left');
    connection.once('close', live.add({ proof, user, attributes: routed.attributes, end }));
  };
}

function refuse({ request, response }: Exchange, error: unknown, logger: Logger): void {
  const status = statusOf(error, logger);
  // An answer that has begun cannot be taken back, and must not look complete.
  if (response.headersSent) return void response.destroy();
  giveUpUnread(request, response);
  sendAnswer(request, response, statusAnswer(status, errorEncoding(request.headers.accept)));
}

export async function serveUpgrade(
  parts: ServingParts,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { gate, table, live, logger } = parts;
  const attempt: Attempt = {};
  let code = SWITCHING_PROTOCOLS;
  socket.on('error', (error) => logger.debug({ error }, 'An upgraded connection failed'));
  try {
    const entered = await gate.enter(request, urlOf(request.url), attempt);
    const handler = entered.routed && upgradeHandlerOf(table, entered.routed);
    if (!handler) throw resourceNotFound();
    const asked = apiRequest(parts, request, entered, undefined);
    const answered = (given: number): void => void (code = given);
    await handler(asked, { request, socket, head, answered, stands: sessionOf(live, entered, socket) });
    gate.started(request, attempt, code);
  } catch (error) {
    const status = statusOf(error, logger);
    code = status.code;
    endWithStatus(socket, status);
  }
  // Not before: the record of a client that left early has the code of its refusal.
  const over = (): void => gate.over(request, attempt, code);
  if (socket.closed) over();
  else socket.once('close', over);
}
