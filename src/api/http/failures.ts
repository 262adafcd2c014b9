/** Every error as a `metav1.Status`: refusals as they are, store failures as 503, others as 500. */
import { randomUUID } from 'node:crypto';
import { TransientError } from '../../base/errors.ts';
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
  return internal(error, logger);
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
