/**
 * Brings the store to what was rendered, step by step, until nothing more can be done now. Every step is planned anew
 * from what is live, so a worker that dies between two steps leaves nothing behind that the next one would not see.
 */
import { jsonEqual } from '../base/json.ts';
import { isHook } from '../diff/annotations.ts';
import type { Change, ChangeSet } from '../diff/change-set.ts';
import { idOf } from '../diff/desired-set.ts';
import { asRecord } from '../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../schemas/object.ts';
import type { Application, ApplicationSource } from '../schemas/types.ts';
import type { ApplicationState } from './application-state.ts';
import { type ApplyError, applyChanges } from './apply-changes.ts';
import { refreshHealth } from './assess-application.ts';
import { compareApplication, isBraked } from './compare-application.ts';
import { deniedWrites } from './denied-writes.ts';
import { foresee } from './foreseen.ts';
import { currentHooks, hookHold, hooksOf, startsAttempt } from './hook-attempts.ts';
import type { ManagedResources } from './managed-resources.ts';
import {
  type OperationRequest,
  hasSucceeded,
  isUnderWay,
  requestOf,
  startOperation,
  withHookResults,
} from './operation.ts';
import { refreshOrphans } from './orphans.ts';
import { baselineToRecord, withDeletions } from './plan-brake.ts';
import { heldFights, noteHeal } from './plan-fights.ts';
import { planNamespaces } from './plan-namespaces.ts';
import { type LookEnd, QUOTA_PATIENCE_MS, planOutcome, refusalText } from './plan-outcome.ts';
import { planStep } from './plan-step.ts';
import { type SyncPlanInput, type SyncPolicy, mayApply, planSync, syncPolicyOf } from './plan-sync.ts';
import { rememberRefusals, standingRefusals } from './standing-refusals.ts';
import type { SyncAccess } from './sync-access.ts';
import type { SyncContext } from './sync-context.ts';
import type { SyncOutcome } from './sync-outcome.ts';
import { tellStart, tellWritten } from './tell-progress.ts';

const QUOTA_PREFIX = 'resourcequotas|';
/** Steps (waves that are healthy at once) in one look; the rest goes on at the next. */
const MAX_STEPS = 50;

/** One look at a commit, step after step. */
interface Run {
  readonly application: Application;
  readonly key: string;
  readonly source: ApplicationSource;
  readonly state: ApplicationState;
  readonly context: SyncContext;
  readonly access: SyncAccess;
  readonly request: OperationRequest | undefined;
  readonly asked: Pick<SyncPlanInput, 'policy' | 'requested' | 'newCommit'>;
  readonly syncOptions: readonly string[];
  /** Drift is undone, at a commit that was applied before. */
  readonly healing: boolean;
  readonly isNewOperation: boolean;
  readonly obstacle: string | undefined;
  readonly refused: Map<string, ApplyError>;
  /** From the last comparison. */
  unreadBy: readonly string[];
  fights: ReadonlyMap<string, number>;
  historyComplete: boolean | undefined;
}

export async function applyCommit(
  application: Application,
  source: ApplicationSource,
  state: ApplicationState,
  context: SyncContext,
  obstacle: string | undefined,
  signal: AbortSignal,
): Promise<SyncOutcome> {
  const { managed } = context;
  const run = openRun(application, source, state, context, obstacle);
  const { asked, syncOptions, refused, key } = run;
  await recordBaseline(application, source, state, context);
  if (run.isNewOperation && asked.requested) await tellStart(run.request, source, state, context);
  for (let step = 0; ; step += 1) {
    const changeSet = await compareAgain(run);
    const open = changeSet.changes.filter((change) => !isHeldBack(run, change));
    const denied = step === 0 ? await deniedIn(run, open) : [];
    if (denied.length > 0) return endOf(run, { changeSet, denied });
    const held = await beginAttempt(run, open);
    if (held) return endOf(run, held);
    const hooks = currentHooks(key, state, context);
    const namespaces = planNamespaces(
      [...open, ...(hooks ?? []).flatMap(({ create, live }) => (live ? [] : [create]))],
      context.namespaceKind,
      (name) => managed.namespaceExists(name),
      syncOptions.includes('CreateNamespace=true'),
    );
    refreshHealth(key, state, managed);
    const plan = planSync({
      ...asked,
      changeSet: { ...changeSet, changes: open },
      desired: state.desired.byId,
      unhealthy: state.unhealthy,
      first: namespaces.create,
      hooks,
      failure: [...refused.values()].map(refusalText)[0],
    });
    const operation = context.operation();
    if (plan.ended.length > 0 && operation) {
      await context.saveOperation(withHookResults(operation, plan.ended));
      continue;
    }
    const uncounted = uncountedQuotas(state, managed, context.nowMs());
    const tooLong = step >= MAX_STEPS;
    if (plan.step.length === 0 || tooLong || namespaces.missing.length > 0)
      return endOf(run, { changeSet, namespaces, plan, tooLong });
    const { step: ready, waitingFor } = planStep(plan.step, { isServed: context.isServed, uncounted });
    if (ready.length === 0) return endOf(run, { changeSet, namespaces, plan: { ...plan, waitingFor } });
    await writeStep(run, ready, signal);
  }
}

function openRun(
  application: Application,
  source: ApplicationSource,
  state: ApplicationState,
  context: SyncContext,
  obstacle: string | undefined,
): Run {
  const operation = context.operation();
  const request = requestOf(operation);
  const requested = request !== undefined;
  const newCommit = !hasSucceeded(operation, state.revision);
  const healing = !newCommit && !requested;
  return {
    application,
    key: keyOf(application),
    source,
    state,
    context,
    access: context.access(),
    request,
    asked: { policy: policyOf(application, request?.sync?.prune === true), requested, newCommit },
    syncOptions: [...(application.spec.syncPolicy?.syncOptions ?? []), ...(request?.sync?.syncOptions ?? [])],
    healing,
    isNewOperation: !healing && !isUnderWay(operation, state.revision),
    obstacle,
    refused: standingRefusals(state, requested, context.nowMs()),
    unreadBy: [],
    fights: new Map(),
    historyComplete: undefined,
  };
}

function endOf(run: Run, end: LookEnd): SyncOutcome {
  const { context, state, asked } = run;
  const input = {
    ...run,
    newCommit: asked.newCommit,
    mayApply: mayApply(asked),
    foreseen: foresee(state, context.foresee),
    baseline: context.pruneBaseline(),
    operation: context.operation(),
    nowMs: context.nowMs(),
  };
  return planOutcome(input, end);
}

async function compareAgain(run: Run): Promise<ChangeSet> {
  const { application, key, source, state, context, asked } = run;
  refreshOrphans(key, state, context.managed);
  if (state.orphans.size > 0) run.historyComplete ??= await context.historyComplete();
  const { changeSet, unreadBy } = await compareApplication(application, source, state, context, {
    application: key,
    prune: asked.policy.prune,
    allowEmpty: asked.policy.allowEmpty,
    historyComplete: run.historyComplete ?? true,
    syncOptions: run.syncOptions,
    ignore: application.spec.ignoreDifferences ?? [],
    kept: state.hooks.byId,
  });
  run.unreadBy = unreadBy;
  run.fights = asked.requested ? new Map() : heldFights(state, changeSet, context.nowMs());
  return changeSet;
}

/** Refused at this commit, or healed too often of late. */
function isHeldBack({ refused, fights }: Run, { kind, key }: Change): boolean {
  const id = idOf(kind, key);
  return refused.has(id) || fights.has(id);
}

async function deniedIn(
  { access, asked, state, context }: Run,
  open: readonly Change[],
): Promise<readonly string[]> {
  if (!mayApply(asked)) return [];
  const hooks = asked.newCommit || asked.requested ? hooksOf(state) : [];
  return deniedWrites(access, open, hooks, context.managed);
}

/** Begins an attempt with hooks where one is due; answers why nothing of the commit may happen before its retry. */
async function beginAttempt(
  { application, state, context, asked }: Run,
  open: readonly Change[],
): Promise<LookEnd | undefined> {
  const operation = context.operation();
  const hold = hookHold(application, operation, state);
  const pending = open.some(({ action }) => action !== 'noop');
  const starts = startsAttempt(state, operation, hold, { ...asked, pending }, context.nowMs());
  if (starts && state.revision !== undefined) {
    await context.saveOperation(startOperation(operation, state.revision, context.nowMs()));
    return undefined;
  }
  // Nobody waits for a retry that nothing would begin.
  return hold && { failed: hold.message, retryAtMs: mayApply(asked) ? hold.retryAtMs : undefined };
}

async function writeStep(run: Run, ready: readonly Change[], signal: AbortSignal): Promise<void> {
  const { application, key, source, state, context, refused, healing } = run;
  const deleted = ready.filter(({ action, object }) => action === 'delete' && !isHook(object)).length;
  if (deleted > 0 && isBraked(application, state, context))
    await context.savePruneBaseline(withDeletions(context.pruneBaseline() ?? {}, deleted));
  if (run.isNewOperation) await tellStart(run.request, source, state, context);
  const { written, errors } = await applyChanges(run.access, ready, context.commitOptions(), signal);
  for (const error of errors) refused.set(idOf(error.change.kind, error.change.key), error);
  if (errors.length > 0) rememberRefusals(application, state, refused, context.nowMs());
  noteWritten(state, ready, refused, context.nowMs());
  const done = ready.filter(({ kind, key: name }) => !refused.has(idOf(kind, name)));
  tellWritten(key, done, { healing, refused: errors.length }, state, context);
  await context.managed.caughtUp(written, signal);
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

/** A requested sync deletes only when that was asked for too, unless the automation would do it anyway. */
function policyOf(application: Application, prune: boolean): SyncPolicy {
  const policy = syncPolicyOf(application);
  return { ...policy, prune: policy.prune || prune };
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
