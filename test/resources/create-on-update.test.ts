import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../src/resources/types.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { RBAC_API_VERSION, RBAC_GROUP } from '../../src/schemas/rbac.ts';
import { kindNamed, startTestCore, type TestCore } from '../api/test-api.ts';

let test: TestCore;
const patcher: RequestContext = {
  user: { name: 'patcher', groups: ['system:authenticated'] },
  warn: () => undefined,
  annotate: () => undefined,
};
const options = { dryRun: false, fieldValidation: 'Strict', fieldManager: 'test' } as const;

beforeEach(async () => {
  test = await startTestCore(systemClock);
  const metadata = { name: 'patcher', namespace: 'default' };
  await test.objects.create({
    apiVersion: RBAC_API_VERSION,
    kind: 'Role',
    metadata,
    rules: [
      { verbs: ['get', 'list', 'patch', 'update'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['create'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['named'] },
    ],
  });
  await test.objects.create({
    apiVersion: RBAC_API_VERSION,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: 'patcher' },
    subjects: [{ kind: 'User', apiGroup: RBAC_GROUP, name: 'patcher' }],
  });
});
afterEach(() => test[Symbol.asyncDispose]());

const configMap = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { a: 'b' },
});
const apply = (object: KubeObject, dryRun = false): Promise<{ readonly created: boolean }> =>
  test.core.patch(
    { kind: kindNamed(object.kind), namespace: 'default', name: object.metadata.name },
    { format: 'apply', body: object },
    { ...options, dryRun },
    patcher,
  );

describe('a write that turns out to create', () => {
  it('by server-side apply needs the verb create, in a dry run too', async () => {
    for (const dryRun of [false, true])
      await expect(apply(configMap('new'), dryRun)).rejects.toMatchObject({
        code: 403,
        message:
          'configmaps "new" is forbidden: User "patcher" cannot create resource "configmaps" in API group "" in the namespace "default"',
      });
    expect(await test.store.get('configmaps', 'default/new')).toBeUndefined();
  });

  it('by server-side apply needs only patch where the object is there', async () => {
    await test.objects.create(configMap('old'));
    expect(await apply(configMap('old'))).toMatchObject({ created: false });
  });

  it('is allowed by the name in the path, which a POST does not have', async () => {
    expect(await apply(configMap('named'))).toMatchObject({ created: true });
  });

  it('by PUT needs the verb create', async () => {
    const lease: KubeObject = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'lock', namespace: 'default' },
    };
    const ref = { kind: kindNamed('Lease'), namespace: 'default', name: 'lock' };
    await expect(test.core.update(ref, lease, options, patcher)).rejects.toMatchObject({ code: 403 });
    await test.objects.create(lease);
    expect(await test.core.update(ref, lease, options, patcher)).toMatchObject({ created: false });
  });
});
