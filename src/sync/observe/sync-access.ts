/** The rights that the sync of an Application writes with. */
import { UserError } from '../../base/errors.ts';
import { authorOf, isConfined, SYSTEM_NAMESPACE } from '../../schemas/applications/application-author.ts';
import type { Application } from '../../schemas/types.ts';
import type { DelegatedWrites, DelegateWrites } from '../../resources/writing/delegated-writes.ts';
import type { Objects } from '../../resources/writing/objects.ts';

export interface SyncAccess {
  readonly objects: Objects;
  /** Absent where the rights are the cluster's. */
  readonly refusals?: DelegatedWrites['refusals'];
}

export interface Rights {
  /** The cluster's own. */
  readonly objects: Objects;
  /** The rights of authors; without it, only Applications in the system namespace are synced. */
  readonly delegate: DelegateWrites | undefined;
}

/** Throws UserError where the Application has no rights. */
export function syncAccessOf(application: Application, { objects, delegate }: Rights): SyncAccess {
  if (!isConfined(application)) return { objects };
  const { namespace = '' } = application.metadata;
  if (!delegate)
    throw new UserError(`Cannot sync: only Applications in ${SYSTEM_NAMESPACE} are synced by this process`);
  const author = authorOf(application);
  if (!author)
    throw new UserError(
      'Cannot sync: nobody is recorded as the author of the spec, whose rights a sync has; change the spec, or create the Application anew',
    );
  return delegate(author, namespace);
}
