/**
 * Brings the store to what was rendered, step by step, until nothing more can be done now. Every step is planned anew
 * from what is live, so a worker that dies between two steps leaves nothing behind that the next one would not see.
 */
import {
  type Change,
  type ChangeSet,
  type ChangeSetOptions,
  type InventoryItem,
  planChangeSet,
} from '../diff/change-set.ts';
import { type DesiredObject, idOf } from '../diff/desired-set.ts';
import { isHook } from '../diff/annotations.ts';
import { managingApplication } from '../diff/tracking.ts';
import { assess, explain } from '../health/index.ts';
import { foresee } from './foreseen.ts';
import { type HandOver, concernsOthers, planHandOver } from './hand-over.ts';
import type { ManagedResources } from './managed-resources.ts';
import { jsonEqual } from '../base/json.ts';
import { asRecord } from '../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../schemas/object.ts';
import type { Application, ApplicationSource } from '../schemas/types.ts';
import { type ApplyError, applyChanges } from './apply-changes.ts';
import { deniedWrites } from './denied-writes.ts';
import type { ApplicationState } from './application-state.ts';
import { refreshHealth } from './assess-application.ts';
import {
  type OperationState,
  hasHooksStarted,
  hasSucceeded,
  isRunning,
  isUnderWay,
  namePartsOf,
  requestOf,
  runOf,
  startOperation,
  withHookResults,
} from './operation.ts';
import { baselineToRecord, isPruneApproved, unapprovedDeletions, withDeletions } from './plan-brake.ts';
import { healDueMs, noteHeal } from './plan-fights.ts';
import { type Hook, observeHooks } from './plan-hooks.ts';
import { planNamespaces } from './plan-namespaces.ts';
import { type OutcomeInput, QUOTA_PATIENCE_MS, planOutcome, refusalText } from './plan-outcome.ts';
import { nextTryMs, retryPolicyOf } from './plan-retry.ts';
import { planStep } from './plan-step.ts';
import { type SyncPlanInput, type SyncPolicy, mayApply, planSync, syncPolicyOf } from './plan-sync.ts';
import type { SyncContext } from './sync-context.ts';
import type { SyncOutcome } from './sync-outcome.ts';
import { tellStart, tellWritten } from './tell-progress.ts';

const QUOTA_PREFIX = 'resourcequotas|';
/** Steps (waves that are healthy at once) in one look; the rest goes on at the next. */
const MAX_STEPS = 50;

export async function applyCommit(
  application: Application,
  source: ApplicationSource,
  state: ApplicationState,
  context: SyncContext,
  obstacle: string | undefined,
  signal: AbortSignal,
): Promise<SyncOutcome> {
  const { managed } = context;
  const access = context.access();
  const key = keyOf(application);
  const request = requestOf(context.operation());
  const requested = request !== undefined;
  const policy = policyOf(application, request?.sync?.prune === true);
  const syncOptions = [
    ...(application.spec.syncPolicy?.syncOptions ?? []),
    ...(request?.sync?.syncOptions ?? []),
  ];
  const newCommit = !hasSucceeded(context.operation(), state.revision);
  const refused = standingRefusals(state, requested, context.nowMs());
  let unreadBy: readonly string[] = [];
  let fights: ReadonlyMap<string, number> = new Map();
  await recordBaseline(application, source, state, context);
  const healing = !newCommit && !requested;
  const isNewOperation = !healing && !isUnderWay(context.operation(), state.revision);
  if (isNewOperation && requested) await tellStart(request, source, state, context);
  let historyComplete: boolean | undefined;
  for (let step = 0; ; step += 1) {
    refreshOrphans(key, state, managed);
    if (state.orphans.size > 0) historyComplete ??= await context.historyComplete();
    const compared = await compare(application, source, state, context, {
      application: key,
      prune: policy.prune,
      allowEmpty: policy.allowEmpty,
      historyComplete: historyComplete ?? true,
      syncOptions,
      ignore: application.spec.ignoreDifferences ?? [],
      kept: state.hooks.byId,
    });
    const { changeSet } = compared;
    unreadBy = compared.unreadBy;
    fights = requested ? new Map() : heldFights(state, changeSet, context.nowMs());
    const open = changeSet.changes.filter(({ kind, key: name }) => {
      const id = idOf(kind, name);
      return !refused.has(id) && !fights.has(id);
    });
    const pending = open.some(({ action }) => action !== 'noop');
    if (step === 0 && mayApply({ policy, requested, newCommit })) {
      const hooks = newCommit || requested ? hooksOf(state) : [];
      const denied = await deniedWrites(access, open, hooks, managed);
      if (denied.length > 0) return planOutcome(look(), { changeSet, denied });
    }
    const operation = context.operation();
    const hold = hookHold(application, operation, state);
    const asked = { policy, requested, newCommit, pending };
    const starts = startsAttempt(state, operation, hold, asked, context.nowMs());
    if (starts && state.revision !== undefined) {
      await context.saveOperation(startOperation(operation, state.revision, context.nowMs()));
    } else if (hold) {
      // Nobody waits for a retry that nothing would begin.
      const retryAtMs = mayApply(asked) ? hold.retryAtMs : undefined;
      return planOutcome(look(), { failed: hold.message, retryAtMs });
    }
    const hooks = currentHooks(key, state, context);
    const namespaces = planNamespaces(
      [...open, ...(hooks ?? []).flatMap(({ create, live }) => (live ? [] : [create]))],
      context.namespaceKind,
      (name) => managed.namespaceExists(name),
      syncOptions.includes('CreateNamespace=true'),
    );
    refreshHealth(key, state, managed);
    const plan = planSync({
      changeSet: { ...changeSet, changes: open },
      desired: state.desired.byId,
      unhealthy: state.unhealthy,
      policy,
      requested,
      newCommit,
      first: namespaces.create,
      hooks,
      failure: [...refused.values()].map(refusalText)[0],
    });
    const current = context.operation();
    if (plan.ended.length > 0 && current) {
      await context.saveOperation(withHookResults(current, plan.ended));
      continue;
    }
    const uncounted = uncountedQuotas(state, managed, context.nowMs());
    if (plan.step.length === 0 || step >= MAX_STEPS || namespaces.missing.length > 0) {
      return planOutcome(look(), { changeSet, namespaces, plan, tooLong: step >= MAX_STEPS });
    }
    const { step: ready, waitingFor } = planStep(plan.step, {
      isServed: context.isServed,
      uncounted,
    });
    if (ready.length === 0)
      return planOutcome(look(), { changeSet, namespaces, plan: { ...plan, waitingFor } });
    const deleted = ready.filter(({ action, object }) => action === 'delete' && !isHook(object)).length;
    if (deleted > 0 && isBraked(application, state, context))
      await context.savePruneBaseline(withDeletions(context.pruneBaseline() ?? {}, deleted));
    if (isNewOperation) await tellStart(request, source, state, context);
    const result = await applyChanges(access.objects, ready, context.commitOptions(), signal);
    for (const error of result.errors) refused.set(idOf(error.change.kind, error.change.key), error);
    if (result.errors.length > 0) rememberRefusals(application, state, refused, context.nowMs());
    noteWritten(state, ready, refused, context.nowMs());
    const isWritten = ({ kind, key: name }: Change): boolean => !refused.has(idOf(kind, name));
    tellWritten(key, ready.filter(isWritten), { healing, refused: result.errors.length }, state, context);
    await managed.caughtUp(result.written, signal);
  }

  function look(): OutcomeInput {
    return {
      application,
      source,
      state,
      syncOptions,
      newCommit,
      mayApply: mayApply({ policy, requested, newCommit }),
      obstacle,
      foreseen: foresee(state, context.foresee),
      refused,
      fights,
      unreadBy,
      baseline: context.pruneBaseline(),
      operation: context.operation(),
      nowMs: context.nowMs(),
    };
  }
}

/** Compares what is dirty, and takes the marks off: right before, what Git does not hold is looked up. */
async function compare(
  application: Application,
  source: ApplicationSource,
  state: ApplicationState,
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

/** What follows from a step that was written. */
function noteWritten(
  state: ApplicationState,
  ready: readonly Change[],
  refused: ReadonlyMap<string, ApplyError>,
  nowMs: number,
): void {
  for (const change of ready) {
    const id = idOf(change.kind, change.key);
    state.healthDirty.add(id);
    state.dirty.add(id);
    if (!refused.has(id) && !isHook(change.object))
      noteHeal(state.heals, id, change, state.desired.byId.get(id), nowMs);
    if (change.action !== 'delete' && id.startsWith(QUOTA_PREFIX)) state.quotas.set(id, nowMs);
  }
}

/** Whether an attempt with hooks begins. */
function startsAttempt(
  state: ApplicationState,
  operation: OperationState | undefined,
  hold: HookHold | undefined,
  asked: Pick<SyncPlanInput, 'policy' | 'requested' | 'newCommit'> & { readonly pending: boolean },
  nowMs: number,
): boolean {
  const retryDue = hold === undefined || (hold.retryAtMs !== undefined && nowMs >= hold.retryAtMs);
  return (
    state.hooks.byId.size > 0 &&
    retryDue &&
    asked.newCommit &&
    !isRunning(operation, state.revision) &&
    mayApply(asked) &&
    (asked.requested || asked.pending || hold !== undefined)
  );
}

function isBraked(application: Application, state: ApplicationState, context: SyncContext): boolean {
  return state.brake !== undefined && !isPruneApproved(application, context.pruneBaseline(), state.revision);
}

/** A requested sync deletes only when that was asked for too, unless the automation would do it anyway. */
function policyOf(application: Application, prune: boolean): SyncPolicy {
  const policy = syncPolicyOf(application);
  return { ...policy, prune: policy.prune || prune };
}

/** Refusals that are not to be tried again yet. */
function standingRefusals(
  state: ApplicationState,
  requested: boolean,
  nowMs: number,
): Map<string, ApplyError> {
  const { refused } = state;
  if (!refused || requested || refused.revision !== state.revision) return new Map();
  if (refused.retryAtMs !== undefined && nowMs >= refused.retryAtMs) return new Map();
  return new Map(refused.errors);
}

function rememberRefusals(
  application: Application,
  state: ApplicationState,
  errors: Map<string, ApplyError>,
  nowMs: number,
): void {
  const before = state.refused?.revision === state.revision ? state.refused : undefined;
  const failures = (before?.failures ?? 0) + 1;
  const retryAtMs = nextTryMs(retryPolicyOf(application), failures, nowMs);
  state.refused = { revision: state.revision, failures, retryAtMs, errors };
}

interface HookHold {
  readonly message: string;
  readonly retryAtMs: number | undefined;
}

/** An attempt with hooks has failed at this commit: nothing of it happens again before the retry is due. */
function hookHold(
  application: Application,
  operation: OperationState | undefined,
  state: ApplicationState,
): HookHold | undefined {
  if (operation?.phase !== 'Failed' || !hasHooksStarted(operation, state.revision)) return undefined;
  return { message: operation.message, retryAtMs: retryTimeOf(application, operation) };
}

function retryTimeOf(application: Application, operation: OperationState): number | undefined {
  const failedMs = Date.parse(operation.finishedAt ?? operation.startedAt);
  return nextTryMs(retryPolicyOf(application), (operation.retryCount ?? 0) + 1, failedMs);
}

/**
 * Quotas of this application that wait for their first count; one that is never counted holds nothing up for long. Asked
 * in every look, so that none is waited for any longer than that.
 */
function uncountedQuotas(
  { quotas }: ApplicationState,
  managed: ManagedResources,
  nowMs: number,
): readonly KubeObject[] {
  return [...quotas].flatMap(([id, sinceMs]) => {
    const quota = managed.find(id)?.object;
    const hard = asRecord(quota?.['spec'])['hard'];
    const counted = jsonEqual(asRecord(quota?.['status'])['hard'], hard);
    if (quota && !counted && nowMs < sinceMs + QUOTA_PATIENCE_MS) return [quota];
    quotas.delete(id);
    return [];
  });
}

/** Objects that somebody changes again and again, with the time when each is healed next. */
function heldFights(
  { heals, desired }: ApplicationState,
  { changes }: ChangeSet,
  nowMs: number,
): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  for (const { action, kind, key } of changes) {
    const id = idOf(kind, key);
    const dueMs = action === 'noop' ? undefined : healDueMs(heals, id, desired.byId.get(id), nowMs);
    if (dueMs !== undefined) held.set(id, dueMs);
  }
  return held;
}

function currentHooks(
  application: string,
  state: ApplicationState,
  { managed, operation: read }: SyncContext,
): readonly Hook[] | undefined {
  const operation = read();
  if (!operation || !isRunning(operation, state.revision)) return undefined;
  return observeHooks(hooksOf(state), {
    application,
    run: runOf(operation),
    nameParts: namePartsOf(operation),
    results: operation.syncResult?.resources ?? [],
    live: (resource, name) => managed.live(resource, name),
    healthOf: assess,
    causeOf: (object, health) => explain(object, health, managed).text,
  });
}

/** Also two manifests for one hook, in a fixed order. */
function hooksOf({ hooks }: ApplicationState): readonly DesiredObject[] {
  return [...hooks.byId].flatMap(([id, first]) => [first, ...(hooks.repeated.get(id) ?? [])]);
}

/**
 * Which objects of the application Git does not hold: only what is dirty can have become one, or ceased to be. To be called
 * right before the compare, which takes the marks off.
 */
function refreshOrphans(application: string, state: ApplicationState, managed: ManagedResources): void {
  const isKept = (id: string): boolean => state.desired.byId.has(id) || state.hooks.byId.has(id);
  if (state.allDirty) {
    state.orphans.clear();
    for (const { kind, object } of managed.inventory(application)) {
      const id = idOf(kind, keyOf(object));
      if (!isKept(id)) state.orphans.add(id);
    }
    return;
  }
  for (const id of state.dirty) {
    const live = isKept(id) ? undefined : managed.find(id);
    if (live && managingApplication(live.object) === application) state.orphans.add(id);
    else state.orphans.delete(id);
  }
}

export function orphansOf(
  { orphans }: ApplicationState,
  managed: ManagedResources,
): readonly InventoryItem[] {
  return [...orphans].flatMap((id) => managed.find(id) ?? []);
}

/** What is as it should be needs no further look until something changes. */
function settle(state: ApplicationState, changeSet: ChangeSet): void {
  const open = new Set<string>();
  for (const { action, kind, key } of changeSet.changes) if (action !== 'noop') open.add(idOf(kind, key));
  for (const { kind, key } of changeSet.problems) open.add(idOf(kind, key));
  state.allDirty = false;
  state.dirty = open;
}

/** What the application manages, hooks aside. */
export function managedCount(application: string, managed: ManagedResources): number {
  return managed.inventory(application).filter(({ object }) => !isHook(object)).length;
}

/** The baseline of deletions outlives this process: it is in the status before anything of the revision is written. */
async function recordBaseline(
  application: Application,
  source: ApplicationSource,
  { brake, revision = '' }: ApplicationState,
  context: SyncContext,
): Promise<void> {
  const known = { baseline: context.pruneBaseline(), isBraked: brake !== undefined };
  const next = baselineToRecord(application, source, revision, known);
  if (next) await context.savePruneBaseline(next);
}
