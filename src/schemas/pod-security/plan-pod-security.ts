/** Judges a pod or a template by the Pod Security Standards of its namespace. Pure. */
import { podSpecPaths, podTemplateOf } from '../profile/check-implemented.ts';
import { evaluatePodSecurity, policyText, violationText } from './evaluate.ts';
import { ENFORCE_LABEL, isStricter, type NamespacePolicy, POD_SECURITY_LABEL } from './namespace-policy.ts';
import type { PodSecurityPolicy } from './types.ts';
import { asRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import type { Pod, PodSpec } from '../types.ts';

export interface PodSecurityPlan {
  readonly refusal?: string;
  readonly warnings: readonly string[];
  /** For the audit log, under upstream's keys. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The plan for an exempt namespace; nothing is evaluated there. */
export const EXEMPT: PodSecurityPlan = {
  warnings: [],
  annotations: { [`${POD_SECURITY_LABEL}exempt`]: 'namespace' },
};

interface PodLike {
  readonly spec: PodSpec;
  readonly annotations: Record<string, string>;
}

/** A refusal says which label of the namespace would allow the pod. */
export function planPodSecurity(pod: Pod, namespace: string, policy: NamespacePolicy): PodSecurityPlan {
  const like = { spec: pod.spec, annotations: pod.metadata.annotations ?? {} };
  const annotations = {
    [`${POD_SECURITY_LABEL}enforce-policy`]: policyText(policy.enforce),
    ...violations(like, policy),
  };
  const found = complaint(like, policy.enforce);
  if (found === undefined) return { warnings: warnings(like, policy), annotations };
  const allowing = loosestNeeded(like, policy.enforce);
  return {
    annotations,
    refusal: `violates ${found}; to allow it, label the namespace: kubectl label --overwrite namespace ${namespace} ${ENFORCE_LABEL}=${allowing}`,
    warnings: [],
  };
}

/** Templates are never refused: their pods will be. */
export function planTemplateSecurity(object: KubeObject, policy: NamespacePolicy): PodSecurityPlan {
  const like = templateOf(object);
  if (!like) return { warnings: [], annotations: {} };
  return { warnings: warnings(like, policy), annotations: violations(like, policy) };
}

export interface ForeseenRefusal {
  /** As admission warns of it. */
  readonly message: string;
  /** The label of the namespace that would allow the pods. */
  readonly label: string;
}

/** The refusal that the pods of this pod, workload or template would get at run time. */
export function foreseeRefusal(
  object: KubeObject,
  { enforce }: Pick<NamespacePolicy, 'enforce'>,
): ForeseenRefusal | undefined {
  const like = templateOf(object);
  const found = like && complaint(like, enforce);
  if (!like || found === undefined) return undefined;
  return { message: `would violate ${found}`, label: `${ENFORCE_LABEL}: ${loosestNeeded(like, enforce)}` };
}

/** The strictest level that still lets the pod be. */
function loosestNeeded(like: PodLike, enforced: PodSecurityPolicy): PodSecurityPolicy['level'] {
  const baseline = { level: 'baseline', version: enforced.version } as const;
  return enforced.level === 'restricted' && complaint(like, baseline) === undefined
    ? 'baseline'
    : 'privileged';
}

function complaint({ spec, annotations }: PodLike, policy: PodSecurityPolicy): string | undefined {
  const violations = evaluatePodSecurity(policy, spec, { annotations });
  if (violations.length === 0) return undefined;
  return `PodSecurity "${policyText(policy)}": ${violationText(violations)}`;
}

function warnings(like: PodLike, { warn }: NamespacePolicy): readonly string[] {
  const found = complaint(like, warn);
  return found === undefined ? [] : [`would violate ${found}`];
}

/** Allowed, but the namespace's audit level would refuse it. */
function violations(like: PodLike, { audit }: NamespacePolicy): Readonly<Record<string, string>> {
  const found = complaint(like, audit);
  return found === undefined ? {} : { [`${POD_SECURITY_LABEL}audit-violations`]: `would violate ${found}` };
}

export const hasTemplate = ({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean =>
  kind !== 'Pod' && Object.hasOwn(podSpecPaths, `${apiVersion}/${kind}`);

function templateOf(object: KubeObject): PodLike | undefined {
  const template = podTemplateOf(object);
  const spec = asRecord(template['spec']);
  if (!Array.isArray(spec['containers'])) return undefined;
  const annotations = asRecord(asRecord(template['metadata'])['annotations']) as Record<string, string>;
  return { spec: spec as unknown as PodSpec, annotations };
}

/** The most pods that are checked and named when the level of a namespace becomes stricter. */
const MAX_PODS = 3_000;
const MAX_NAMED = 10;

/** Warns about pods that run in a namespace whose new, stricter level would refuse them. */
export function labelWarnings(
  namespace: string,
  before: PodSecurityPolicy,
  after: PodSecurityPolicy,
  pods: readonly Pod[],
): readonly string[] {
  if (!isStricter(after, before)) return [];
  const byReason = new Map<string, string[]>();
  for (const { metadata, spec } of pods.slice(0, MAX_PODS)) {
    const violations = evaluatePodSecurity(after, spec, metadata);
    if (violations.length === 0) continue;
    const reasons = violations.map(({ reason }) => reason).join(', ');
    const names = byReason.get(reasons);
    if (names) names.push(metadata.name);
    else byReason.set(reasons, [metadata.name]);
  }
  if (byReason.size === 0) return [];
  const lines = [...byReason].map(([reasons, names]) => {
    const [first = '', ...others] = names.sort();
    const more =
      others.length === 0 ? '' : ` (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
    return `${first}${more}: ${reasons}`;
  });
  const title = `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${policyText(after)}"`;
  return [title, ...lines.sort().slice(0, MAX_NAMED)];
}
