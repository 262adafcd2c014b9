/**
 * The Pod Security Standards: pods are refused, templates warned about, labels of namespaces
 * checked.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  isExempt,
  namespacePolicy,
  type NamespacePolicy,
  podSecurityLabelErrors,
} from '../../schemas/pod-security/namespace-policy.ts';
import { isPod } from '../../schemas/pods/pod-marks.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { Namespace, Pod } from '../../schemas/types.ts';
import { invalid } from '../../schemas/errors/status.ts';
import { deny } from '../refusals.ts';
import {
  EXEMPT,
  hasTemplate,
  labelWarnings,
  planPodSecurity,
  type PodSecurityPlan,
  planTemplateSecurity,
} from '../../schemas/pod-security/plan-pod-security.ts';
import type { AdmissionDependencies, AdmissionRequest, AdmissionRule } from './types.ts';

const NAMESPACES = { group: '', plural: 'namespaces' } as const;
const PODS = { group: '', plural: 'pods' } as const;

async function plannedFor(
  { object }: AdmissionRequest,
  { find, policy }: AdmissionDependencies,
  plan: (namespace: string, policy: NamespacePolicy) => PodSecurityPlan,
): Promise<PodSecurityPlan> {
  const namespace = object.metadata.namespace ?? '';
  const found = (await find(NAMESPACES, namespace)) as Namespace | undefined;
  const labels = found?.metadata.labels;
  if (isExempt(namespace, labels)) return EXEMPT;
  return plan(namespace, namespacePolicy(namespace, labels, policy.defaultPodSecurity));
}

export const podSecurity: AdmissionRule = {
  name: 'PodSecurity',
  applies: ({ kind, object, subresource, internal }) =>
    isPod(kind)
      ? subresource === undefined || subresource === 'ephemeralcontainers'
      : !internal && kind.namespaced && hasTemplate(object),
  async admit(request, dependencies) {
    const { kind, object, current, context } = request;
    // Changes of labels and finalizers do not change what runs.
    if (isPod(kind) && current && isSameForSecurity(object as Pod, current as Pod)) return object;
    const plan = await plannedFor(request, dependencies, (namespace, policy) =>
      isPod(kind) ? planPodSecurity(object as Pod, namespace, policy) : planTemplateSecurity(object, policy),
    );
    for (const [key, value] of Object.entries(plan.annotations)) context.annotate(key, value);
    if (plan.refusal !== undefined) throw deny(kind, object, plan.refusal);
    for (const text of plan.warnings) context.warn(text);
    return object;
  },
};

/** Annotations count as well: AppArmor profiles used to be there. */
function isSameForSecurity(next: Pod, current: Pod): boolean {
  return (
    jsonEqual(next.spec, current.spec) && jsonEqual(next.metadata.annotations, current.metadata.annotations)
  );
}

export const podSecurityLabels: AdmissionRule = {
  name: 'PodSecurityLabels',
  applies: ({ kind }) => resourceIdOf(kind) === 'namespaces',
  async admit({ kind, object, current, context, internal }, { list, policy }) {
    const errors = podSecurityLabelErrors(object);
    const before = current?.metadata.labels;
    // Labels that were there before must not stand in the way of other changes.
    if (errors.length > 0 && !(current && jsonEqual(before, object.metadata.labels)))
      throw invalid(kind, object.metadata.name, errors);
    if (!current || internal) return object;
    const { name } = object.metadata;
    const next = namespacePolicy(name, object.metadata.labels, policy.defaultPodSecurity).enforce;
    const previous = namespacePolicy(name, before, policy.defaultPodSecurity).enforce;
    if (jsonEqual(next, previous)) return object;
    const pods = (await list(PODS, name)) as readonly Pod[];
    for (const text of labelWarnings(name, previous, next, pods)) context.warn(text);
    return object;
  },
};
