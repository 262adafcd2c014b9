/**
 * Engine errors → {@link RuntimeError}. The code decides what the pod worker does next, so it must be right even
 * where the Engine answers 500 for everything: those are told apart by their text.
 */
import { errorMessage } from '../../../base/errors.ts';
import { cutMiddle } from '../../../base/text.ts';
import { RuntimeError, type RuntimeErrorCode } from '../types.ts';

/** The request did not reach the Engine, or its answer did not reach us. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EACCES',
  'EPIPE',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ABORT_ERR',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** What a spec that can never start looks like (runc and Engine texts). */
const NEVER_STARTS = [
  /executable file not found/i,
  /no such file or directory/i,
  /permission denied/i,
  /not a directory/i,
  /is a directory/i,
  /unable to find user/i,
  /unable to find group/i,
  /no matching entries in passwd/i,
  /exec format error/i,
  /invalid (mount|argument|capability|bind)/i,
  /unknown or invalid runtime/i,
  /bind source path does not exist/i,
  /unsupported|not supported/i,
  /conflicting options/i,
  /minimum memory limit/i,
];

/** Something of the host is taken for now; the next try may find it free. */
const BUSY = [/address already in use/i, /port is already allocated/i, /already in progress/i];

interface EngineError {
  readonly statusCode?: unknown;
  readonly json?: unknown;
  readonly code?: unknown;
}

/** The Engine repeats what it was given (a command of any length); an error's text is looked at, stored and shown. */
const MAX_MESSAGE = 4_096;

/** The Engine's own sentence, without the client's decoration. */
export function engineMessage(error: unknown): string {
  return cutMiddle(wholeMessage(error), MAX_MESSAGE);
}

function wholeMessage(error: unknown): string {
  const json = (error as EngineError).json;
  if (typeof json === 'object' && json !== null && !Buffer.isBuffer(json)) {
    const message = (json as { message?: unknown }).message;
    if (typeof message === 'string' && message !== '') return message;
  }
  return errorMessage(error)
    .replace(/^\(HTTP code \d+\) [^-]*- /, '')
    .trim();
}

export function engineStatus(error: unknown): number | undefined {
  const status = (error as EngineError | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** `action` is the phrase after "Cannot", for example `start container "x"`. */
export function toRuntimeError(action: string, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const message = engineMessage(error);
  return new RuntimeError(codeOf(error, message), `Cannot ${action}: ${message}`, { cause: error });
}

function codeOf(error: unknown, message: string): RuntimeErrorCode {
  const status = engineStatus(error);
  if (status === undefined) {
    const code = (error as EngineError).code;
    const name = (error as { name?: unknown }).name;
    if (name === 'AbortError' || /socket hang up/i.test(message)) return 'unavailable';
    return typeof code === 'string' && CONNECTION_CODES.has(code) ? 'unavailable' : 'transient';
  }
  if (/no such image/i.test(message)) return 'image-missing';
  if (BUSY.some((pattern) => pattern.test(message))) return 'transient';
  switch (status) {
    case 400:
      return 'invalid';
    case 404:
      return /network .* not found/i.test(message) ? 'transient' : 'not-found';
    case 409:
      return 'conflict';
    case 502:
    case 503:
    case 504:
      return 'unavailable';
    default:
      return NEVER_STARTS.some((pattern) => pattern.test(message)) ? 'invalid' : 'transient';
  }
}
