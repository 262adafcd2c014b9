/**
 * The end of an Application. With Argo CD's `resources-finalizer` all its objects go before it
 * does, with `/foreground` their dependents first; without it they stay. Argo CD's other finalizers
 * stand for hooks that are not implemented (PreDelete, PostDelete): nothing waits for them.
 */
import { UserError } from '../../base/errors.ts';
import { isHook } from '../../diff/annotations.ts';
import { byApplyOrder, type Change, type InventoryItem, planDeletion } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import { mayDelete } from '../../diff/sync-options.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import { applyChanges } from './apply-changes.ts';
import type { Executor } from './executor.ts';
import { type Claims, planClaims } from '../observe/hand-over.ts';
import type { ManagedResources } from '../observe/managed-resources.ts';
import { type Observer, isHistoryComplete } from '../observe/observer.ts';
import { type Rights, syncAccessOf } from '../observe/sync-access.ts';
import { type EndView, checkEnd } from '../plan/check-change-set.ts';
import { finalizedEvent } from '../plan/plan-application-events.ts';

const CASCADE = 'resources-finalizer.argocd.argoproj.io';
const FOREGROUND = `${CASCADE}/foreground`;
const HOOKS = ['pre-delete-finalizer.argocd.argoproj.io', 'post-delete-finalizer.argocd.argoproj.io'];

const isOneOf = (finalizer: string, names: readonly string[]): boolean =>
  names.some((name) => finalizer === name || finalizer.startsWith(`${name}/`));

/** True when nothing is left to do; otherwise it is to be called again after a while. */
export async function finalizeApplication(
  means: Finalizer,
  application: Application,
  managed: ManagedResources,
  signal: AbortSignal,
): Promise<boolean> {
  const { writer } = means.executor;
  const finalizers = application.metadata.finalizers ?? [];
  const rest = finalizers.filter((finalizer) => !isOneOf(finalizer, [CASCADE, ...HOOKS]));
  if (rest.length === finalizers.length) return true;
  if (finalizers.some((finalizer) => isOneOf(finalizer, [CASCADE]))) {
    const view = await observeEnd(means, application, managed);
    if (!view.historyComplete) return false;
    const refused = await deleteAll(means, view, planDeletions(view), managed, signal);
    if (refused.length > 0) await writer.recordDeletionError(application, refused, signal);
    const left = leavingOf(application, managed).some(isUnclaimed(view.claims));
    if (left || view.claims.waitingFor.length > 0) return false;
  }
  await writer.keepFinalizers(application, rest);
  return true;
}

interface Finalizer {
  readonly executor: Executor;
  readonly observer: Observer;
  readonly rights: Rights;
}

/** The objects that an Application leaves, and those of them that other applications hold. */
interface LeavingView extends EndView {
  readonly leaving: readonly InventoryItem[];
}

/** Objects that other applications hold are handed over, as when they move in Git. */
async function observeEnd(
  { observer }: Finalizer,
  application: Application,
  managed: ManagedResources,
): Promise<LeavingView> {
  const key = keyOf(application);
  const leaving = leavingOf(application, managed);
  const claims = await planClaims(
    {
      key,
      repoURL: application.spec.source?.repoURL ?? '',
      mirror: undefined,
      sinceMs: Date.parse(application.metadata.deletionTimestamp ?? ''),
    },
    leaving.filter(({ object }) => !isHook(object)),
    observer.neighbourhood,
  );
  return { application, key, leaving, claims, historyComplete: await isHistoryComplete(observer) };
}

const syncOptionsOf = ({ spec }: Application): readonly string[] => spec.syncPolicy?.syncOptions ?? [];

const leavingOf = (application: Application, managed: ManagedResources): readonly InventoryItem[] =>
  managed
    .inventory(keyOf(application))
    .filter(({ object }) => mayDelete(object, 'Delete', syncOptionsOf(application)));

const isUnclaimed =
  ({ claimed }: Claims) =>
  ({ kind, object }: InventoryItem): boolean =>
    !claimed.has(idOf(kind, keyOf(object)));

/** The reverse of the order of applying. */
function planDeletions({ application, leaving, claims }: LeavingView): readonly Change[] {
  const foreground = application.metadata.finalizers?.includes(FOREGROUND) === true;
  return leaving
    .filter(isUnclaimed(claims))
    .filter(({ object }) => object.metadata.deletionTimestamp === undefined)
    .map((item) => {
      const deletion = planDeletion(item, syncOptionsOf(application));
      // Only an object that others are made of has dependents to wait for.
      return foreground && item.kind.scale ? { propagation: 'Foreground' as const, ...deletion } : deletion;
    })
    .sort(byApplyOrder)
    .reverse();
}

/** Gives the refusals as text. */
async function deleteAll(
  { executor, rights }: Finalizer,
  view: EndView,
  deletions: readonly Change[],
  managed: ManagedResources,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (deletions.length === 0) return [];
  const { application, key } = view;
  const violations = checkEnd(deletions, view);
  if (violations.length > 0)
    throw new Error(`Refused to end "${key}", which is a defect: ${violations.join('; ')}`);
  try {
    const writer = syncAccessOf(application, rights);
    const { written, errors } = await applyChanges(writer, deletions, executor.commitOptions(), signal);
    await managed.caughtUp(written, signal);
    const refused = new Set(errors.map(({ change }) => change));
    const deleted = deletions.filter((change) => !refused.has(change));
    if (deleted.length > 0) executor.tell(application, finalizedEvent(deleted));
    return errors.map(({ change, message }) => `${change.kind.kind} "${change.key}": ${message}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [error.message];
  }
}
