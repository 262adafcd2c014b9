/**
 * The body of a request, read once the user is known. Its size is bounded while it is read, and so
 * is the memory for bodies of anonymous clients: a webhook's signature covers the whole body.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, failure, type StatusError } from '../../schemas/errors/status.ts';

/** Memory that many bodies share. Bytes count as they arrive: a promised length takes nothing. */
export interface BodyBudget {
  /** False when there is no room. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

/** Four of the largest webhooks at the same time, or hundreds of usual ones. */
const MAX_UNKNOWN_BYTES = 100 * 1024 * 1024;

export function createBodyBudget(maxBytes = MAX_UNKNOWN_BYTES): BodyBudget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > maxBytes) return false;
      held += bytes;
      return true;
    },
    giveBack(bytes) {
      held -= bytes;
    },
  };
}

export interface BodyLimits {
  readonly maxBytes: number;
  /** Held until the response is closed. */
  readonly budget?: BodyBudget | undefined;
}

const tooLarge = (maxBytes: number): StatusError =>
  failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${maxBytes}`);

const noRoom = (): StatusError =>
  failure(429, 'TooManyRequests', 'Too many bodies at once, please try again later.');

/** Clients that wait for `100 Continue` before they send their body. */
const waiting = new WeakSet<IncomingMessage>();

export const awaitsContinue = (request: IncomingMessage): unknown => waiting.add(request);

/** Tells a client that waits for it to send its body. */
export function inviteBody(request: IncomingMessage, response: ServerResponse): void {
  if (waiting.delete(request)) response.writeContinue();
}

export function hasBody({ headers }: IncomingMessage): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length } = headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
}

/** Rejects with 413 or 429, and with 400 when the client leaves. Node ends slow requests. */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, budget }: BodyLimits,
): Promise<Buffer> {
  if (Number(request.headers['content-length']) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  inviteBody(request, response);
  const chunks: Buffer[] = [];
  let size = 0;
  response.once('close', () => budget?.giveBack(size));
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      const isTooLarge = size + chunk.length > maxBytes;
      if (isTooLarge || budget?.take(chunk.length) === false) {
        request.off('data', onData).pause();
        return reject(isTooLarge ? tooLarge(maxBytes) : noRoom());
      }
      size += chunk.length;
      chunks.push(chunk);
    };
    const onGone = (): void => reject(badRequest('the client left before its request was complete'));
    request.on('data', onData).once('error', onGone).once('close', onGone);
    request.once('end', () => {
      request.off('close', onGone);
      resolve(Buffer.concat(chunks, size));
    });
  });
}

/** Node drops so much of an unwanted body to keep the connection; Go's figure. */
const MAX_DROPPED_BYTES = 256 * 1024;

/** Before a response is sent: the bytes of an unread body must not be taken for a request. */
export function giveUpUnread(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || !hasBody(request)) return;
  const isShort = Number(request.headers['content-length']) <= MAX_DROPPED_BYTES;
  if (!isShort || waiting.has(request)) response.shouldKeepAlive = false;
}
