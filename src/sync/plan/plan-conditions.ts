/** What an Application's conditions say after a look at it, in Argo CD's types where it has one. Pure. */
import { listTexts } from '../../base/text.ts';
import type { ChangeSet } from '../../diff/change-set.ts';
import { optionComplaints } from '../../diff/sync-options.ts';
import { changedBy } from '../../diff/tracking.ts';
import type { Application } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ApplicationCondition } from './plan-application-status.ts';
import { APPROVE_PRUNE_ANNOTATION, isPruneApproved } from './plan-brake.ts';
import { fightMessages } from './plan-fights.ts';
import { onlyStoredMessages } from './plan-only-stored.ts';

/** Report at most this many problems. */
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

export interface ConditionsInput {
  readonly application: Application;
  readonly state: ApplicationCache;
  /** Undefined where nothing was compared. */
  readonly changeSet: ChangeSet | undefined;
  readonly syncOptions: readonly string[];
  readonly syncErrors: readonly string[];
  readonly obstacle: string | undefined;
  /** Problems that are likely at run time. */
  readonly foreseen: readonly string[];
  readonly nowMs: number;
}

export function planConditions(input: ConditionsInput): readonly ApplicationCondition[] {
  const { state, changeSet, obstacle } = input;
  const withCode = (code: string): readonly string[] =>
    (changeSet?.problems ?? []).filter((problem) => problem.code === code).map(({ message }) => message);
  return [
    ...conditionOf('RepeatedResourceWarning', withCode('duplicate')),
    ...conditionOf('SharedResourceWarning', [...withCode('shared-resource'), ...claimedMessages(changeSet)]),
    ...conditionOf('SyncError', input.syncErrors),
    ...conditionOf('ComparisonError', [obstacle]),
    ...conditionOf('NonAncestorWarning', [state.nonAncestor ?? rewriting(state)]),
    ...conditionOf('ExcludedResourceWarning', [
      ...(state.render?.warnings.values() ?? []),
      state.render?.passedOver,
    ]),
    ...conditionOf('PruneHeldWarning', heldMessages(input)),
    ...conditionOf('ConflictingWriterWarning', fightMessages(state.heals, input.nowMs)),
    ...conditionOf('DriftWarning', driftMessages(changeSet)),
    ...conditionOf('RuntimeWarning', input.foreseen),
    ...conditionOf('OnlyStoredWarning', onlyStoredMessages([...state.onlyStored.values()].flat())),
    ...conditionOf('UnsupportedOptionWarning', [
      ...optionComplaints(input.syncOptions),
      ...[...state.complaints.values()].flat(),
    ]),
  ];
}

/** What people changed past Git and no sync has put back: the automation is off, or its turn has not come. */
function driftMessages(changeSet: ChangeSet | undefined): readonly string[] {
  return (changeSet?.changes ?? []).flatMap(({ action, kind, key, live }) => {
    const who = action === 'update' ? changedBy(live) : undefined;
    return who === undefined ? [] : [`${kind.kind} ${key} differs from Git: changed by ${who}`];
  });
}

/** What another application may hold: it is handed over as soon as that one applies it. */
function claimedMessages(changeSet: ChangeSet | undefined): readonly string[] {
  return (changeSet?.held ?? [])
    .filter(({ reason }) => reason === 'claimed')
    .map(
      ({ kind, key }) =>
        `${kind.kind} "${key}" is no longer in Git here and stays: another application holds it`,
    );
}

/** After a restart the hold itself is what tells of the force-push. */
const rewriting = ({ brake }: ApplicationCache): string | undefined =>
  brake?.endsWith('history was rewritten') ? brake : undefined;

function heldMessages({ application, state, changeSet }: ConditionsInput): readonly string[] {
  const held = changeSet?.held ?? [];
  const reason = held.find((item) => !['claimed', 'off', 'rebuilding'].includes(item.reason))?.reason;
  if (reason === undefined) return [];
  const why = {
    empty: 'the render is empty and allowEmpty is not set',
    budget: `${state.brake ?? ''}; ${approvalAdvice(application, state.revision ?? '')}`,
    incomplete: 'an object is written twice',
    claimed: '',
    off: '',
    rebuilding: '',
  }[reason];
  return [`${held.length} objects are no longer in Git and stay: ${why}`];
}

function approvalAdvice(application: Application, revision: string): string {
  const used = isPruneApproved(application, undefined, revision);
  const first = used
    ? `remove the annotation ${APPROVE_PRUNE_ANNOTATION}, which is used up, then`
    : 'to delete them,';
  return `${first} set the annotation ${APPROVE_PRUNE_ANNOTATION}: ${revision}`;
}
