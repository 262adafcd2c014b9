/**
 * Error classes by what happens next: user errors wait for new input, transient ones back off,
 * conflicts read again, terminal ones are reported. Anything else is a bug.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}

export class TransientError extends Error {
  override readonly name: string = 'TransientError';
}

export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/**
 * The level of a failure that a loop logs before it tries again. A server that is away is logged
 * once for all loops (node-agent/node/control-plane-contact.ts).
 */
export const levelOf = <T extends 'info' | 'warn'>(error: unknown, level: T): T | 'debug' =>
  error instanceof TransientError ? 'debug' : level;

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message, followed by those of its causes that it does not repeat. */
export function messageWithCauses(error: unknown): string {
  const parts: string[] = [];
  for (let next = error; next !== undefined && parts.length < MAX_CAUSES; ) {
    const message = errorMessage(next);
    if (!parts.some((part) => part.includes(message))) parts.push(message);
    next = next instanceof Error ? next.cause : undefined;
  }
  return parts.join(': ');
}

const MAX_CAUSES = 5;

/**
 * False for errors that are thrown on purpose, which have a name, and for those of the system, TLS
 * and DNS, which have a code.
 */
export function isDefect(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return UNNAMED.has(error.name) && (typeof code !== 'string' || MISUSE.test(code));
}

const UNNAMED: ReadonlySet<string> = new Set([
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'],
  ...['URIError', 'AssertionError'],
]);
/** Codes of Node that say that the program is wrong. */
const MISUSE = /^ERR_(?!TLS_|SSL_)/;
