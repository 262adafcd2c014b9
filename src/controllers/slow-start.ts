/**
 * Creates as many of the wanted objects as are let through. All of them in one commit is the rule; when that is refused (a
 * quota has room for some), half of them are tried, and so on: the first refusal of a single one ends it.
 */
import { StatusError } from '../schemas/errors/status.ts';
import type { Check, Write } from '../resources/writing/write-plan.ts';
import { applyAndWait, type ControllerContext } from './controller.ts';

export interface SlowStart {
  readonly created: number;
  /** Why the next one was refused; undefined when all were created. */
  readonly refusal: StatusError | undefined;
}

/** The API said no to what we want, which waiting alone does not change. */
export function isRefusal(error: unknown): error is StatusError {
  return error instanceof StatusError && (error.code === 403 || error.code === 422 || error.code === 400);
}

/**
 * Nothing is made any more in a namespace that is being deleted. It goes with all it holds: there is nothing to try again and
 * nobody to tell.
 */
export function isNamespaceGoing(error: unknown): boolean {
  const causes = error instanceof StatusError ? (error.status.details?.causes ?? []) : [];
  return causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

export async function createAsManyAsAllowed(
  context: ControllerContext,
  writes: readonly Write[],
  checks: readonly Check[] | undefined,
  signal: AbortSignal,
): Promise<SlowStart> {
  let created = 0;
  let size = writes.length;
  while (created < writes.length) {
    const batch = writes.slice(created, created + size);
    try {
      await applyAndWait(context, batch, signal, checks);
      created += batch.length;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (batch.length === 1) return { created, refusal: error };
      size = Math.floor(batch.length / 2);
    }
  }
  return { created, refusal: undefined };
}
