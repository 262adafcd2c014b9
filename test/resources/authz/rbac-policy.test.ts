import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthorizer } from '../../../src/resources/authz/authorizer.ts';
import type { Authorizer, ResourceAttributes } from '../../../src/resources/authz/types.ts';
import type { UserInfo } from '../../../src/resources/types.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { RBAC_API_VERSION, RBAC_GROUP, type Subject } from '../../../src/schemas/rbac.ts';
import { startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
let authorizer: Authorizer;

beforeEach(async () => {
  test = await startTestCore(systemClock, ['shop', 'other']);
  authorizer = createAuthorizer(test.core.snapshots);
});
afterEach(() => test[Symbol.asyncDispose]());

const ann: UserInfo = { name: 'ann', groups: ['dev', 'system:authenticated'] };
const reads = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };

async function make(kind: string, name: string, namespace: string | undefined, rest: object): Promise<void> {
  const metadata = { name, ...(namespace ? { namespace } : {}) };
  await test.objects.create({ apiVersion: RBAC_API_VERSION, kind, metadata, ...rest });
}

const bind = (
  kind: 'RoleBinding' | 'ClusterRoleBinding',
  role: `${'Role' | 'ClusterRole'}/${string}`,
  subject: Subject,
  namespace?: string,
  name = 'b',
): Promise<void> => {
  const [roleKind, roleName] = role.split('/');
  return make(kind, name, namespace, {
    roleRef: { apiGroup: RBAC_GROUP, kind: roleKind, name: roleName },
    subjects: [subject],
  });
};

const getPod = (namespace: string | undefined): ResourceAttributes => ({
  verb: 'get',
  group: '',
  resource: 'pods',
  subresource: undefined,
  namespace,
  name: 'web',
  fieldSelector: undefined,
});

/** Everything that has been written is seen. */
async function settle(): Promise<void> {
  for (const plural of ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'])
    await (await test.core.snapshots.open({ group: RBAC_GROUP, plural })).refresh();
}

async function may(user: UserInfo, namespace: string | undefined): Promise<boolean> {
  await settle();
  return (await authorizer.authorize(user, getPod(namespace))).allowed;
}

describe('roles and bindings', () => {
  it('nothing is allowed without them', async () => {
    expect(await authorizer.authorize(ann, getPod('shop'))).toEqual({ allowed: false });
  });

  it('a role binding grants in its namespace only, a cluster role there, too', async () => {
    await make('ClusterRole', 'r', undefined, { rules: [reads] });
    await bind('RoleBinding', 'ClusterRole/r', { kind: 'Group', name: 'dev' }, 'shop');
    expect(await may(ann, 'shop')).toBe(true);
    expect(await may(ann, 'other')).toBe(false);
    expect(await may(ann, undefined)).toBe(false);
  });

  it('a cluster role binding grants everywhere', async () => {
    await make('ClusterRole', 'r', undefined, { rules: [reads] });
    await bind('ClusterRoleBinding', 'ClusterRole/r', { kind: 'User', name: 'ann' });
    expect(await may(ann, 'other')).toBe(true);
    expect(await may(ann, undefined)).toBe(true);
    expect(await may({ name: 'bob', groups: ['ann'] }, 'other')).toBe(false);
  });

  it('a service account without a namespace is in that of the binding', async () => {
    await make('Role', 'r', 'shop', { rules: [reads] });
    await bind('RoleBinding', 'Role/r', { kind: 'ServiceAccount', name: 'web' }, 'shop');
    expect(await may({ name: 'system:serviceaccount:shop:web', groups: [] }, 'shop')).toBe(true);
    expect(await may({ name: 'system:serviceaccount:other:web', groups: [] }, 'shop')).toBe(false);
  });

  it('a grant ends with its role, its binding, or its rule', async () => {
    await make('Role', 'r', 'shop', { rules: [reads] });
    await bind('RoleBinding', 'Role/r', { kind: 'User', name: 'ann' }, 'shop');
    expect(await may(ann, 'shop')).toBe(true);
    const role = test.core.registry.byKind(RBAC_API_VERSION, 'Role');
    if (!role) throw new Error('no kind Role');
    const stored = await test.objects.get(role, 'shop/r');
    await test.objects.update({ ...stored, rules: [{ ...reads, verbs: ['list'] }] });
    expect(await may(ann, 'shop')).toBe(false);
    await test.objects.update({ ...(await test.objects.get(role, 'shop/r')), rules: [reads] });
    expect(await may(ann, 'shop')).toBe(true);
    await test.objects.delete(role, 'shop/r');
    expect(await may(ann, 'shop')).toBe(false);
  });

  it('say who was let in by what, and what was not found', async () => {
    await make('Role', 'r', 'shop', { rules: [reads] });
    await bind('RoleBinding', 'Role/r', { kind: 'ServiceAccount', name: 'web' }, 'shop');
    await bind('RoleBinding', 'Role/gone', { kind: 'User', name: 'ann' }, 'shop', 'dangling');
    await settle();
    const account = { name: 'system:serviceaccount:shop:web', groups: [] };
    expect(await authorizer.authorize(account, getPod('shop'))).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "b/shop" of Role "r" to ServiceAccount "web/shop"',
    });
    expect(await authorizer.authorize(ann, getPod('shop'))).toEqual({
      allowed: false,
      reason: 'RBAC: role.rbac.authorization.k8s.io "gone" not found',
    });
    expect(await authorizer.rulesFor(ann, 'shop')).toEqual({
      rules: [],
      errors: ['role.rbac.authorization.k8s.io "gone" not found'],
    });
  });

  it('mean nothing to administrators, and add to what a node may', async () => {
    expect(
      (await authorizer.authorize({ name: 'x', groups: ['system:masters'] }, getPod('shop'))).allowed,
    ).toBe(true);
    const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };
    const asks = { ...getPod(undefined), resource: 'priorityclasses', group: 'scheduling.k8s.io' };
    expect((await authorizer.authorize(node, asks)).allowed).toBe(false);
    await make('ClusterRole', 'r', undefined, {
      rules: [{ verbs: ['get'], apiGroups: ['scheduling.k8s.io'], resources: ['priorityclasses'] }],
    });
    await bind('ClusterRoleBinding', 'ClusterRole/r', { kind: 'Group', name: 'system:nodes' });
    await settle();
    expect((await authorizer.authorize(node, asks)).allowed).toBe(true);
    expect((await authorizer.rulesFor(node, undefined)).errors).toHaveLength(1);
  });
});
