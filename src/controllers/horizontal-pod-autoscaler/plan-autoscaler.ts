/**
 * The plan of a HorizontalPodAutoscaler: the number of replicas that its metrics ask for, within
 * its limits, and what its status says. Pure. The order of decisions, the conditions, the events
 * and their texts are those of Kubernetes' horizontal controller.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import type { HorizontalPodAutoscaler } from '../../schemas/types.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import { statusUpdate } from '../ownership.ts';
import {
  type AutoscalerPlan,
  type AutoscalerStatus,
  type AutoscalerView,
  type Draft,
  type ScaleTarget,
  setCondition,
  tell,
} from './autoscaler-view.ts';
import {
  initialMemory,
  type Limited,
  limitReplicas,
  type Limits,
  memoryAt,
  remember,
  rememberRescale,
  type ScalingMemory,
  type Told,
} from './plan-limits.ts';
import { planProposals } from './plan-proposals.ts';

/** Metrics decide only where the number is within its bounds. */
export function needsMetrics({ spec }: HorizontalPodAutoscaler, replicas: number): boolean {
  return replicas !== 0 && replicas <= spec.maxReplicas && replicas >= (spec.minReplicas ?? 1);
}

export function planAutoscaler(view: AutoscalerView, nowMs: number): AutoscalerPlan {
  const { autoscaler, target, options } = view;
  const draft: Draft = { view, nowMs, conditions: autoscaler.status?.conditions ?? [], events: [] };
  if ('missing' in target) {
    tell(draft, 'failedGetScale', target.missing);
    setCondition(draft, 'AbleToScale', 'False', {
      reason: 'FailedGetScale',
      message: `the HPA controller was unable to get the target's current scale: ${target.missing}`,
    });
    return finish(draft, {}, view.memory);
  }
  setCondition(draft, 'AbleToScale', 'True', {
    reason: 'SucceededGetScale',
    message: "the HPA controller was able to get the target's current scale",
  });
  const { uid = '' } = autoscaler.metadata;
  const { specReplicas: current } = target;
  const known = view.memory?.uid === uid ? memoryAt(view.memory, nowMs) : initialMemory(uid, current, nowMs);
  const { minReplicas = 1, maxReplicas } = autoscaler.spec;
  if (current === 0) {
    setCondition(draft, 'ScalingActive', 'False', {
      reason: 'ScalingDisabled',
      message: 'scaling is disabled since the replica count of the target is zero',
    });
    return finish(draft, counts(0, 0), known);
  }
  if (current > maxReplicas)
    return rescaleTo(draft, target, maxReplicas, 'Current number of replicas above Spec.MaxReplicas', known);
  if (current < minReplicas)
    return rescaleTo(draft, target, minReplicas, 'Current number of replicas below Spec.MinReplicas', known);
  const asked = planProposals(draft, target);
  if ('failure' in asked) {
    tell(draft, 'failedMetrics', asked.failure);
    const desired = autoscaler.status?.desiredReplicas ?? 0;
    return finish(draft, counts(current, desired, asked.statuses), known);
  }
  const { behavior } = autoscaler.spec;
  const { downscaleStabilizationMs } = options;
  const counted = { currentReplicas: current, minReplicas, maxReplicas };
  const limits: Limits = { ...counted, behavior, downscaleStabilizationMs };
  const limited = limitReplicas(asked.replicas, known, limits, nowMs);
  tellLimits(draft, limited);
  const memory = remember(known, asked.replicas, limits, nowMs);
  if (limited.replicas === current) return finish(draft, counts(current, current, asked.statuses), memory);
  const reason =
    asked.replicas > current
      ? `${asked.name} above target`
      : asked.replicas < current
        ? 'All metrics below target'
        : '';
  return rescaleTo(draft, target, limited.replicas, reason, memory, asked.statuses);
}

function tellLimits(draft: Draft, { able, limit, isLimited }: Limited): void {
  setCondition(draft, 'AbleToScale', 'True', able);
  setCondition(draft, 'ScalingLimited', isLimited ? 'True' : 'False', limit);
}

/** The counts of the status; the list of metrics is null where there is none. */
function counts(current: number, desired: number, metrics?: readonly unknown[]): Partial<AutoscalerStatus> {
  return {
    ...(current === 0 ? {} : { currentReplicas: current }),
    desiredReplicas: desired,
    currentMetrics: (metrics ?? null) as NonNullable<AutoscalerStatus['currentMetrics']>,
  };
}

function rescaleTo(
  draft: Draft,
  target: ScaleTarget,
  replicas: number,
  reason: string,
  memory: ScalingMemory,
  metrics?: readonly unknown[],
): AutoscalerPlan {
  const { nowMs, view } = draft;
  const { specReplicas: current } = target;
  const text = `New size: ${replicas}; reason: ${reason}`;
  const able = (status: 'True' | 'False', told: Told): Draft => {
    const copy = { ...draft, events: [...draft.events] };
    setCondition(copy, 'AbleToScale', status, told);
    return copy;
  };
  const succeeded = able('True', {
    reason: 'SucceededRescale',
    message: `the HPA controller was able to update the target scale to ${replicas}`,
  });
  tell(succeeded, 'rescaled', text);
  const scaled = { ...counts(current, replicas, metrics), lastScaleTime: toRfc3339(nowMs) };
  const { behavior } = view.autoscaler.spec;
  const plan = finish(succeeded, scaled, rememberRescale(memory, replicas - current, behavior, nowMs));
  return {
    ...plan,
    writes: [target.rescale(replicas), ...plan.writes],
    otherwise(refusal) {
      const failed = able('False', {
        reason: 'FailedUpdateScale',
        message: `the HPA controller was unable to update the target scale: ${refusal}`,
      });
      tell(failed, 'failedRescale', `${text}; error: ${refusal}`);
      const desired = view.autoscaler.status?.desiredReplicas ?? 0;
      return finish(failed, counts(current, desired, metrics), memory);
    },
  };
}

/** The plan that writes the status if it changes. */
function finish(
  { view, conditions, events }: Draft,
  next: Partial<AutoscalerStatus>,
  memory: ScalingMemory | undefined,
): AutoscalerPlan {
  const { autoscaler, nextMs } = view;
  const before = autoscaler.status;
  // A number that is 0 is not written.
  const kept = 'desiredReplicas' in next ? omit(before ?? {}, 'currentReplicas') : before;
  const status = { desiredReplicas: 0, ...kept, ...next, conditions: [...conditions] } as AutoscalerStatus;
  return {
    writes: jsonEqual(status, before) ? [] : [statusUpdate({ ...autoscaler, status })],
    checks: [unchanged(autoscaler)],
    events,
    requeueAfterMs: nextMs,
    ...(memory ? { memory } : {}),
  };
}
