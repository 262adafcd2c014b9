/** The conditions of an Application after a reconcile, in Argo CD's types where possible. Pure. */
import { listTexts } from '../../base/text.ts';
import type { ChangeSet } from '../../diff/change-set.ts';
import { optionComplaints } from '../../diff/sync-options.ts';
import { changedBy } from '../../diff/tracking.ts';
import type { Application } from '../../schemas/types.ts';
import type { ComparedView, GitView } from '../types.ts';
import type { ApplicationCondition } from './plan-application-status.ts';
import { APPROVE_PRUNE_ANNOTATION, isPruneApproved } from './plan-brake.ts';
import { fightMessages } from './plan-fights.ts';
import { onlyStoredMessages } from './plan-only-stored.ts';

export const MAX_PROBLEMS = 50;
/** A condition has room for this many characters (see plan-application-status.ts). */
const MAX_CONDITION = 7_500;

/** No condition where there is nothing to say. */
export function conditionOf(
  type: string,
  messages: readonly (string | undefined)[],
): readonly ApplicationCondition[] {
  const said = messages.filter((message) => message !== undefined);
  if (said.length === 0) return [];
  const message = listTexts(said, { texts: MAX_PROBLEMS, length: MAX_CONDITION }).join('\n');
  return [{ type, message }];
}

/** `changeSet`: undefined where nothing was compared. */
export function planConditions(
  view: ComparedView,
  changeSet: ChangeSet | undefined,
  syncErrors: readonly string[],
): readonly ApplicationCondition[] {
  const { known, git, objects, nowMs } = view;
  const withCode = (code: string): readonly string[] =>
    (changeSet?.problems ?? []).filter((problem) => problem.code === code).map(({ message }) => message);
  return [
    ...conditionOf('RepeatedResourceWarning', withCode('duplicate')),
    ...conditionOf('SharedResourceWarning', [...withCode('shared-resource'), ...claimedMessages(changeSet)]),
    ...conditionOf('SyncError', syncErrors),
    ...conditionOf('ComparisonError', [view.progress.obstacle]),
    ...conditionOf('NonAncestorWarning', [known.nonAncestor ?? rewriting(git)]),
    ...conditionOf('ExcludedResourceWarning', [
      ...(known.render?.warnings.values() ?? []),
      known.render?.passedOver,
    ]),
    ...conditionOf('PruneHeldWarning', heldMessages(view, changeSet)),
    ...conditionOf('ConflictingWriterWarning', fightMessages(known.heals, nowMs)),
    ...conditionOf('DriftWarning', driftMessages(changeSet)),
    ...conditionOf('RuntimeWarning', objects.foreseen),
    ...conditionOf('OnlyStoredWarning', onlyStoredMessages([...known.onlyStored.values()].flat())),
    ...conditionOf('UnsupportedOptionWarning', [
      ...optionComplaints(objects.attempt.syncOptions),
      ...[...known.complaints.values()].flat(),
    ]),
  ];
}

/** Changes past Git that no sync has undone: the automation is off, or its turn has not come. */
function driftMessages(changeSet: ChangeSet | undefined): readonly string[] {
  return (changeSet?.changes ?? []).flatMap(({ action, kind, key, live }) => {
    const who = action === 'update' ? changedBy(live) : undefined;
    return who === undefined ? [] : [`${kind.kind} ${key} differs from Git: changed by ${who}`];
  });
}

/** Objects that another application may hold; they are handed over as soon as it applies them. */
const claimedMessages = (changeSet: ChangeSet | undefined): readonly string[] =>
  (changeSet?.held ?? []).flatMap(({ kind, key, reason }) => {
    const what = `${kind.kind} "${key}" is no longer in Git here and stays`;
    return reason === 'claimed' ? [`${what}: another application holds it`] : [];
  });

/** After a restart the hold itself is what tells of the force-push. */
const rewriting = ({ brake }: GitView): string | undefined =>
  brake?.endsWith('history was rewritten') ? brake : undefined;

function heldMessages(
  { application, known, git }: ComparedView,
  changeSet: ChangeSet | undefined,
): readonly string[] {
  const held = changeSet?.held ?? [];
  const reason = held.find((item) => !['claimed', 'off', 'rebuilding'].includes(item.reason))?.reason;
  if (reason === undefined) return [];
  const why =
    reason === 'empty'
      ? 'the render is empty and allowEmpty is not set'
      : reason === 'budget'
        ? `${git.brake ?? ''}; ${approvalAdvice(application, known.revision ?? '')}`
        : 'an object is written twice';
  return [`${held.length} objects are no longer in Git and stay: ${why}`];
}

function approvalAdvice(application: Application, revision: string): string {
  const first = isPruneApproved(application, undefined, revision)
    ? `remove the annotation ${APPROVE_PRUNE_ANNOTATION}, which is used up, then`
    : 'to delete them,';
  return `${first} set the annotation ${APPROVE_PRUNE_ANNOTATION}: ${revision}`;
}
