/** Every error as a `metav1.Status`: what the client did wrong as such, the store's troubles as 503, the rest as 500. */
import { randomUUID } from 'node:crypto';
import { TransientError } from '../../base/errors.ts';
import { isRecord } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { failure, type Status, StatusError } from '../../schemas/errors/status.ts';
import { EpochChanged, FenceLost, StoreUnavailable } from '../../store/types.ts';

export function statusOf(error: unknown, logger: Logger): Status {
  if (error instanceof StatusError) return error.status;
  if (
    error instanceof StoreUnavailable ||
    error instanceof EpochChanged ||
    error instanceof FenceLost ||
    error instanceof TransientError
  ) {
    logger.error({ error }, 'The store cannot serve a request');
    const message =
      error instanceof StoreUnavailable && error.isReadOnly
        ? 'the datastore takes no writes for now: try again'
        : 'the datastore is not available: try again';
    return failure(503, 'ServiceUnavailable', message, { retryAfterSeconds: 1 }).status;
  }
  if (isGone(error))
    return failure(400, 'BadRequest', 'the client left before its request was complete').status;
  return fastifyFailure(error) ?? internal(error, logger);
}

/** Of a request whose client ended the connection: nobody is there to read the answer, and nothing is wrong here. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message === 'aborted' && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
}

/** What fastify refuses before a handler runs. */
function fastifyFailure(error: unknown): Status | undefined {
  if (!isRecord(error) && !(error instanceof Error)) return undefined;
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: unknown; message?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return failure(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728').status;
  if (
    typeof code !== 'string' ||
    !code.startsWith('FST_') ||
    typeof statusCode !== 'number' ||
    statusCode >= 500
  )
    return undefined;
  return failure(statusCode, 'BadRequest', String(message)).status;
}

/** The details stay in the log; the client gets a number to ask about. */
function internal(error: unknown, logger: Logger): Status {
  const incident = randomUUID();
  logger.error({ error, incident }, 'A request failed by a defect');
  return failure(
    500,
    'InternalError',
    `Internal error occurred: see incident ${incident} in the server's log`,
  ).status;
}
