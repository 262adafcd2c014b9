/** `metav1.Status`: the answer of the API without an object, and the error that carries it. */
import type { FieldError } from './field-error.ts';

export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'Expired'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'TooManyRequests'
  | 'ServerTimeout'
  | 'ServiceUnavailable'
  | 'Timeout'
  | 'InternalError';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: StatusReason;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: StatusCause[];
    retryAfterSeconds?: number;
  };
  code: number;
}

export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? 'Failure', options);
    this.status = status;
  }

  get reason(): StatusReason | undefined {
    return this.status.reason;
  }
  get code(): number {
    return this.status.code;
  }
}

export function isStatusError(error: unknown, reason?: StatusReason): error is StatusError {
  return error instanceof StatusError && (reason === undefined || error.reason === reason);
}

/** Characters of one bad value, name or path of the client that an answer repeats. */
const MAX_SHOWN_CHARS = 10_000;
/** Errors that one answer lists. More help nobody and cost bytes in every log. */
const MAX_SHOWN_ERRORS = 200;
/** Characters of all errors of one answer. */
const MAX_ERROR_CHARS = 100_000;

/** Characters of the message of one answer: what it quotes was written by the client. */
const MAX_MESSAGE_CHARS = 2 * MAX_ERROR_CHARS;

export function failure(
  code: number,
  reason: StatusReason,
  message: string,
  details?: Status['details'],
): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: shorten(message, MAX_MESSAGE_CHARS),
    reason,
    ...(details ? { details } : {}),
    code,
  });
}

interface ResourceName {
  readonly group: string;
  /** Plural of the resource, as in `pods "web" not found`. */
  readonly plural: string;
}

const qualified = (resource: ResourceName): string =>
  resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;

const detailsOf = (resource: ResourceName, name: string): NonNullable<Status['details']> => ({
  name,
  ...(resource.group === '' ? {} : { group: resource.group }),
  kind: resource.plural,
});

export function notFound(resource: ResourceName, name: string): StatusError {
  return failure(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return failure(409, 'AlreadyExists', message, detailsOf(resource, name));
}

const STALE = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: ResourceName, name: string, why = STALE): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return failure(409, 'Conflict', message, detailsOf(resource, name));
}

/** 410: the version that a watch or a list asked for is no longer in the change log. */
export const expired = (message: string): StatusError => failure(410, 'Expired', message);

export const badRequest = (message: string): StatusError => failure(400, 'BadRequest', message);

/** `path: Invalid value: "x": detail`, the text Kubernetes makes of a field error. */
export function fieldErrorText(error: FieldError): string {
  const body = fieldErrorBody(error);
  return error.path === '' ? body : `${escapeControls(error.path)}: ${body}`;
}

/** Cut after `limit` characters, never within one. */
export function shorten(text: string, limit = MAX_SHOWN_CHARS): string {
  if (text.length <= limit) return text;
  const isSplit = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1));
  return `${text.slice(0, isSplit ? limit - 1 : limit)}…`;
}

/** As Go writes a bad value: text quoted and escaped, everything else as JSON. */
function valueText(value: unknown): string {
  return typeof value === 'string' ? quote(shorten(value)) : shorten(JSON.stringify(value));
}

/** Characters that Go, and CEL after it, escape by a letter. */
export const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** Go's `%q`: escapes unprintable characters, so that a name cannot break a line of a log. */
export function quote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const short = SHORT_ESCAPES[char];
    if (short !== undefined) quoted += short;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code === 0x20 || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) quoted += char;
    else if (code < 0x1_0000) quoted += `\\u${code.toString(16).padStart(4, '0')}`;
    else quoted += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `${quoted}"`;
}

/** Foreign text (a map's key, say) without control characters for the terminal or the log. */
export function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => quote(char).slice(1, -1));
}

export function fieldErrorBody(error: FieldError): string {
  // Line breaks are ours: some details have several lines.
  return bodyOf(error).split('\n').map(escapeControls).join('\n');
}

function bodyOf(error: FieldError): string {
  const value = error.value === undefined ? undefined : valueText(error.value);
  switch (error.type) {
    case 'FieldValueRequired':
      return error.detail === '' ? 'Required value' : `Required value: ${error.detail}`;
    case 'FieldValueForbidden':
      return `Forbidden: ${error.detail}`;
    case 'FieldValueDuplicate':
      return `Duplicate value${value === undefined ? '' : `: ${value}`}${error.detail === '' ? '' : `: ${error.detail}`}`;
    case 'FieldValueNotFound':
      return `Not found: ${value ?? ''}${error.detail === '' ? '' : `: ${error.detail}`}`;
    case 'FieldValueNotSupported':
      return `Unsupported value: ${value ?? ''}${error.detail === '' ? '' : `: ${error.detail}`}`;
    case 'FieldValueTooLong':
      return `Too long: ${error.detail}`;
    case 'FieldValueTooMany':
      return value === undefined ? `Too many: ${error.detail}` : `Too many: ${value}: ${error.detail}`;
    case 'InternalError':
      return `Internal error: ${error.detail}`;
    case 'FieldValueInvalid':
    case 'FieldValueTypeInvalid':
      return value === undefined
        ? `Invalid value: ${error.detail}`
        : `Invalid value: ${value}: ${error.detail}`;
  }
}

/** 422 with one cause per field error, and one that counts those that are not shown. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const shown = shownErrors(errors);
  const hidden = errors.length - shown.length;
  // Two checks may say the same; the message says it once, the causes stay.
  const texts = [...new Set(shown.map(({ text }) => text))];
  if (hidden > 0) texts.push(moreErrors(hidden));
  const list = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  const qualifiedKind = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const shownName = shorten(name);
  return failure(422, 'Invalid', `${qualifiedKind} ${quote(shownName)} is invalid: ${list}`, {
    ...(name === '' ? {} : { name: shownName }),
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes: [
      ...shown.map(({ cause }) => cause),
      ...(hidden > 0 ? [{ reason: 'FieldValueTooMany', message: moreErrors(hidden), field: '<nil>' }] : []),
    ],
  });
}

const moreErrors = (count: number): string => `Too many: ${count} more errors are not shown`;

/** The first errors, as many as an answer holds. */
function shownErrors(
  errors: readonly FieldError[],
): { readonly text: string; readonly cause: StatusCause }[] {
  const shown: { readonly text: string; readonly cause: StatusCause }[] = [];
  let chars = 0;
  for (const error of errors.slice(0, MAX_SHOWN_ERRORS)) {
    const message = shorten(fieldErrorBody(error));
    const path = escapeControls(shorten(error.path));
    const text = path === '' ? message : `${path}: ${message}`;
    chars += text.length;
    if (chars > MAX_ERROR_CHARS && shown.length > 0) break;
    shown.push({ text, cause: { reason: error.type, message, field: path === '' ? '<nil>' : path } });
  }
  return shown;
}
