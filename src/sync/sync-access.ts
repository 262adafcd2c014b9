/** With whose rights the sync of an Application writes. */
import { UserError } from '../base/errors.ts';
import {
  type Author,
  authorOf,
  isConfined,
  SYSTEM_NAMESPACE,
} from '../schemas/applications/application-author.ts';
import type { Application } from '../schemas/types.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';

export type SyncAccess = BoundWriter;
/** The writer with the rights of an author, confined to a namespace. */
export type DelegateWrites = (author: Author, namespace: string) => BoundWriter;

/** Throws UserError where nobody's rights can be used. */
export function syncAccessOf(
  application: Application,
  writer: BoundWriter,
  delegate: DelegateWrites | undefined,
): SyncAccess {
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
