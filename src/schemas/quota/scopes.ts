/** The objects that a quota is about: its scopes and its selector of scopes. Pure. */
import { asList, asNumber, asRecord, asRecords, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { qosClass } from '../pods/pod-resources.ts';
import { type ResourceKind, resourceIdOf } from '../resource-kind.ts';

interface ScopeTerm {
  readonly scope: string;
  readonly operator: string;
  readonly values: readonly string[];
}

function termsOf(quota: KubeObject): readonly ScopeTerm[] {
  const spec = asRecord(quota['spec']);
  const scopes = asList(spec['scopes']).map((scope) => ({
    scope: asString(scope),
    operator: 'Exists',
    values: [],
  }));
  const selected = asRecords(asRecord(spec['scopeSelector'])['matchExpressions']).map((term) => ({
    scope: asString(term['scopeName']),
    operator: asString(term['operator']),
    values: asList(term['values']).map(asString),
  }));
  return [...scopes, ...selected];
}

/** Whether the quota counts this object, as far as scopes go. */
export function isInScope(
  quota: KubeObject,
  kind: Pick<ResourceKind, 'group' | 'plural'>,
  object: KubeObject,
): boolean {
  const terms = termsOf(quota);
  if (terms.length === 0) return true;
  if (resourceIdOf(kind) !== 'pods') return false;
  return terms.every((term) => matches(term, object));
}

function matches({ scope, operator, values }: ScopeTerm, pod: KubeObject): boolean {
  const spec = asRecord(pod['spec']);
  switch (scope) {
    case 'Terminating':
      return isTerminating(spec);
    case 'NotTerminating':
      return !isTerminating(spec);
    case 'BestEffort':
      return qosClass(spec) === 'BestEffort';
    case 'NotBestEffort':
      return qosClass(spec) !== 'BestEffort';
    case 'PriorityClass':
      return matchesClass(asString(spec['priorityClassName']), operator, values);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(spec);
    default:
      return false;
  }
}

/** A pod with a deadline ends by itself. */
const isTerminating = (spec: unknown): boolean =>
  (asNumber(asRecord(spec)['activeDeadlineSeconds']) ?? -1) >= 0;

function matchesClass(name: string, operator: string, values: readonly string[]): boolean {
  switch (operator) {
    case 'In':
      return values.includes(name);
    case 'NotIn':
      return !values.includes(name);
    case 'Exists':
      return name !== '';
    case 'DoesNotExist':
      return name === '';
    default:
      return false;
  }
}

function crossesNamespaces(spec: unknown): boolean {
  const affinity = asRecord(asRecord(spec)['affinity']);
  return ['podAffinity', 'podAntiAffinity'].some((side) => {
    const { requiredDuringSchedulingIgnoredDuringExecution: required, ...rest } = asRecord(affinity[side]);
    const preferred = asRecords(rest['preferredDuringSchedulingIgnoredDuringExecution']);
    const terms = [...asRecords(required), ...preferred.map((item) => asRecord(item['podAffinityTerm']))];
    return terms.some(
      (term) => asList(term['namespaces']).length > 0 || term['namespaceSelector'] !== undefined,
    );
  });
}
