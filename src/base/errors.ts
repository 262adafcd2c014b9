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

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
