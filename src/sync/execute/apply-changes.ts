/**
 * Writes one step of a sync in one commit. When an object is refused, the changes are written one
 * by one, so that one bad object does not stop the others. Conflicts are not settled here.
 */
import { ConflictError, errorMessage } from '../../base/errors.ts';
import type { Change } from '../../diff/change-set.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { FIELD_IS_IMMUTABLE } from '../../schemas/validation/metadata.ts';
import { FIELDS_ARE_FIXED } from '../../schemas/kinds/stateful-set/validation.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { BoundWriter, Write } from '../../resources/writing/write-plan.ts';
import type { CommitOptions } from '../../store/types.ts';

export interface ApplyError {
  readonly change: Change;
  readonly message: string;
}

export interface ApplyResult {
  readonly written: readonly KubeObject[];
  readonly errors: readonly ApplyError[];
}

/** Writes of one commit: a few megabytes, some tens of milliseconds of the store's time. */
const MAX_WRITES_PER_COMMIT = 1_000;

export async function applyChanges(
  writer: Pick<BoundWriter, 'write'>,
  changes: readonly Change[],
  options: CommitOptions,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const written: KubeObject[] = [];
  const errors: ApplyError[] = [];
  /** Gives the refusal as text; undefined where all were written. */
  const write = async (...batch: readonly Change[]): Promise<string | undefined> => {
    signal.throwIfAborted();
    try {
      const results = await writer.write({ writes: batch.map(toWrite) }, options);
      for (const object of results) if (object) written.push(object);
      return undefined;
    } catch (error) {
      rethrowUnlessRefused(error);
      return errorMessage(error);
    }
  };
  for (let start = 0; start < changes.length; start += MAX_WRITES_PER_COMMIT) {
    const batch = changes.slice(start, start + MAX_WRITES_PER_COMMIT);
    if ((await write(...batch)) === undefined) continue;
    for (const change of batch) {
      let message = await write(change);
      // Force=true: an object that cannot be changed is made anew; the next step creates it.
      if (message !== undefined && change.force && change.action === 'update')
        message = await write({ ...change, action: 'delete' });
      if (message !== undefined) errors.push({ change, message: withAdvice(change, message) });
    }
  }
  return { written, errors };
}

/** A Job that has begun, and the claims of a StatefulSet, cannot be changed, which surprises people. */
function withAdvice({ kind, action, object }: Change, message: string): string {
  if (action !== 'update') return message;
  if (kind.kind === 'Job' && message.includes(FIELD_IS_IMMUTABLE))
    return `Jobs cannot be changed: give it another name, or set the sync option Force=true, which deletes it and runs it anew: ${message}`;
  if (kind.kind !== 'StatefulSet' || !message.includes(FIELDS_ARE_FIXED)) return message;
  const { name, namespace = '' } = object.metadata;
  return `${message}; to change them, delete the StatefulSet alone (kubectl delete statefulset ${name} -n ${namespace} --cascade=orphan): the next sync makes it again, and its pods and claims stay as they are`;
}

/** A refusal is final for an object and this commit. A conflict or an absent store is not. */
function rethrowUnlessRefused(error: unknown): void {
  const lost = asConflict(error);
  if (lost instanceof ConflictError || !isStatusError(error) || error.code >= 500) throw lost;
}

/** A lost race means that the caches are behind: reconcile again. */
export function asConflict(error: unknown): unknown {
  const isLost = (['NotFound', 'AlreadyExists', 'Conflict'] as const).some((reason) =>
    isStatusError(error, reason),
  );
  return isLost ? new ConflictError(errorMessage(error), { cause: error }) : error;
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
