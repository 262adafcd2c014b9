/** Rules of a role that is made of others, in upstream's order: by selector, by name. Pure. */
import { jsonEqual } from '../../base/json.ts';
import type { ClusterRole, PolicyRule } from '../../schemas/rbac.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';

export interface AggregationInput {
  readonly role: ClusterRole;
  readonly all: readonly ClusterRole[];
}

/** The role with the rules of its parts; undefined where it has them, or is not made of others. */
export function planAggregation(role: ClusterRole, all: readonly ClusterRole[]): ClusterRole | undefined {
  const { aggregationRule } = role;
  if (!aggregationRule || role.metadata.deletionTimestamp !== undefined) return undefined;
  const rules: PolicyRule[] = [];
  const seen = new Set<string>();
  const others = all
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const selector of aggregationRule.clusterRoleSelectors ?? []) {
    for (const other of others) {
      if (!matchesLabelSelector(selector, other.metadata.labels ?? {})) continue;
      for (const rule of other.rules ?? []) {
        const key = canonical(rule);
        if (seen.has(key)) continue;
        seen.add(key);
        rules.push(rule);
      }
    }
  }
  return jsonEqual(rules, role.rules ?? []) ? undefined : { ...role, rules };
}

const canonical = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string =>
  JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs]);
