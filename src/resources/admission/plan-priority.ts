/** Which priority a new pod has: upstream's Priority plug-in, pure. */
import type { KubeObject } from '../../schemas/object.ts';
import { systemPriorities } from '../../schemas/pods/priorities.ts';
import type { Pod, PodSpec } from '../../schemas/types.ts';

const PREEMPTS = 'PreemptLowerPriority';

export type PriorityPlan = { readonly spec: PodSpec } | { readonly refusal: string };

/**
 * `named` is the class that the pod names; `defaults` are those marked as the global default (of
 * several, the lowest counts). The system's own classes count even before they are stored.
 */
export function planPriority(
  { spec }: Pod,
  named: KubeObject | undefined,
  defaults: readonly KubeObject[],
): PriorityPlan {
  const className = spec.priorityClassName ?? '';
  const chosen = className === '' ? lowest(defaults) : (named ?? builtIn(className));
  if (className !== '' && !chosen) return { refusal: `no PriorityClass with name ${className} was found` };
  const priority = chosen ? valueOf(chosen) : 0;
  const policy = (chosen?.['preemptionPolicy'] as typeof PREEMPTS | 'Never' | undefined) ?? PREEMPTS;
  const why = 'priority admission controller computed';
  if (spec.priority !== undefined && spec.priority !== priority)
    return {
      refusal: `the integer value of priority (${spec.priority}) must not be provided in pod spec; ${why} ${priority} from the given PriorityClass name`,
    };
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    return {
      refusal: `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; ${why} ${policy} from the given PriorityClass name`,
    };
  return {
    spec: {
      ...spec,
      ...(chosen ? { priorityClassName: chosen.metadata.name } : {}),
      priority,
      preemptionPolicy: policy,
    },
  };
}

const valueOf = (object: KubeObject): number => Number(object['value'] ?? 0);

function lowest(classes: readonly KubeObject[]): KubeObject | undefined {
  return [...classes].sort(
    (a, b) => valueOf(a) - valueOf(b) || (a.metadata.name < b.metadata.name ? -1 : 1),
  )[0];
}

function builtIn(name: string): KubeObject | undefined {
  const value = systemPriorities.get(name);
  if (value === undefined) return undefined;
  return { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value };
}
