/** The rights that the sync of an Application writes with. */
import { UserError } from '../../base/errors.ts';
import type { BoundWriter } from '../../resources/writing/write-plan.ts';
import {
  type Author,
  authorOf,
  isConfined,
  SYSTEM_NAMESPACE,
} from '../../schemas/applications/application-author.ts';
import type { Application } from '../../schemas/types.ts';

export interface Rights {
  /** The cluster's own. */
  readonly writer: BoundWriter;
  /** The rights of authors; without it, only Applications in the system namespace are synced. */
  readonly delegate: DelegateWrites | undefined;
}

/** The writer with the rights of an author, confined to a namespace. */
export type DelegateWrites = (author: Author, namespace: string) => BoundWriter;

/** Throws UserError where the Application has no rights. */
export function syncAccessOf(application: Application, { writer, delegate }: Rights): BoundWriter {
  if (!isConfined(application)) return writer;
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
