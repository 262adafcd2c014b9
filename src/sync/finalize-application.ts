/**
 * The end of an Application: with Argo CD's `resources-finalizer`, everything that it manages goes before it does, with
 * `/foreground` dependents first; without it, everything stays. Its other finalizers stand for hooks that are not
 * implemented (PreDelete, PostDelete): nothing waits for them.
 */
import { toRfc3339 } from '../base/clock.ts';
import { UserError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { listTexts } from '../base/text.ts';
import { isHook } from '../diff/annotations.ts';
import { byApplyOrder, type Change, type InventoryItem, planDeletion } from '../diff/change-set.ts';
import { idOf } from '../diff/desired-set.ts';
import { mayDelete } from '../diff/sync-options.ts';
import { asRecords } from '../schemas/json-access.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import type { ApplicationWriter } from './application-writer.ts';
import { applyChanges } from './apply-changes.ts';
import { type Claims, planClaims } from './hand-over.ts';
import { finalizedEvent } from './plan-application-events.ts';
import type { SyncContext } from './sync-context.ts';

const CASCADE = 'resources-finalizer.argocd.argoproj.io';
const FOREGROUND = `${CASCADE}/foreground`;
const HOOKS = ['pre-delete-finalizer.argocd.argoproj.io', 'post-delete-finalizer.argocd.argoproj.io'];

const isOneOf = (finalizer: string, names: readonly string[]): boolean =>
  names.some((name) => finalizer === name || finalizer.startsWith(`${name}/`));

type FinalizeContext = Pick<
  SyncContext,
  'access' | 'managed' | 'commitOptions' | 'historyComplete' | 'neighbourhood' | 'nowMs' | 'tell'
>;

/** True when nothing is left to do; otherwise it is to be called again after a while. */
export async function finalizeApplication(
  application: Application,
  context: FinalizeContext,
  writer: ApplicationWriter,
  signal: AbortSignal,
): Promise<boolean> {
  const { managed, historyComplete } = context;
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
  const inventory = managed.inventory(key).filter(({ object }) => mayDelete(object, 'Delete', syncOptions));
  const { claimed, waitingFor } = await claimsOf(application, inventory, context);
  const going = inventory.filter(({ kind, object }) => !claimed.has(idOf(kind, keyOf(object))));
  const deletions = going
    .filter(({ object }) => object.metadata.deletionTimestamp === undefined)
    .map((item) => {
      const deletion = planDeletion(item, syncOptions);
      // Only what others are made of has dependents to wait for.
      return foreground && item.kind.scale ? { propagation: 'Foreground' as const, ...deletion } : deletion;
    })
    .sort(byApplyOrder)
    .reverse();
  const refused = deletions.length === 0 ? [] : await deleteAll(deletions, context, signal);
  if (refused.length > 0)
    await writer.writeStatus(key, (status) => withDeletionError(status, refused, context.nowMs()), signal);
  const isLeft = ({ kind, object }: InventoryItem): boolean =>
    mayDelete(object, 'Delete', syncOptions) && !claimed.has(idOf(kind, keyOf(object)));
  if (waitingFor.length > 0 || managed.inventory(key).some(isLeft)) return false;
  await writer.keepFinalizers(application, rest);
  return true;
}

/** Objects that other applications of the repository hold are handed over to them, as when they move in Git. */
async function claimsOf(
  application: Application,
  inventory: readonly InventoryItem[],
  { neighbourhood }: FinalizeContext,
): Promise<Claims> {
  const leaving = inventory.filter(({ object }) => !isHook(object));
  const own = {
    key: keyOf(application),
    repoURL: application.spec.source?.repoURL ?? '',
    mirror: undefined,
    sinceMs: Date.parse(application.metadata.deletionTimestamp ?? ''),
  };
  return planClaims(own, leaving, neighbourhood);
}

/** What was refused, as text. */
async function deleteAll(
  deletions: readonly Change[],
  { access, managed, commitOptions, tell }: FinalizeContext,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const { written, errors } = await applyChanges(access(), deletions, commitOptions(), signal);
    await managed.caughtUp(written, signal);
    const refused = new Set(errors.map(({ change }) => change));
    const deleted = deletions.filter((change) => !refused.has(change));
    if (deleted.length > 0) tell(finalizedEvent(deleted));
    return errors.map(({ change, message }) => `${change.kind.kind} "${change.key}": ${message}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [error.message];
  }
}

/** Messages of a deletion: the first say enough. */
const SAID = { texts: 10, length: 7_500 };

/** The deletion cannot go on: the people who wait for it are told why. Time passes only with another message. */
function withDeletionError(
  status: Record<string, unknown>,
  messages: readonly string[],
  nowMs: number,
): Record<string, unknown> {
  const type = 'DeletionError';
  const message = printable(listTexts(messages, SAID).join('\n'), { newlines: true });
  const conditions = asRecords(status['conditions']);
  if (conditions.some((known) => known['type'] === type && known['message'] === message)) return status;
  const others = conditions.filter((known) => known['type'] !== type);
  return { ...status, conditions: [...others, { type, message, lastTransitionTime: toRfc3339(nowMs) }] };
}
