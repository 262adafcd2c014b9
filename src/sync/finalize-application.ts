/** The end of an Application: with Argo CD's finalizer, everything that it manages goes before it does. */
import { byApplyOrder, planDeletion } from '../diff/change-set.ts';
import { mayDelete } from '../diff/sync-options.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import type { ApplicationWriter } from './application-writer.ts';
import { applyChanges } from './apply-changes.ts';
import type { SyncContext } from './sync-context.ts';

const FINALIZER = 'resources-finalizer.argocd.argoproj.io';

type FinalizeContext = Pick<SyncContext, 'objects' | 'managed' | 'commitOptions' | 'historyComplete'>;

/** True when nothing is left to do; otherwise it is to be called again after a while. */
export async function finalizeApplication(
  application: Application,
  { objects, managed, commitOptions, historyComplete }: FinalizeContext,
  writer: ApplicationWriter,
  signal: AbortSignal,
): Promise<boolean> {
  const key = keyOf(application);
  const finalizers = application.metadata.finalizers ?? [];
  const ours = finalizers.filter(
    (finalizer) => finalizer === FINALIZER || finalizer.startsWith(`${FINALIZER}/`),
  );
  if (ours.length === 0) return true;
  if (!(await historyComplete())) return false;
  const syncOptions = application.spec.syncPolicy?.syncOptions ?? [];
  const going = managed.inventory(key).filter(({ object }) => mayDelete(object, 'Delete', syncOptions));
  const deletions = going
    .filter(({ object }) => object.metadata.deletionTimestamp === undefined)
    .map((item) => planDeletion(item, syncOptions))
    .sort(byApplyOrder)
    .reverse();
  const result = await applyChanges(objects, deletions, commitOptions(), signal);
  await managed.caughtUp(result.written, signal);
  if (managed.inventory(key).some(({ object }) => mayDelete(object, 'Delete', syncOptions))) return false;
  await writer.keepFinalizers(
    application,
    finalizers.filter((finalizer) => !ours.includes(finalizer)),
  );
  return true;
}
