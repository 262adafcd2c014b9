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
 * The level of a failure that a loop logs before it tries again. A server that is away is logged in one place for all loops
 * (node-agent/control-plane-contact.ts), so to each loop it is for debugging only.
 */
export const levelOf = <T extends 'info' | 'warn'>(error: unknown, level: T): T | 'debug' =>
  error instanceof TransientError ? 'debug' : level;

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
