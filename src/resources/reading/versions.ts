/** Resource versions from clients: safe integers in decimal (see the store). */
import { badRequest, expired, failure, type StatusError } from '../../schemas/errors/status.ts';
import { Gone } from '../../store/types.ts';

/** The store's Gone as the 410 that clients know. */
export const expiredFor = (error: unknown): unknown =>
  error instanceof Gone ? expired(error.message) : error;

export function orExpired<T>(task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw expiredFor(error);
  }
}

export function parseResourceVersion(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return Number(text);
}

/** 504: a version that this cluster has not reached; the client may try again soon. */
export function tooLarge(version: string, current: string): StatusError {
  return failure(504, 'Timeout', `Timeout: Too large resource version: ${version}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
