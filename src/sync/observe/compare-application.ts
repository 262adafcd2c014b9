/** Compares what Git holds of an application with what is live, and asks other applications about what leaves this one. */
import { type ChangeSet, type ChangeSetOptions, planChangeSet } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import type { Application, ApplicationSource } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import { type HandOver, concernsOthers, planHandOver } from './hand-over.ts';
import { orphansOf, refreshOrphans } from './orphans.ts';
import { isPruneApproved, unapprovedDeletions } from '../plan/plan-brake.ts';
import type { SyncContext } from '../sync-context.ts';

/** Compares what is dirty, and takes the marks off: right before, what Git does not hold is looked up. */
export async function compareApplication(
  application: Application,
  source: ApplicationSource,
  state: ApplicationCache,
  context: SyncContext,
  options: ChangeSetOptions,
): Promise<{ readonly changeSet: ChangeSet; readonly unreadBy: readonly string[] }> {
  const { managed, neighbourhood } = context;
  const planned = (handOver: Partial<HandOver>): ChangeSet => {
    refreshOrphans(options.application, state, managed);
    return planChangeSet(
      state.desired,
      (resource, name) => managed.live(resource, name),
      orphansOf(state, managed),
      {
        ...options,
        takeOver: handOver.takeOver,
        claimed: handOver.claimed,
        ...(state.allDirty ? {} : { only: state.dirty }),
        ...(isBraked(application, state, context)
          ? { maxDeletions: unapprovedDeletions(context.pruneBaseline() ?? {}) }
          : {}),
      },
    );
  };
  let changeSet = planned({});
  let unreadBy: readonly string[] = [];
  if (concernsOthers(changeSet)) {
    const { mirror } = context.repository(source);
    const own = {
      key: options.application,
      repoURL: source.repoURL,
      mirror,
      sinceMs: state.startedMs,
    };
    const handOver = await planHandOver(own, changeSet, neighbourhood, context.historyComplete);
    unreadBy = handOver.waitingFor;
    // Planned anew, since more may have become dirty meanwhile.
    changeSet = planned(handOver);
  }
  settle(state, changeSet);
  return { changeSet, unreadBy };
}

/** Whether deletions wait for an approval. */
export function isBraked(application: Application, state: ApplicationCache, context: SyncContext): boolean {
  return state.brake !== undefined && !isPruneApproved(application, context.pruneBaseline(), state.revision);
}

/** An application that is as it should be needs no further look until something changes. */
function settle(state: ApplicationCache, changeSet: ChangeSet): void {
  const open = new Set<string>();
  for (const { action, kind, key } of changeSet.changes) if (action !== 'noop') open.add(idOf(kind, key));
  for (const { kind, key } of changeSet.problems) open.add(idOf(kind, key));
  state.allDirty = false;
  state.dirty = open;
}
