import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTO_UPDATE, defaultPolicy } from '../../../src/resources/authz/default-policy.ts';
import { ensureDefaultPolicy } from '../../../src/resources/authz/ensure-default-policy.ts';
import { ownPolicy } from '../../../src/resources/authz/own-policy.ts';
import { planDefaultPolicy, policyKey } from '../../../src/resources/authz/plan-default-policy.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Binding, ClusterRole } from '../../../src/schemas/rbac.ts';
import { kindNamed, startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock);
});
afterEach(() => test[Symbol.asyncDispose]());

const wanted = [...defaultPolicy, ...ownPolicy];
const ensure = (): Promise<void> =>
  ensureDefaultPolicy({
    store: test.store,
    writer: test.objects,
    logger: silentLogger,
    more: ownPolicy,
  });
const role = (name: string): Promise<ClusterRole> => test.objects.get(kindNamed('ClusterRole'), name);
const binding = (name: string): Promise<Binding> =>
  test.objects.get(kindNamed('ClusterRoleBinding'), name) as Promise<Binding>;

describe('the default policy at the start of a server', () => {
  it('is made once, and left alone afterwards', async () => {
    await ensure();
    const before = await role('cluster-admin');
    await ensure();
    expect((await role('cluster-admin')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    const current = new Map<string, KubeObject>();
    for (const plural of ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'])
      for (const object of (await test.store.list(`${plural}.rbac.authorization.k8s.io`)).objects)
        current.set(policyKey(object), object);
    expect(planDefaultPolicy(wanted, current)).toEqual([]);
  });

  it('may be made by several servers at once', async () => {
    await Promise.all([ensure(), ensure(), ensure()]);
    expect((await binding('cluster-admin')).roleRef.name).toBe('cluster-admin');
  });

  it('gets back what was taken from it, and keeps what was added', async () => {
    await ensure();
    const reader = await role('system:basic-user');
    const own = { verbs: ['get'], apiGroups: ['x'], resources: ['y'] };
    await test.objects.update({ ...reader, rules: [own] });
    const bound = await binding('system:basic-user');
    await test.objects.update({ ...bound, subjects: [] });
    await ensure();
    const healed = await role('system:basic-user');
    expect(healed.rules?.[0]).toEqual(own);
    expect(healed.rules).toEqual([own, ...(reader.rules ?? [])]);
    expect((await binding('system:basic-user')).subjects).toEqual(bound.subjects);
  });

  it('makes a binding anew that was bound to another role', async () => {
    await ensure();
    const bound = await binding('system:discovery');
    await test.objects.delete(kindNamed('ClusterRoleBinding'), 'system:discovery');
    const { metadata, ...rest } = bound;
    await test.objects.create({
      ...rest,
      metadata: { name: metadata.name },
      roleRef: { ...bound.roleRef, name: 'view' },
    });
    await ensure();
    expect((await binding('system:discovery')).roleRef.name).toBe('system:discovery');
  });

  it('leaves alone what says so', async () => {
    await ensure();
    const viewer = await role('system:public-info-viewer');
    const annotations = { [AUTO_UPDATE]: 'false' };
    await test.objects.update({ ...viewer, metadata: { ...viewer.metadata, annotations }, rules: [] });
    await ensure();
    expect((await role('system:public-info-viewer')).rules ?? []).toEqual([]);
  });

  it('does not touch the rules of a role that is made of others', async () => {
    await ensure();
    const view = await role('view');
    await test.objects.update({ ...view, rules: [{ verbs: ['get'], apiGroups: ['a'], resources: ['b'] }] });
    const { resourceVersion } = (await role('view')).metadata;
    await ensure();
    expect((await role('view')).metadata.resourceVersion).toBe(resourceVersion);
  });
});
