/**
 * Whether a pod may be evicted now, and what that does to its disruption budget: pure; upstream's
 * rules and words.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { asNumber, asRecord, asRecords, asString } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { failure, type StatusError } from '../../schemas/errors/status.ts';
import type { Pod, PodCondition } from '../../schemas/types.ts';
import { forbidden } from '../refusals.ts';

export type EvictionPlan =
  | { readonly refused: StatusError }
  | {
      /** With its share taken; without one, nothing is taken. */
      readonly budget: KubeObject | undefined;
      /** The pod disrupts nothing as it is now. It might once it is ready. */
      readonly isPinned: boolean;
    };

/** More notes than that mean that the budget's controller counts evictions no more. */
const MAX_DISRUPTED_PODS = 2_000;
/** When to ask again while the budget's controller has not seen its newest form. */
const BEHIND_RETRY_SECONDS = 10;
const MESSAGE = "Cannot evict pod as it would violate the pod's disruption budget.";
const BUDGETS = { group: 'policy', plural: 'poddisruptionbudget' } as const;

/** A pod that has not started, has ended or is being deleted disrupts nothing. */
export function isFree(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return true;
  return ['Succeeded', 'Failed', 'Pending'].includes(phaseOf(pod));
}

const phaseOf = ({ status }: Pod): string => status?.phase ?? 'Pending';

export function planEviction(pod: Pod, budgets: readonly KubeObject[], nowMs: number): EvictionPlan {
  const [budget, second] = budgets;
  const isPending = pod.metadata.deletionTimestamp === undefined && phaseOf(pod) === 'Pending';
  if (!budget) return { budget: undefined, isPinned: isPending };
  if (second) {
    const why =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    return { refused: failure(500, 'InternalError', why) };
  }
  const counts = countsOf(budget);
  const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  if (!ready) {
    const policy = asString(asRecord(budget['spec'])['unhealthyPodEvictionPolicy']);
    const enough = counts.desiredHealthy > 0 && counts.currentHealthy >= counts.desiredHealthy;
    if (policy === 'AlwaysAllow' || enough) return { budget: undefined, isPinned: true };
  }
  const refused = refusal(budget, counts);
  return refused ? { refused } : { budget: take(budget, pod.metadata.name, nowMs), isPinned: false };
}

interface Counts {
  readonly observedGeneration: number;
  readonly disruptionsAllowed: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
}

function countsOf(budget: KubeObject): Counts {
  const status = asRecord(budget['status']);
  const count = (name: keyof Counts): number => asNumber(status[name]) ?? 0;
  return {
    observedGeneration: count('observedGeneration'),
    disruptionsAllowed: count('disruptionsAllowed'),
    currentHealthy: count('currentHealthy'),
    desiredHealthy: count('desiredHealthy'),
  };
}

function refusal(budget: KubeObject, counts: Counts): StatusError | undefined {
  const { name, generation = 0 } = budget.metadata;
  const cause = (message: string) => ({ reason: 'DisruptionBudget', message });
  if (counts.observedGeneration < generation)
    return failure(429, 'TooManyRequests', MESSAGE, {
      causes: [cause(`The disruption budget ${name} is still being processed by the server.`)],
      retryAfterSeconds: BEHIND_RETRY_SECONDS,
    });
  if (counts.disruptionsAllowed < 0)
    return forbidden(BUDGETS, name, 'pdb disruptions allowed is negative', [
      cause(
        `The disruption budget ${name} does not allow evicting pods currently: pdb disruptions allowed is negative`,
      ),
    ]);
  if (Object.keys(asRecord(asRecord(budget['status'])['disruptedPods'])).length > MAX_DISRUPTED_PODS)
    return forbidden(
      BUDGETS,
      name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
      [
        cause(
          `The disruption budget ${name} does not allow evicting pods currently: too many pending evictions not confirmed by PDB controller`,
        ),
      ],
    );
  if (counts.disruptionsAllowed === 0)
    return failure(429, 'TooManyRequests', MESSAGE, { causes: [cause(exhaustedText(budget, counts))] });
  return undefined;
}

function exhaustedText(budget: KubeObject, { currentHealthy, desiredHealthy }: Counts): string {
  const { name } = budget.metadata;
  const condition = asRecords(asRecord(budget['status'])['conditions']).find(
    ({ type, status }) => type === 'DisruptionAllowed' && status === 'False',
  );
  const [reason, message] = [asString(condition?.['reason']), asString(condition?.['message'])];
  const closed = `The disruption budget ${name} does not allow evicting pods currently`;
  if (reason === 'SyncFailed' && message !== '') return `${closed} because it failed sync: ${message}`;
  if (currentHealthy <= desiredHealthy)
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return message === '' ? closed : `${closed} (${reason}): ${message}`;
}

/** One eviction less, and a note of whose it was. */
function take(budget: KubeObject, pod: string, nowMs: number): KubeObject {
  const status = asRecord(budget['status']);
  const left = (asNumber(status['disruptionsAllowed']) ?? 0) - 1;
  const now = toRfc3339(nowMs);
  const conditions = asRecords(status['conditions']).map((condition) =>
    left === 0 && condition['type'] === 'DisruptionAllowed' && condition['status'] !== 'False'
      ? { ...condition, status: 'False', reason: 'InsufficientPods', lastTransitionTime: now }
      : condition,
  );
  return {
    ...budget,
    status: {
      ...status,
      ...(conditions.length > 0 ? { conditions } : {}),
      disruptionsAllowed: left,
      disruptedPods: { ...asRecord(status['disruptedPods']), [pod]: now },
    },
  };
}

/** The pod with the condition that tells why it is about to go. */
export function withDisruptionTarget(pod: Pod, nowMs: number): Pod {
  const type = 'DisruptionTarget';
  const before = pod.status?.conditions?.find((condition) => condition.type === type);
  const condition: PodCondition = {
    type,
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime:
      before?.status === 'True' ? (before.lastTransitionTime ?? toRfc3339(nowMs)) : toRfc3339(nowMs),
  };
  const others = (pod.status?.conditions ?? []).filter((other) => other.type !== type);
  return { ...pod, status: { ...pod.status, conditions: [...others, condition] } };
}
