/**
 * The time of the change that led to a write of endpoints, as upstream's annotation has it; pure.
 * Times are RFC 3339 in UTC and whole seconds, so their texts compare as they do.
 */
import type { Pod, Service } from '../../schemas/types.ts';
import { podCondition } from '../pod-facts.ts';

const LAST_CHANGE_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';

/** The times that the last reconcile of a Service saw. */
export interface TriggerTimes {
  readonly service: string;
  /** By the name of the pod. */
  readonly pods: ReadonlyMap<string, string>;
}

export interface Trigger {
  readonly seen: TriggerTimes;
  /** The earliest change since the last reconcile. */
  readonly at?: string;
}

export function triggerOf(
  { metadata: { creationTimestamp: service = '' } }: Service,
  pods: readonly Pod[],
  last: TriggerTimes | undefined,
): Trigger {
  const times = new Map<string, string>();
  let earliest: string | undefined = service > (last?.service ?? '') ? service : undefined;
  for (const pod of pods) {
    const at = podCondition(pod, 'Ready')?.lastTransitionTime;
    if (!at) continue;
    const { name } = pod.metadata;
    times.set(name, at);
    if (at > (last?.pods.get(name) ?? '') && (earliest === undefined || at < earliest)) earliest = at;
  }
  const at = last ? earliest : service;
  return { seen: { service, pods: times }, ...(at ? { at } : {}) };
}

export function withTrigger(
  annotations: Readonly<Record<string, string>> | undefined,
  { at }: Trigger,
): Record<string, string> {
  const others = { ...annotations };
  delete others[LAST_CHANGE_ANNOTATION];
  return at === undefined ? others : { ...others, [LAST_CHANGE_ANNOTATION]: at };
}

/** For copies of the annotations that have no trigger of their own. */
export const isTriggerTime = (annotation: string): boolean => annotation === LAST_CHANGE_ANNOTATION;
