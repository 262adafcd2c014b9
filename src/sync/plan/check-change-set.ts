/**
 * Checks deletions and writes against docs/INVARIANTS.md right before they are made. Pure. The
 * planner never makes a step that breaks a rule, so a violation is a defect: nothing of the step is
 * written, and the error is loud.
 */
import { isHook } from '../../diff/annotations.ts';
import { type Change, CONTAINERS } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import { managingApplication } from '../../diff/tracking.ts';
import { isConfined } from '../../schemas/applications/application-author.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { Application } from '../../schemas/types.ts';
import type { Claims } from '../observe/hand-over.ts';
import type { ComparedView, ObjectsView, WritePlan } from '../types.ts';
import { unapprovedDeletions } from './plan-brake.ts';
import type { Hook } from './plan-hooks.ts';
import { unhealthyBelow } from './plan-sync.ts';

/** A sentence whose subject is the change; undefined where the change keeps the rule. */
type Rule = (change: Change, view: ComparedView, step: Step) => string | undefined;

/** A step with what its rules ask once, since a step may have ten thousand changes. */
interface Step extends Pick<WritePlan, 'first'> {
  readonly deletions: number;
  readonly hasOpenWrites: boolean;
  /** By wave: why its writes have to wait. */
  readonly waits: ReadonlyMap<number, string | undefined>;
}

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
  const { step, first } = plan;
  const { objects } = view;
  const deletions = step.filter((change) => isDeletion(change, objects)).length;
  const hasOpenWrites = objects.open.some((change) => isWrite(change, objects));
  const facts: Step = { first, deletions, hasOpenWrites, waits: waitsOf(plan, view) };
  return step.flatMap((change) =>
    RULES.flatMap(([invariant, rule]) => violation(invariant, change, rule(change, view, facts))),
  );
}

/** The Application that ends, with what it was planned from. */
export interface EndView {
  readonly application: Application;
  readonly key: string;
  readonly claims: Claims;
  readonly historyComplete: boolean;
}

/**
 * The deletions of an Application that ends. Render, brake and waves have no say: whoever deletes
 * an Application with its finalizer has asked for the end of all its objects.
 */
export function checkEnd(deletions: readonly Change[], view: EndView): readonly string[] {
  const isLost = view.historyComplete ? undefined : HISTORY_LOST;
  return deletions.flatMap((change) => [
    ...violation(6, change, isLost ?? isOfAnother(change, view.key, view.claims)),
    ...violation(13, change, leavesTheNamespace(change, view.application)),
  ]);
}

const HISTORY_LOST = 'comes while the history of the store is incomplete';

const violation = (invariant: number, { action, kind, key }: Change, why: string | undefined): string[] =>
  why === undefined ? [] : [`invariant ${invariant}: the ${action} of ${kind.kind} "${key}" ${why}`];

/** The hook of the running operation that the change makes or takes away. */
const hookOf = ({ object }: Change, { hooks = [] }: ObjectsView): Hook | undefined =>
  hooks.find(({ create }) => create.object === object);

const isDeletion = (change: Change, objects: ObjectsView): boolean =>
  change.action === 'delete' && !hookOf(change, objects);
const isWrite = (change: Change, objects: ObjectsView): boolean =>
  (change.action === 'create' || change.action === 'update') && !hookOf(change, objects);

/** Deletions come only from a complete render, and from a history that is known. */
function followsARender(change: Change, { known, rendering, objects, baseline }: ComparedView) {
  if (!isDeletion(change, objects)) return undefined;
  if (rendering?.is !== 'current' || !known.render || known.failedRender) return 'follows no complete render';
  if (!objects.historyComplete) return HISTORY_LOST;
  if (!baseline) return 'comes before a baseline is recorded';
  const { policy } = objects.attempt;
  if (known.desired.byId.size === 0 && !policy.allowEmpty) return 'follows an empty render';
  return policy.prune ? undefined : 'was not asked for';
}

/** A missing observation never means "delete". */
function keepsWhatGitHolds(change: Change, { key, known, objects }: ComparedView) {
  if (!isDeletion(change, objects)) return undefined;
  const id = idOf(change.kind, change.key);
  const isHeld = known.desired.byId.has(id) || known.hooks.byId.has(id);
  return isOfAnother(change, key, objects.claims) ?? (isHeld ? 'is of an object that Git holds' : undefined);
}

function isOfAnother(change: Change, key: string, { claimed }: Claims): string | undefined {
  const { uid, resourceVersion } = change.live?.metadata ?? {};
  if (uid === undefined || resourceVersion === undefined) return 'is of an object that was not observed';
  if (claimed.has(idOf(change.kind, change.key))) return 'is of an object that another application holds';
  return managingApplication(change.object) === key ? undefined : 'is of an object of another manager';
}

function keepsToTheBrake(change: Change, { baseline, objects }: ComparedView, { deletions, first }: Step) {
  if (!isDeletion(change, objects) || !objects.isBraked) return undefined;
  if (CONTAINERS.has(resourceIdOf(change.kind))) return 'takes other objects along without approval';
  if (deletions > unapprovedDeletions(baseline ?? {})) return 'exceeds the brake';
  return first?.field === 'pruneBaseline' ? undefined : 'is not counted before it is made';
}

function isOfTheRevision(_change: Change, { known, git }: ComparedView) {
  return known.revision === git.revision ? undefined : 'is of another revision than the one observed';
}

function staysInScope(change: Change, { application, key, objects }: ComparedView) {
  const outside = leavesTheNamespace(change, application);
  if (outside !== undefined) return outside;
  const { action, kind, object, live } = change;
  const manager = action === 'update' ? managingApplication(live ?? object) : undefined;
  const isForeign = manager !== undefined && manager !== key;
  return isForeign && objects.claims.takeOver?.has(idOf(kind, change.key)) !== true
    ? `takes an object from "${manager}"`
    : undefined;
}

function leavesTheNamespace({ kind, object }: Change, application: Application): string | undefined {
  const isOutside = !kind.namespaced || object.metadata.namespace !== application.metadata.namespace;
  return isConfined(application) && isOutside ? 'leaves the namespace of the Application' : undefined;
}

function followsTheWaves(change: Change, { objects }: ComparedView, { waits, hasOpenWrites }: Step) {
  if (isWrite(change, objects)) return waits.get(change.wave);
  const isLate = change.action === 'delete' && change.last === true;
  return isLate && hasOpenWrites ? 'comes before the writes that it waits for' : undefined;
}

function waitsOf({ step }: WritePlan, { known, objects }: ComparedView): Step['waits'] {
  const inStep = new Set(step);
  const later = objects.open.filter((change) => isWrite(change, objects) && !inStep.has(change));
  const health = { unhealthy: known.unhealthy, desired: known.desired.byId };
  const waitOf = (wave: number): string | undefined => {
    const earlier = later.find((other) => other.wave < wave);
    if (earlier) return `comes before ${earlier.kind.kind} "${earlier.key}" of wave ${earlier.wave}`;
    const blocker = unhealthyBelow(wave, health);
    return blocker === undefined ? undefined : `does not wait for ${blocker}`;
  };
  return new Map([...new Set(step.map(({ wave }) => wave))].map((wave) => [wave, waitOf(wave)]));
}

/**
 * The end of a hook is recorded before its object goes. An ended hook is not made again. An object
 * that Git holds as no hook is none, whatever somebody has written into its annotations.
 */
function runsHooksOnce(change: Change, { known, objects }: ComparedView) {
  const { action, kind, key, object } = change;
  const hook = hookOf(change, objects);
  if (!hook)
    return isHook(object) && !known.desired.byId.has(idOf(kind, key))
      ? 'is of a hook that the running operation does not have'
      : undefined;
  const { live, own, foreign, result } = hook;
  const isAllowed = action === 'create' ? !live && !result : !foreign && (!own || result !== undefined);
  return isAllowed ? undefined : 'is of a hook that has run, or is not this application’s';
}
