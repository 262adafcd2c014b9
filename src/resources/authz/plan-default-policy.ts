/**
 * Plans the missing parts of the default policy. Pure. Nothing is removed: added rules, subjects,
 * labels and selectors stay, and an object with `autoupdate: "false"` is left alone. A binding to
 * another role is created anew, since the role of a binding cannot change.
 */
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { Binding, ClusterRole, PolicyRule, Role, Subject } from '../../schemas/rbac.ts';
import type { Write } from '../writing/write-plan.ts';
import { jsonEqual } from '../../base/json.ts';
import { AUTO_UPDATE } from './default-policy.ts';
import { missingFrom } from './rule-cover.ts';

export type PolicyObject = ClusterRole | Role | Binding;

export const policyKey = (object: KubeObject): string => `${object.kind} ${keyOf(object)}`;

/** `current` by {@link policyKey}. The writes of one plan are independent of each other. */
export function planDefaultPolicy(
  wanted: readonly PolicyObject[],
  current: ReadonlyMap<string, KubeObject>,
): readonly Write[] {
  return wanted.flatMap((object): readonly Write[] => {
    const found = current.get(policyKey(object));
    if (!found) return [{ verb: 'create', object }];
    if (found.metadata.annotations?.[AUTO_UPDATE] === 'false') return [];
    if (found.metadata.deletionTimestamp !== undefined) return [];
    if (isBinding(object)) {
      const bound = found as Binding;
      // The next plan makes it again.
      if (!jsonEqual(bound.roleRef, object.roleRef)) return [{ verb: 'delete', object: found }];
      return changed(found, withMetadata(withSubjects(bound, object.subjects ?? []), object));
    }
    return changed(found, withMetadata(withRules(found as ClusterRole, object), object));
  });
}

const isBinding = (object: PolicyObject): object is Binding => 'roleRef' in object;

const changed = (current: KubeObject, next: KubeObject): readonly Write[] =>
  jsonEqual(current, next) ? [] : [{ verb: 'update', object: next }];

function withMetadata<T extends KubeObject>(object: T, { metadata: wanted }: KubeObject): T {
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(wanted.labels ? { labels: { ...wanted.labels, ...metadata.labels } } : {}),
      ...(wanted.annotations ? { annotations: { ...wanted.annotations, ...metadata.annotations } } : {}),
    },
  };
}

function withRules(role: ClusterRole, wanted: ClusterRole): ClusterRole {
  const selectors = wanted.aggregationRule?.clusterRoleSelectors;
  if (selectors) {
    // Its rules are the aggregation controller's.
    const has = role.aggregationRule?.clusterRoleSelectors ?? [];
    const missing = selectors.filter((selector) => !has.some((other) => jsonEqual(other, selector)));
    return { ...role, aggregationRule: { clusterRoleSelectors: [...has, ...missing] } };
  }
  const rules: readonly PolicyRule[] = role.rules ?? [];
  const missing = (wanted.rules ?? []).filter((rule) => missingFrom(rules, [rule]).length > 0);
  return missing.length === 0 ? role : { ...role, rules: [...rules, ...missing] };
}

function withSubjects(binding: Binding, wanted: readonly Subject[]): Binding {
  const has = binding.subjects ?? [];
  const missing = wanted.filter((subject) => !has.some((other) => jsonEqual(other, subject)));
  return missing.length === 0 ? binding : { ...binding, subjects: [...has, ...missing] };
}
