/**
 * Writes one step of a sync. All of it in one commit; when an object is refused, one by one, so that one bad object
 * does not keep the others from being applied. Conflicts are not settled here: the caller looks again.
 */
import { ConflictError, errorMessage } from '../base/errors.ts';
import type { Change } from '../diff/change-set.ts';
import type { KubeObject } from '../schemas/object.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { BoundWriter, Write } from '../resources/writing/write-plan.ts';
import type { CommitOptions } from '../store/types.ts';

export interface ApplyError {
  readonly change: Change;
  readonly message: string;
}

export interface ApplyResult {
  readonly written: readonly KubeObject[];
  readonly errors: readonly ApplyError[];
}

/** One commit carries at most this many writes: a few megabytes, some tens of milliseconds of the store's time. */
const MAX_WRITES_PER_COMMIT = 1_000;

export async function applyChanges(
  writer: BoundWriter,
  changes: readonly Change[],
  options: CommitOptions,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const written: KubeObject[] = [];
  const errors: ApplyError[] = [];
  const take = (results: readonly (KubeObject | undefined)[]): void => {
    for (const object of results) if (object) written.push(object);
  };
  for (let start = 0; start < changes.length; start += MAX_WRITES_PER_COMMIT) {
    signal.throwIfAborted();
    const batch = changes.slice(start, start + MAX_WRITES_PER_COMMIT);
    try {
      take(await writer.write({ writes: batch.map(toWrite) }, options));
    } catch (error) {
      rethrowUnlessRefused(error);
      for (const change of batch) {
        signal.throwIfAborted();
        try {
          take(await writer.write({ writes: [toWrite(change)] }, options));
        } catch (single) {
          rethrowUnlessRefused(single);
          if (!change.force || change.action !== 'update') {
            errors.push({ change, message: errorMessage(single) });
            continue;
          }
          // Force=true: what cannot be changed is made anew; the next step creates it.
          try {
            take(await writer.write({ writes: [toWrite({ ...change, action: 'delete' })] }, options));
          } catch (deletion) {
            rethrowUnlessRefused(deletion);
            errors.push({ change, message: errorMessage(deletion) });
          }
        }
      }
    }
  }
  return { written, errors };
}

/** A refusal is about an object and final for this commit; a conflict or a store that is away is not. */
function rethrowUnlessRefused(error: unknown): void {
  if (
    isStatusError(error, 'NotFound') ||
    isStatusError(error, 'AlreadyExists') ||
    isStatusError(error, 'Conflict')
  ) {
    throw new ConflictError(error.message, { cause: error });
  }
  if (!isStatusError(error) || error.code >= 500) throw error;
}

export function toWrite({ action, object, live, propagation }: Change): Write {
  if (action === 'create') return { verb: 'create', object };
  if (action === 'update') return { verb: 'update', object };
  const { uid, resourceVersion } = live?.metadata ?? {};
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return {
    verb: 'delete',
    object,
    options: { propagationPolicy: propagation ?? 'Background', preconditions },
  };
}
