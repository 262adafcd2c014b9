/**
 * Error classes by what happens next (docs/ARCHITECTURE.md, "the error's class decides"): a user error waits for
 * new input, a transient one backs off, a conflict re-reads, a terminal one is reported; anything else is a bug.
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
 * The level at which a loop that tries again logs a failure. That a server is away, one place says for all loops; where only
 * this is to be heard, `level`.
 */
export const levelOf = <T extends 'info' | 'warn'>(error: unknown, level: T): T | 'debug' =>
  error instanceof TransientError ? 'debug' : level;

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
