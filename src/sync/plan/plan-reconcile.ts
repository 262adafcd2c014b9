/**
 * The next plan of a reconcile, from its view: fetch, record the brake, follow the commit, render,
 * write step by step. A record that decides about deletions comes before they do. Pure.
 */
import { isHook } from '../../diff/annotations.ts';
import { type ManifestError, formatManifestError } from '../../schemas/manifest/index.ts';
import type { ComparedView, GitView, Plan, RestPlan, View } from '../types.ts';
import { startOperation, withHookResults } from './operation.ts';
import { hookHold, startsAttempt } from './plan-attempt.ts';
import { type PruneBaseline, baselineToRecord, withDeletions } from './plan-brake.ts';
import { planNamespaces } from './plan-namespaces.ts';
import { type End, comparisonFailure, planOutcome, refusalText } from './plan-outcome.ts';
import { planStep } from './plan-step.ts';
import { mayApply, planSync } from './plan-sync.ts';
import type { SyncOutcome } from './sync-outcome.ts';

/** Steps (waves that are healthy at once) of one reconcile; the rest goes on at the next. */
const MAX_STEPS = 50;

export function planReconcile(view: View): Plan {
  const { git, rendering, objects, baseline } = view;
  if (!git) return { do: 'fetch' };
  // The status is about to name the revision that the brake is put on for.
  if (git.brakeRecord && !baseline?.brake)
    return { do: 'record', field: 'pruneBaseline', value: git.brakeRecord };
  if (git.moved) return { do: 'follow', git, move: git.moved };
  if (rendering?.is === 'due') return { do: 'render', target: rendering.target };
  if (rendering?.is === 'failed')
    return rest(comparisonFailure(rendering.render.errors.map(withHint), undefined));
  if (rendering?.is === 'settled') return rest(rendering.outcome);
  const baselineRecord = dueBaseline(view, git);
  if (baselineRecord) return { do: 'record', field: 'pruneBaseline', value: baselineRecord };
  if (!objects) throw new Error('Cannot plan: the objects were not observed');
  return planObjects({ ...view, git, objects });
}

/** The baseline as it is to be recorded before anything of the commit is compared or written. */
export const dueBaseline = (
  { application, source, baseline }: View,
  { revision, brake }: GitView,
): PruneBaseline | undefined =>
  baselineToRecord(application, source, revision, { baseline, isBraked: brake !== undefined });

/** Why nothing more happens now, and whether time alone changes that. */
export function rest(outcome: SyncOutcome): RestPlan {
  const why = outcome.problems[0] ?? outcome.obstacle;
  const waits = outcome.retry || outcome.retryAtMs !== undefined;
  return waits ? { do: 'wait', outcome, why } : { do: 'hold', outcome, why };
}

/** A commit status that is too long leaves the hint out. */
const withHint = (error: ManifestError): string =>
  `${formatManifestError(error)}${error.hint === undefined ? '' : ` (hint: ${error.hint})`}`;

function planObjects(view: ComparedView): Plan {
  const { known, git, objects, operation, nowMs } = view;
  const { attempt, changeSet, denied } = objects;
  const end = (at: End): RestPlan => rest(planOutcome(view, at));

  if (attempt.isNewOperation && attempt.requested && !known.isStartTold) return { do: 'start' };
  if (denied.length > 0) return end({ changeSet, denied });

  const hold = hookHold(view);
  if (startsAttempt(view, hold))
    return { do: 'record', field: 'operationState', value: startOperation(operation, git.revision, nowMs) };
  // Nobody waits for a retry that nothing would begin.
  if (hold) return end({ failed: hold.message, retryAtMs: mayApply(attempt) ? hold.retryAtMs : undefined });
  return planWrites(view, end);
}

function planWrites(view: ComparedView, end: (at: End) => RestPlan): Plan {
  const { known, objects, operation, baseline, progress } = view;
  const { attempt, changeSet, open, hooks, uncounted, unserved } = objects;
  const namespaces = planNamespaces(
    [...open, ...(hooks ?? []).flatMap(({ create, live }) => (live ? [] : [create]))],
    objects.namespaceKind,
    (name) => objects.namespaces.has(name),
    attempt.syncOptions.includes('CreateNamespace=true'),
  );
  const plan = planSync({
    ...attempt,
    changeSet: { ...changeSet, changes: open },
    desired: known.desired.byId,
    unhealthy: known.unhealthy,
    first: namespaces.create,
    hooks,
    failure: [...progress.refused.values()].map(refusalText)[0],
  });
  if (plan.ended.length > 0 && operation)
    return { do: 'record', field: 'operationState', value: withHookResults(operation, plan.ended) };
  const tooLong = progress.steps >= MAX_STEPS;
  if (plan.step.length === 0 || tooLong || namespaces.missing.length > 0)
    return end({ changeSet, namespaces, plan, tooLong });
  const { step, waitingFor } = planStep(plan.step, { isServed: (kind) => !unserved.has(kind), uncounted });
  if (step.length === 0) return end({ changeSet, namespaces, plan: { ...plan, waitingFor } });
  const deleted = step.filter(({ action, object }) => action === 'delete' && !isHook(object)).length;
  if (deleted === 0 || !objects.isBraked) return { do: 'write', step, first: undefined };
  const value = withDeletions(baseline ?? {}, deleted);
  return { do: 'write', step, first: { do: 'record', field: 'pruneBaseline', value } };
}
