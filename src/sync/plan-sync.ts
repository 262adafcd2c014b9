/**
 * The next step of bringing one application to its commit. Pure.
 *
 * Waves: changes of the lowest wave first; a higher wave waits until every object of the lower ones is healthy.
 * Deletions come when nothing else is left to apply. Without automation nothing is applied unless it was asked for.
 */
import type { Change, ChangeSet } from '../diff/change-set.ts';
import { idOf } from '../diff/change-set.ts';
import { syncWave } from '../diff/annotations.ts';
import type { DesiredObject } from '../diff/change-set.ts';
import type { Health } from '../health/index.ts';
import type { Application } from '../schemas/types.ts';
import { keyOf } from '../schemas/object.ts';

export interface SyncPlanInput {
  readonly changeSet: ChangeSet;
  readonly desired: Iterable<DesiredObject>;
  healthOf(id: string): Health | undefined;
  readonly policy: SyncPolicy;
  /** A sync was asked for by a person (`symphony sync`, the `operation` field). */
  readonly requested: boolean;
  /** Whether the commit that is to be applied differs from the one that was applied last. */
  readonly newCommit: boolean;
}

export interface SyncPolicy {
  readonly automated: boolean;
  readonly prune: boolean;
  readonly selfHeal: boolean;
  readonly allowEmpty: boolean;
}

export interface SyncPlan {
  /** To be written in one commit, in order; empty when there is nothing to do now. */
  readonly step: readonly Change[];
  /** Whether, after this step, nothing is left to apply. */
  readonly last: boolean;
  /** Why changes wait. */
  readonly waitingFor: string | undefined;
}

/** Argo CD's `enabled: false` keeps the other settings for later. */
type Automated = NonNullable<NonNullable<Application['spec']['syncPolicy']>['automated']> & {
  enabled?: boolean;
};

export function syncPolicyOf(application: Application): SyncPolicy {
  const automated: Automated | undefined = application.spec.syncPolicy?.automated;
  return {
    automated: automated !== undefined && automated.enabled !== false,
    prune: automated?.prune ?? false,
    selfHeal: automated?.selfHeal ?? false,
    allowEmpty: automated?.allowEmpty ?? false,
  };
}

export function planSync(input: SyncPlanInput): SyncPlan {
  const { policy } = input;
  const changes = input.changeSet.changes.filter(({ action }) => action !== 'noop');
  if (changes.length === 0) return { step: [], last: true, waitingFor: undefined };
  const mayApply = input.requested || (policy.automated && (input.newCommit || policy.selfHeal));
  if (!mayApply) return { step: [], last: false, waitingFor: 'a sync, which is not automated' };
  const writes = changes.filter(({ action }) => action !== 'delete');
  if (writes.length === 0) return { step: changes, last: true, waitingFor: undefined };
  const wave = Math.min(...writes.map((change) => change.wave));
  const blocker = unhealthyBelow(wave, input);
  if (blocker !== undefined) return { step: [], last: false, waitingFor: blocker };
  const step = writes.filter((change) => change.wave === wave);
  const rest = writes.length - step.length;
  if (rest > 0) return { step, last: false, waitingFor: `wave ${wave}` };
  return {
    step: [...step, ...changes.filter(({ action }) => action === 'delete')],
    last: true,
    waitingFor: undefined,
  };
}

/** `Deployment "shop/db" of wave 0 (Progressing)`; looked for only where waves are used. */
function unhealthyBelow(wave: number, input: SyncPlanInput): string | undefined {
  for (const { kind, object } of input.desired) {
    const own = syncWave(object);
    if (own >= wave) continue;
    const status = input.healthOf(idOf(kind, keyOf(object)))?.status ?? 'Missing';
    if (status === 'Healthy' || status === 'Suspended') continue;
    return `${kind.kind} "${keyOf(object)}" of wave ${own} (${status})`;
  }
  return undefined;
}
