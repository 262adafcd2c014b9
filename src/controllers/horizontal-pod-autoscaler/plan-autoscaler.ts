/**
 * The plan of a HorizontalPodAutoscaler: the number of replicas that its metrics ask for, within
 * its limits, and what its status says. Pure. The order of decisions, the conditions, the events and
 * their texts are those of Kubernetes' horizontal controller.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { asRecords, omit } from '../../schemas/json-access.ts';
import { transitionTime } from '../../schemas/conditions.ts';
import type { HorizontalPodAutoscaler, Pod } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { statusUpdate } from '../ownership.ts';
import { type EventTexts, eventsOf, type PlannedEvent } from '../planned-event.ts';
import {
  initialMemory,
  type Limited,
  limitReplicas,
  type Limits,
  memoryAt,
  remember,
  rememberRescale,
  type ScalingMemory,
} from './plan-limits.ts';
import {
  type Measurement,
  type MetricContext,
  type MetricProblem,
  planMetric,
  type Proposal,
  toleranceOf,
} from './plan-metric.ts';
import type { ReplicaOptions } from './plan-replicas.ts';

export interface AutoscalerOptions extends ReplicaOptions {
  readonly syncPeriodMs: number;
  readonly downscaleStabilizationMs: number;
  /** A fraction: 0.1 is ten percent. */
  readonly tolerance: number;
}

/** What an autoscaler scales, as its scale subresource tells it. */
export interface ScaleTarget {
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** The text of the selector of its pods. */
  readonly selector: string;
  /** The write that gives it this number of replicas. */
  readonly rescale: (replicas: number) => Write;
}

/** Pods that one autoscaler may scale. */
export type Selected =
  | { readonly pods: readonly Pod[]; readonly rivals: readonly string[] }
  | { readonly invalid: string };

export interface AutoscalerView {
  readonly autoscaler: HorizontalPodAutoscaler;
  readonly target: ScaleTarget | { readonly missing: string };
  readonly selected: Selected;
  /** One for each metric of the spec; none where no metric is asked for. */
  readonly measurements: readonly Measurement[];
  readonly memory: ScalingMemory | undefined;
  readonly options: AutoscalerOptions;
  /** A small part of the period is random, so that many autoscalers spread. */
  readonly nextMs: number;
}

export interface AutoscalerPlan extends Plan {
  readonly memory?: ScalingMemory;
}

export const AUTOSCALER_EVENTS = {
  component: 'horizontal-pod-autoscaler',
  texts: {
    failedGetScale: warning('FailedGetScale'),
    selectorRequired: warning('SelectorRequired'),
    invalidSelector: warning('InvalidSelector'),
    ambiguousSelector: warning('AmbiguousSelector'),
    failedMetrics: warning('FailedComputeMetricsReplicas'),
    FailedGetResourceMetric: warning('FailedGetResourceMetric'),
    FailedGetContainerResourceMetric: warning('FailedGetContainerResourceMetric'),
    FailedGetPodsMetric: warning('FailedGetPodsMetric'),
    FailedGetObjectMetric: warning('FailedGetObjectMetric'),
    FailedGetExternalMetric: warning('FailedGetExternalMetric'),
    InvalidMetricSourceType: warning('InvalidMetricSourceType'),
    failedRescale: warning('FailedRescale'),
    rescaled: { type: 'Normal', reason: 'SuccessfulRescale', message: (text: string) => text },
  },
} satisfies EventTexts;

function warning(reason: string): EventTexts['texts'][string] {
  return { type: 'Warning', reason, message: (text) => text ?? '' };
}

type EventName = keyof typeof AUTOSCALER_EVENTS.texts;
const event = eventsOf<typeof AUTOSCALER_EVENTS.texts>();

type Status = NonNullable<HorizontalPodAutoscaler['status']>;
type Condition = NonNullable<Status['conditions']>[number];

/** Decisions are made for the metrics only where the number is within its bounds. */
export function needsMetrics({ spec }: HorizontalPodAutoscaler, replicas: number): boolean {
  return replicas !== 0 && replicas <= spec.maxReplicas && replicas >= (spec.minReplicas ?? 1);
}

/** What the plan says so far. */
interface Draft {
  readonly view: AutoscalerView;
  readonly nowMs: number;
  readonly conditions: Condition[];
  readonly events: PlannedEvent[];
}

export function planAutoscaler(view: AutoscalerView, nowMs: number): AutoscalerPlan {
  const { autoscaler, target, options } = view;
  const draft: Draft = { view, nowMs, conditions: [...(autoscaler.status?.conditions ?? [])], events: [] };
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
  const asked = proposals(draft, target);
  if ('failure' in asked) {
    tell(draft, 'failedMetrics', asked.failure);
    const desired = autoscaler.status?.desiredReplicas ?? 0;
    return finish(draft, counts(current, desired, asked.statuses), known);
  }
  const { behavior } = autoscaler.spec;
  const { downscaleStabilizationMs } = options;
  const limits: Limits = {
    currentReplicas: current,
    minReplicas,
    maxReplicas,
    behavior,
    downscaleStabilizationMs,
  };
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

interface Asked {
  readonly replicas: number;
  /** The metric that asks for the most. */
  readonly name: string;
  readonly statuses: readonly unknown[];
}

type Refused = { readonly failure: string; readonly statuses?: readonly unknown[] };

/** The largest of the metrics' proposals. A metric that fails stops scaling down, not up. */
function proposals(draft: Draft, target: ScaleTarget): Asked | Refused {
  const { view } = draft;
  const { selected, measurements } = view;
  const problem = selectorProblem(draft, target, selected);
  if (problem !== undefined || 'invalid' in selected) return { failure: problem ?? '' };
  const context = contextOf(draft, target, selected.pods);
  const statuses: unknown[] = [];
  const problems: MetricProblem[] = [];
  let best: Proposal | undefined;
  const specs = view.autoscaler.spec.metrics ?? [];
  for (const [index, spec] of specs.entries()) {
    const outcome = planMetric(spec, measurements[index] ?? { failure: 'it was not measured' }, context);
    if ('whole' in outcome) {
      problems.push(outcome);
      tell(draft, outcome.reason as EventName, outcome.message);
      statuses.push({ type: '' });
      continue;
    }
    statuses.push(outcome.status);
    if (!best || best.replicas === 0 || outcome.replicas > best.replicas) best = outcome;
  }
  const [first] = problems;
  if (!best || (first && best.replicas < target.specReplicas)) {
    const { reason = '', message = '', whole = '' } = first ?? {};
    setCondition(draft, 'ScalingActive', 'False', {
      reason,
      message: `the HPA was unable to compute the replica count: ${message}`,
    });
    const count = `${problems.length} invalid out of ${specs.length}`;
    return { failure: `invalid metrics (${count}), first error is: ${whole}`, statuses };
  }
  setCondition(draft, 'ScalingActive', 'True', {
    reason: 'ValidMetricFound',
    message: `the HPA was able to successfully calculate a replica count from ${best.name}`,
  });
  return { replicas: best.replicas, name: best.name, statuses };
}

/** Why the pods of the target are not known, or not this autoscaler's alone. */
function selectorProblem(draft: Draft, { selector }: ScaleTarget, selected: Selected): string | undefined {
  const refuse = (name: EventName, reason: string, message: string, shown = message): string => {
    tell(draft, name, message);
    setCondition(draft, 'ScalingActive', 'False', { reason, message: shown });
    return message;
  };
  if (selector === '') {
    const shown = "the HPA target's scale is missing a selector";
    return refuse('selectorRequired', 'InvalidSelector', 'selector is required', shown);
  }
  if ('invalid' in selected) {
    const why = `couldn't convert selector into a corresponding internal selector object: ${selected.invalid}`;
    return refuse('invalidSelector', 'InvalidSelector', why);
  }
  if (selected.rivals.length < 2) return undefined;
  const all = selected.rivals.join(' ');
  const why = `pods by selector ${selector} are controlled by multiple HPAs: [${all}]`;
  return refuse('ambiguousSelector', 'AmbiguousSelector', why);
}

function contextOf({ view, nowMs }: Draft, target: ScaleTarget, pods: readonly Pod[]): MetricContext {
  const { autoscaler, options } = view;
  const { behavior } = autoscaler.spec;
  return {
    pods,
    namespace: autoscaler.metadata.namespace ?? '',
    specReplicas: target.specReplicas,
    statusReplicas: target.statusReplicas,
    tolerances: {
      scaleDown: toleranceOf(behavior?.scaleDown?.tolerance, options.tolerance),
      scaleUp: toleranceOf(behavior?.scaleUp?.tolerance, options.tolerance),
    },
    options,
    nowMs,
  };
}

function tellLimits(draft: Draft, { able, limit, isLimited }: Limited): void {
  setCondition(draft, 'AbleToScale', 'True', able);
  setCondition(draft, 'ScalingLimited', isLimited ? 'True' : 'False', limit);
}

/** The counts of the status; without a list of metrics there is null. */
function counts(current: number, desired: number, metrics?: readonly unknown[]): Partial<Status> {
  return {
    ...(current === 0 ? {} : { currentReplicas: current }),
    desiredReplicas: desired,
    currentMetrics: (metrics ?? null) as NonNullable<Status['currentMetrics']>,
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
  const able = (
    status: 'True' | 'False',
    message: { readonly reason: string; readonly message: string },
  ): Draft => {
    const copy = { ...draft, conditions: [...draft.conditions], events: [...draft.events] };
    setCondition(copy, 'AbleToScale', status, message);
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
  next: Partial<Status>,
  memory: ScalingMemory | undefined,
): AutoscalerPlan {
  const { autoscaler, nextMs } = view;
  const before = autoscaler.status;
  // A number that is 0 is not written.
  const kept = 'desiredReplicas' in next ? omit(before ?? {}, 'currentReplicas') : before;
  const status = { desiredReplicas: 0, ...kept, ...next, conditions } as Status;
  return {
    writes: jsonEqual(status, before) ? [] : [statusUpdate({ ...autoscaler, status })],
    checks: [unchanged(autoscaler)],
    events,
    requeueAfterMs: nextMs,
    ...(memory ? { memory } : {}),
  };
}

function tell({ events, view }: Draft, name: EventName, text: string): void {
  events.push(event(name, view.autoscaler, text));
}

/** Replaces the condition of the type in its place; its time moves with its status only. */
function setCondition(
  { conditions, nowMs }: Pick<Draft, 'conditions' | 'nowMs'>,
  type: string,
  status: 'True' | 'False',
  { reason, message }: { readonly reason: string; readonly message: string },
): void {
  const lastTransitionTime = transitionTime(asRecords(conditions), { type, status }, nowMs);
  const condition: Condition = { type, status, lastTransitionTime, reason, message };
  const index = conditions.findIndex((existing) => existing.type === type);
  if (index < 0) conditions.push(condition);
  else conditions[index] = condition;
}
