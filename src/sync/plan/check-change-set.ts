/**
 * Checks a step against docs/INVARIANTS.md right before it is written. Pure. The planner never
 * makes such a step, so a violation is a defect: the step is not written, and the error is loud.
 */
import { isHook } from '../../diff/annotations.ts';
import { type Change, CONTAINERS } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import { managingApplication } from '../../diff/tracking.ts';
import { isConfined } from '../../schemas/applications/application-author.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { ComparedView, WritePlan } from '../types.ts';
import { unapprovedDeletions } from './plan-brake.ts';
import { unhealthyBelow } from './plan-sync.ts';

/** What the rules ask of a step and its view, found once: a step may have ten thousand changes. */
interface Step extends WritePlan {
  readonly deletions: number;
  readonly hasOpenWrites: boolean;
  /** The write of the lowest wave that the step leaves open. */
  readonly left: Change | undefined;
  /** What a write of the wave still waits for. */
  blockerOf(wave: number): string | undefined;
}

/** A sentence whose subject is the change; undefined where the change keeps the rule. */
type Rule = (change: Change, view: ComparedView, step: Step) => string | undefined;

const isDeletion = ({ action, object }: Change): boolean => action === 'delete' && !isHook(object);
const isWrite = ({ action, object }: Change): boolean =>
  (action === 'create' || action === 'update') && !isHook(object);

/** By the number of the invariant. */
const RULES: readonly (readonly [number, Rule])[] = [
  [6, followsARender],
  [6, keepsWhatGitHolds],
  [6, keepsToTheBrake],
  [7, isOfTheRevision],
  [13, staysInScope],
  [17, followsTheWaves],
  [17, runsHooksOnce],
];

export function checkChangeSet(plan: WritePlan, view: ComparedView): readonly string[] {
  const step = stepOf(plan, view);
  return plan.step.flatMap((change) =>
    RULES.flatMap(([invariant, rule]) => {
      const why = rule(change, view, step);
      const what = `${change.action} of ${change.kind.kind} "${change.key}"`;
      return why === undefined ? [] : [`invariant ${invariant}: the ${what} ${why}`];
    }),
  );
}

function stepOf(plan: WritePlan, { known, objects }: ComparedView): Step {
  const planned = new Set(plan.step);
  const writes = objects.open.filter(isWrite);
  const [left] = writes.filter((change) => !planned.has(change)).sort((a, b) => a.wave - b.wave);
  const input = { unhealthy: known.unhealthy, desired: known.desired.byId };
  const blockers = new Map<number, string | undefined>();
  return {
    ...plan,
    deletions: plan.step.filter(isDeletion).length,
    hasOpenWrites: writes.length > 0,
    left,
    blockerOf(wave) {
      if (!blockers.has(wave)) blockers.set(wave, unhealthyBelow(wave, input));
      return blockers.get(wave);
    },
  };
}

/** Deletions come only from a complete render, and from a history that is known. */
function followsARender(change: Change, { known, rendering, objects, baseline }: ComparedView) {
  if (!isDeletion(change)) return undefined;
  if (rendering?.is !== 'current' || !known.render || known.failedRender) return 'follows no complete render';
  if (!objects.historyComplete) return 'comes while the history of the store is incomplete';
  if (!baseline) return 'comes before a baseline is recorded';
  const { policy } = objects.attempt;
  if (known.desired.byId.size === 0 && !policy.allowEmpty) return 'follows an empty render';
  return policy.prune ? undefined : 'was not asked for';
}

/** A missing observation never means "delete". */
function keepsWhatGitHolds(change: Change, { key, known, objects }: ComparedView) {
  if (!isDeletion(change)) return undefined;
  const { uid, resourceVersion } = change.live?.metadata ?? {};
  if (uid === undefined || resourceVersion === undefined) return 'is of an object that was not observed';
  const id = idOf(change.kind, change.key);
  if (known.desired.byId.has(id) || known.hooks.byId.has(id)) return 'is of an object that Git holds';
  if (objects.claims.claimed.has(id)) return 'is of an object that another application holds';
  return managingApplication(change.object) === key ? undefined : 'is of an object of another manager';
}

function keepsToTheBrake(change: Change, { baseline, objects }: ComparedView, { deletions, first }: Step) {
  if (!isDeletion(change) || !objects.isBraked) return undefined;
  if (CONTAINERS.has(resourceIdOf(change.kind))) return 'takes other objects along without approval';
  if (deletions > unapprovedDeletions(baseline ?? {})) return 'exceeds the brake';
  return first?.field === 'pruneBaseline' ? undefined : 'is not counted before it is made';
}

function isOfTheRevision(_change: Change, { known, git }: ComparedView) {
  return known.revision === git.revision ? undefined : 'is of another revision than the one observed';
}

function staysInScope({ kind, key, object, live, action }: Change, view: ComparedView) {
  const { application, objects } = view;
  const isOutside = !kind.namespaced || object.metadata.namespace !== application.metadata.namespace;
  if (isConfined(application) && isOutside) return 'leaves the namespace of the Application';
  const manager = action === 'update' ? managingApplication(live ?? object) : undefined;
  const isForeign = manager !== undefined && manager !== view.key;
  return isForeign && objects.claims.takeOver?.has(idOf(kind, key)) !== true
    ? `takes an object from "${manager}"`
    : undefined;
}

function followsTheWaves(change: Change, _view: ComparedView, { left, hasOpenWrites, blockerOf }: Step) {
  if (change.action === 'delete' && change.last === true && hasOpenWrites)
    return 'comes before the writes that it waits for';
  if (!isWrite(change)) return undefined;
  if (left && left.wave < change.wave)
    return `comes before ${left.kind.kind} "${left.key}" of wave ${left.wave}`;
  const blocker = blockerOf(change.wave);
  return blocker === undefined ? undefined : `does not wait for ${blocker}`;
}

/** The end of a hook is recorded before its object goes. An ended hook is not made again. */
function runsHooksOnce({ action, kind, key, object }: Change, { objects }: ComparedView) {
  if (!isHook(object)) return undefined;
  const own = (objects.hooks ?? []).filter(
    ({ create }) => create.key === key && resourceIdOf(create.kind) === resourceIdOf(kind),
  );
  const isAllowed = own.some((hook) =>
    action === 'create'
      ? !hook.live && !hook.result
      : !hook.foreign && (!hook.own || hook.result !== undefined),
  );
  return isAllowed ? undefined : 'is none that the running operation has recorded';
}
