/** The input of an autoscaler's plan, and the draft that its steps write into. */
import { transitionTime, withConditionInPlace } from '../../schemas/conditions.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { HorizontalPodAutoscaler, Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import type { PlannedEvent } from '../planned-event.ts';
import { type AutoscalerEvent, autoscalerEvent } from './autoscaler-events.ts';
import type { ScalingMemory, Told } from './plan-limits.ts';
import type { Measurement } from './measurement.ts';
import type { ReplicaOptions } from './plan-replicas.ts';

export interface AutoscalerOptions extends ReplicaOptions {
  readonly syncPeriodMs: number;
  readonly downscaleStabilizationMs: number;
  /** A fraction: 0.1 is ten percent. */
  readonly tolerance: number;
}

/** The scale of the object that an autoscaler scales. */
export interface ScaleTarget {
  readonly object: KubeObject;
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

export type AutoscalerStatus = NonNullable<HorizontalPodAutoscaler['status']>;
type Condition = NonNullable<AutoscalerStatus['conditions']>[number];

/** The plan as it is being made. */
export interface Draft {
  readonly view: AutoscalerView;
  readonly nowMs: number;
  conditions: readonly Condition[];
  readonly events: PlannedEvent[];
}

export function tell({ events, view }: Draft, name: AutoscalerEvent, text: string): void {
  events.push(autoscalerEvent(name, view.autoscaler, text));
}

/** The time of a condition moves with its status only. */
export function setCondition(draft: Draft, type: string, status: 'True' | 'False', told: Told): void {
  const lastTransitionTime = transitionTime(draft.conditions, { type, status }, draft.nowMs);
  draft.conditions = withConditionInPlace(draft.conditions, { type, status, lastTransitionTime, ...told });
}
