import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../../src/resources/authz/default-policy.ts';
import { planAggregation } from '../../../src/controllers/cluster-role-aggregation/plan-aggregation.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { ClusterRole } from '../../../src/schemas/rbac.ts';
import { readFact } from '../../schemas/facts.ts';

const nameOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const byName = (objects: readonly KubeObject[]): ReadonlyMap<string, KubeObject> =>
  new Map(objects.map((object) => [nameOf(object), object]));

/** The roles as the aggregation controller leaves them. */
function aggregated(roles: readonly ClusterRole[]): readonly ClusterRole[] {
  const next = roles.map((role) => planAggregation(role, roles) ?? role);
  return next.every((role, index) => role === roles[index]) ? next : aggregated(next);
}

const ofKind = (kind: string): readonly KubeObject[] =>
  defaultPolicy.filter((object) => object.kind === kind);

describe('the default policy', () => {
  it.each([
    ['ClusterRole', 'clusterroles'],
    ['ClusterRoleBinding', 'clusterrolebindings'],
    ['Role', 'roles'],
    ['RoleBinding', 'rolebindings'],
  ])('has the recorded objects of kind %s, and no others', (kind, file) => {
    const recorded = byName(readFact<KubeObject[]>(`api/authz/${file}.json`));
    const objects = kind === 'ClusterRole' ? aggregated(ofKind(kind)) : ofKind(kind);
    const ours = byName(objects);
    expect([...ours.keys()].sort()).toEqual([...recorded.keys()].sort());
    for (const [name, object] of recorded) expect(ours.get(name)).toMatchObject(object);
  });

  it('has the roles that its bindings refer to', () => {
    const names = new Set(defaultPolicy.map((object) => `${object.kind} ${nameOf(object)}`));
    for (const object of defaultPolicy) {
      if (!('roleRef' in object)) continue;
      const { kind, name } = object['roleRef'] as { kind: string; name: string };
      const namespace = kind === 'Role' ? object.metadata.namespace : '';
      expect(names).toContain(`${kind} ${namespace ?? ''}/${name}`);
    }
  });
});
