/**
 * Engine errors → {@link RuntimeError}. The code decides the pod worker's next step. The Engine
 * answers 500 for many kinds of failure, so their texts tell them apart.
 */
import { goWords } from '../../../base/go-words.ts';
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

/** Texts of runc and the Engine about a specification that can never start. */
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

/** Another container has the address. A port that is taken has a text that names the port. */
const ADDRESS = /^(?:failed to set up container networking: )?address already in use$/i;
/** The network refuses the container for now. In Kubernetes its sandbox has that failure. */
const NETWORK = [
  /address already in use/i,
  /port is already allocated/i,
  /failed programming external connectivity/i,
  /failed to (set up|setup|create) (container networking|endpoint|network)/i,
  /failed to create endpoint/i,
  /no available IPv4 addresses/i,
  /\bnetwork \S{1,255} not found/i,
  /could not find network/i,
  /cannot connect to network/i,
  // The pod's sandbox died meanwhile.
  /cannot join \S+ (?:namespace )?of a non running container/i,
];
/** The rest of the text is the runtime's, and repeats the command. */
const OF_PROGRAM = /OCI runtime|shim task|containerd task/;

interface EngineError {
  readonly statusCode?: unknown;
  readonly json?: unknown;
  readonly code?: unknown;
}

/** The Engine repeats the command, which may have any length. Error texts are stored and shown. */
const MAX_MESSAGE = 4_096;

/** Ids differ at each attempt. Without them one event counts the same failure. */
const NEW_IDS = / \([0-9a-f]{64}\)/g;

/** The Engine's own sentence, without the client's decoration. */
export function engineMessage(error: unknown): string {
  return cutMiddle(wholeMessage(error), MAX_MESSAGE).replaceAll(NEW_IDS, '');
}

function wholeMessage(error: unknown): string {
  const json = (error as EngineError).json;
  if (typeof json === 'object' && json !== null && !Buffer.isBuffer(json)) {
    const message = (json as { message?: unknown }).message;
    if (typeof message === 'string' && message !== '') return message;
  }
  return goWords(error)
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
  const code = codeOf(error, message);
  return new RuntimeError(code, `Cannot ${action}: ${message}`, { cause: error, detail: message });
}

function codeOf(error: unknown, message: string): RuntimeErrorCode {
  const status = engineStatus(error);
  if (status === undefined) {
    const code = (error as EngineError).code;
    const name = (error as { name?: unknown }).name;
    if (name === 'AbortError') return 'unavailable';
    return typeof code === 'string' && CONNECTION_CODES.has(code) ? 'unavailable' : 'transient';
  }
  if (/no such image/i.test(message)) return 'image-missing';
  if (ADDRESS.test(message)) return 'address';
  if (!OF_PROGRAM.test(message) && NETWORK.some((pattern) => pattern.test(message))) return 'network';
  if (/already in progress/i.test(message)) return 'transient';
  switch (status) {
    case 400:
      return 'invalid';
    case 404:
      return 'not-found';
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
