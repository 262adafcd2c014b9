/**
 * The next step of bringing one application to its commit. Pure.
 *
 * Waves: changes of the lowest wave first; a higher wave waits until every lower object is healthy.
 * Deletions come when nothing else is left to apply. Those with PruneLast also wait until
 * everything is healthy. Without automation nothing is applied unless it was asked for.
 *
 * With hooks (only in an operation: a new commit or a requested sync, never while drift is healed)
 * the phases are PreSync, Sync, PostSync; after a failure SyncFail instead of what is left.
 */
import type { Change, ChangeSet } from '../../diff/change-set.ts';
import type { DesiredObject } from '../../diff/desired-set.ts';
import { syncWave } from '../../diff/annotations.ts';
import type { Health } from '../../health/index.ts';
import type { Application } from '../../schemas/types.ts';
import { keyOf } from '../../schemas/object.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { Attempt, SyncPolicy } from '../types.ts';
import type { HookResult } from './operation.ts';
import {
  type Hook,
  endedHookDeletions,
  hookFailure,
  lowestOpenWave,
  planHookPhase,
  planHookWave,
} from './plan-hooks.ts';

export interface SyncPlanInput extends Pick<Attempt, 'policy' | 'requested' | 'newCommit'> {
  readonly changeSet: ChangeSet;
  /** The objects in Git by id, and the health of those that are not healthy. */
  readonly desired: ReadonlyMap<string, DesiredObject>;
  readonly unhealthy: ReadonlyMap<string, Health>;
  /** Namespaces that everything else needs. */
  readonly first: readonly Change[];
  /** The hooks of the operation that is under way; undefined when none is. */
  readonly hooks: readonly Hook[] | undefined;
  /** Why the operation has failed apart from its hooks: what the store refused. */
  readonly failure: string | undefined;
}

export interface SyncPlan {
  /** To be written in one commit, in order; empty when there is nothing to do now. */
  readonly step: readonly Change[];
  /** Whether, after this step, nothing is left to apply. */
  readonly last: boolean;
  /** Why changes wait. */
  readonly waitingFor: string | undefined;
  /** Nobody has asked for the changes yet, and nothing is automated: no operation is under way. */
  readonly idle: boolean;
  /** Hooks that have ended: to be recorded before anything else is done. */
  readonly ended: readonly HookResult[];
  /** Why the operation is over without success. */
  readonly failed: string | undefined;
}

export function syncPolicyOf(application: Application): SyncPolicy {
  const automated = application.spec.syncPolicy?.automated;
  return {
    automated: automated !== undefined,
    prune: automated?.prune ?? false,
    selfHeal: automated?.selfHeal ?? false,
    allowEmpty: automated?.allowEmpty ?? false,
  };
}

const NOTHING: SyncPlan = {
  step: [],
  last: true,
  waitingFor: undefined,
  idle: false,
  ended: [],
  failed: undefined,
};
const wait = (waitingFor: string): SyncPlan => ({ ...NOTHING, last: false, waitingFor });
const doNow = (step: readonly Change[], waitingFor?: string): SyncPlan => ({
  ...NOTHING,
  step,
  last: waitingFor === undefined,
  waitingFor,
});

/** Whether changes may be applied at all. */
export const mayApply = ({
  policy,
  ...attempt
}: Pick<Attempt, 'policy' | 'requested' | 'newCommit'>): boolean =>
  attempt.requested || (policy.automated && (attempt.newCommit || policy.selfHeal));

export function planSync(input: SyncPlanInput): SyncPlan {
  const changes = input.changeSet.changes.filter(({ action }) => action !== 'noop');
  if (changes.length + input.first.length === 0 && !input.hooks) return NOTHING;
  if (!mayApply(input)) return { ...wait('a sync, which is not automated'), idle: true };
  if (input.hooks) return planPhases(changes, input.hooks, input);
  if (input.first.length > 0) return doNow(input.first, 'the namespaces');
  return planChanges(changes, [], input);
}

function planPhases(changes: readonly Change[], hooks: readonly Hook[], input: SyncPlanInput): SyncPlan {
  const ended = hooks.flatMap((hook) => (hook.ended ? [hook.ended] : []));
  if (ended.length > 0) return { ...NOTHING, last: false, ended };
  const deletions = endedHookDeletions(hooks);
  if (deletions.length > 0) return doNow(deletions, 'the deletion of hooks that have ended');
  const failure = hookFailure(hooks) ?? input.failure;
  if (failure !== undefined) {
    const cleanUp = planHookPhase(hooks, 'SyncFail');
    return cleanUp ? doNow(cleanUp.step, cleanUp.waitingFor) : { ...NOTHING, failed: failure };
  }
  if (input.first.length > 0) return doNow(input.first, 'the namespaces');
  const before = planHookPhase(hooks, 'PreSync');
  if (before) return doNow(before.step, before.waitingFor);
  const sync = planChanges(changes, hooks, input);
  if (!sync.last || sync.step.length > 0) return { ...sync, last: false };
  const after = planHookPhase(hooks, 'PostSync');
  if (!after) return NOTHING;
  const blocker = unhealthyBelow(Infinity, input);
  return blocker === undefined ? doNow(after.step, after.waitingFor) : wait(blocker);
}

/** Changes by wave, and with them the Sync hooks of the same waves. */
function planChanges(changes: readonly Change[], hooks: readonly Hook[], input: SyncPlanInput): SyncPlan {
  const writes = changes.filter(({ action }) => action !== 'delete');
  const hookWave = lowestOpenWave(hooks, 'Sync');
  const wave = Math.min(...writes.map((change) => change.wave), hookWave ?? Infinity);
  const lifted = changes.filter(isLiftedLimit);
  if (lifted.length > 0 && wave < Infinity) return doNow(lifted, 'limits that go');
  if (wave === Infinity) return planDeletions(changes, input);
  const blocker = unhealthyBelow(wave, input);
  if (blocker !== undefined) return wait(blocker);
  const hooked = hookWave === wave ? planHookWave(hooks, 'Sync', wave) : undefined;
  const ofWave = writes.filter((change) => change.wave === wave);
  const step = [...ofWave, ...(hooked?.step ?? [])];
  if (hooked) return doNow(step, hooked.waitingFor);
  const rest = writes.length - ofWave.length;
  if (rest > 0) return doNow(step, `wave ${wave}`);
  const deletions = changes.filter(({ action, last }) => action === 'delete' && !last);
  const later = changes.some(({ action, last }) => action === 'delete' && last);
  return doNow([...step, ...deletions], later ? 'the deletions that come last' : undefined);
}

/** Limits that Git no longer holds go before the writes that they would refuse. */
const isLiftedLimit = ({ action, kind, last }: Change): boolean =>
  action === 'delete' && !last && ['limitranges', 'resourcequotas'].includes(resourceIdOf(kind));

function planDeletions(changes: readonly Change[], input: SyncPlanInput): SyncPlan {
  const early = changes.filter(({ last }) => !last);
  const late = changes.filter(({ last }) => last);
  if (late.length === 0) return early.length === 0 ? NOTHING : doNow(early);
  if (early.length > 0) return doNow(early, 'the deletions that come last');
  const blocker = unhealthyBelow(Infinity, input);
  return blocker === undefined ? doNow(late) : wait(blocker);
}

/** `Deployment "shop/db" of wave 0 (Progressing)`. */
export function unhealthyBelow(
  wave: number,
  input: Pick<SyncPlanInput, 'unhealthy' | 'desired'>,
): string | undefined {
  for (const [id, { status }] of input.unhealthy) {
    const item = status === 'Suspended' ? undefined : input.desired.get(id);
    if (!item) continue;
    const { kind, object } = item;
    const own = syncWave(object);
    if (own < wave) return `${kind.kind} "${keyOf(object)}" of wave ${own} (${status})`;
  }
  return undefined;
}
