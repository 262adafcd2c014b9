/**
 * The end of an Application: with Argo CD's `resources-finalizer`, everything that it manages goes before it does, with
 * `/foreground` dependents first; without it, everything stays. Its other finalizers stand for hooks that are not
 * implemented (PreDelete, PostDelete): nothing waits for them.
 */
import { byApplyOrder, planDeletion } from '../diff/change-set.ts';
import { mayDelete } from '../diff/sync-options.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import type { ApplicationWriter } from './application-writer.ts';
import { applyChanges } from './apply-changes.ts';
import type { SyncContext } from './sync-context.ts';

const CASCADE = 'resources-finalizer.argocd.argoproj.io';
const FOREGROUND = `${CASCADE}/foreground`;
const HOOKS = ['pre-delete-finalizer.argocd.argoproj.io', 'post-delete-finalizer.argocd.argoproj.io'];

const isOneOf = (finalizer: string, names: readonly string[]): boolean =>
  names.some((name) => finalizer === name || finalizer.startsWith(`${name}/`));

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
  const rest = finalizers.filter((finalizer) => !isOneOf(finalizer, [CASCADE, ...HOOKS]));
  if (rest.length === finalizers.length) return true;
  if (!finalizers.some((finalizer) => isOneOf(finalizer, [CASCADE]))) {
    await writer.keepFinalizers(application, rest);
    return true;
  }
  if (!(await historyComplete())) return false;
  const foreground = finalizers.includes(FOREGROUND);
  const syncOptions = application.spec.syncPolicy?.syncOptions ?? [];
  const going = managed.inventory(key).filter(({ object }) => mayDelete(object, 'Delete', syncOptions));
  const deletions = going
    .filter(({ object }) => object.metadata.deletionTimestamp === undefined)
    .map((item) => {
      const deletion = planDeletion(item, syncOptions);
      // Only what others are made of has dependents to wait for.
      return foreground && item.kind.scale ? { propagation: 'Foreground' as const, ...deletion } : deletion;
    })
    .sort(byApplyOrder)
    .reverse();
  const result = await applyChanges(objects, deletions, commitOptions(), signal);
  await managed.caughtUp(result.written, signal);
  if (managed.inventory(key).some(({ object }) => mayDelete(object, 'Delete', syncOptions))) return false;
  await writer.keepFinalizers(application, rest);
  return true;
}
