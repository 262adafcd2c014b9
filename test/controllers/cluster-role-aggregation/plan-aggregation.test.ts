import { describe, expect, it } from 'vitest';
import { planAggregation } from '../../../src/controllers/cluster-role-aggregation/plan-aggregation.ts';
import { type ClusterRole, type PolicyRule, RBAC_API_VERSION } from '../../../src/schemas/rbac.ts';

const rule = (resource: string): PolicyRule => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });

const part = (name: string, labels: Record<string, string>, ...rules: PolicyRule[]): ClusterRole => ({
  apiVersion: RBAC_API_VERSION,
  kind: 'ClusterRole',
  metadata: { name, labels },
  rules,
});

const whole = (rules: readonly PolicyRule[] | null, ...selectors: Record<string, string>[]): ClusterRole => ({
  apiVersion: RBAC_API_VERSION,
  kind: 'ClusterRole',
  metadata: { name: 'whole', labels: { to: 'a' } },
  rules,
  aggregationRule: { clusterRoleSelectors: selectors.map((matchLabels) => ({ matchLabels })) },
});

const a = part('a', { to: 'a' }, rule('pods'), rule('services'));
const b = part('b', { to: 'a', also: 'b' }, rule('secrets'), rule('pods'));
const c = part('c', { to: 'c' }, rule('nodes'));

describe('a cluster role that is made of others', () => {
  it('gets their rules by selector and name, each once, and never its own', () => {
    const role = whole(null, { also: 'b' }, { to: 'a' });
    expect(planAggregation(role, [c, a, role, b])?.rules).toEqual([
      rule('secrets'),
      rule('pods'),
      rule('services'),
    ]);
  });

  it('is left alone once it has them', () => {
    const role = whole([rule('nodes')], { to: 'c' });
    expect(planAggregation(role, [a, b, c])).toBeUndefined();
  });

  it('loses what no part has any more', () => {
    expect(planAggregation(whole([rule('nodes')], { to: 'c' }), [a])?.rules).toEqual([]);
    expect(planAggregation(whole(null, { to: 'c' }), [a])).toBeUndefined();
  });

  it('is no role that says nothing of others, and none that is being deleted', () => {
    expect(planAggregation(a, [a, b])).toBeUndefined();
    const role = whole(null, { to: 'a' });
    const deleted = { ...role, metadata: { ...role.metadata, deletionTimestamp: '2024-01-01T00:00:00Z' } };
    expect(planAggregation(deleted, [a])).toBeUndefined();
  });
});
