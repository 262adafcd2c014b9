/**
 * Applications outside the system namespace: they write in their own namespace, with the rights of
 * their author.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../src/resources/types.ts';
import {
  AUTHOR_ANNOTATION,
  authorOf,
  authorText,
} from '../../src/schemas/applications/application-author.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { RBAC_API_VERSION, RBAC_GROUP } from '../../src/schemas/rbac.ts';
import type { Application } from '../../src/schemas/types.ts';
import { kindNamed } from '../api/test-api.ts';
import { configMap, createHarness, type Harness, POLL_MS, REPO_URL } from './harness.ts';

let test: Harness;
const options = { dryRun: false, fieldValidation: 'Strict', fieldManager: 'test' } as const;

const contextOf = (name: string, groups: readonly string[] = []): RequestContext => ({
  user: { name, groups: [...groups, 'system:authenticated'] },
  warn: () => undefined,
  annotate: () => undefined,
});
const dev = contextOf('dev', ['team']);
const master = contextOf('root', ['system:masters']);

const application = (name: string, path: string, extra: Partial<Application['spec']> = {}): Application => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  metadata: { name, namespace: 'team' },
  spec: {
    source: { repoURL: REPO_URL, path, targetRevision: 'HEAD', directory: { recurse: true } },
    destination: { namespace: 'team', server: 'https://kubernetes.default.svc' },
    syncPolicy: { automated: { prune: true, selfHeal: true } },
    ...extra,
  },
});

const apps = { kind: kindNamed('Application'), namespace: 'team' };
const create = (object: KubeObject, context: RequestContext): Promise<KubeObject> =>
  test.core.create(apps, object, options, context);
const patch = (name: string, body: object, context: RequestContext, subresource?: 'status') =>
  test.core.patch({ ...apps, name }, { format: 'merge', body }, options, context, subresource);

async function grant(subject: string, rules: readonly object[], namespace = 'team'): Promise<void> {
  const metadata = { name: subject, namespace };
  await test.objects.create({ apiVersion: RBAC_API_VERSION, kind: 'Role', metadata, rules });
  await test.objects.create({
    apiVersion: RBAC_API_VERSION,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: subject },
    subjects: [{ kind: 'User', apiGroup: RBAC_GROUP, name: subject }],
  });
}
const all = ['create', 'delete', 'get', 'list', 'patch', 'update'];
const mayWrite = (...resources: string[]): object => ({
  verbs: all,
  apiGroups: ['', 'apps', 'argoproj.io', RBAC_GROUP],
  resources,
});

/** The Application's own status when nothing more happens. */
async function said(name: string): Promise<string> {
  for (let round = 0; round < 5; round += 1) await test.pass(POLL_MS);
  const { status } = (await test.application(name, 'team')) ?? {};
  const conditions = (status?.['conditions'] ?? []) as { type: string; message: string }[];
  return conditions.map(({ type, message }) => `${type}: ${message}`).join('\n');
}
const statusOf = async (name: string) =>
  (await test.application(name, 'team'))?.status?.['commitStatus'] as
    | { state: string; description: string }
    | undefined;
const stored = (resource: string, key: string): Promise<KubeObject | undefined> => test.get(resource, key);

beforeEach(async () => {
  test = await createHarness();
  for (const name of ['team', 'other'])
    await test.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  // The root Application holds nothing of these tests.
  await test.objects.delete(kindNamed('Application'), 'symphony-system/root');
});
afterEach(() => test[Symbol.asyncDispose]());

describe('the author of an Application', () => {
  const authorNow = async (): Promise<string | undefined> => {
    const object = await test.application('shop', 'team');
    return object && authorOf(object)?.name;
  };

  it('is who creates it, whatever the client says', async () => {
    const claimed = application('shop', 'shop');
    claimed.metadata.annotations = {
      [AUTHOR_ANNOTATION]: authorText({ name: 'root', groups: ['system:masters'] }),
    };
    await create(claimed, dev);
    const made = (await test.application('shop', 'team'))!;
    expect(authorOf(made)).toEqual({ name: 'dev', groups: ['team', 'system:authenticated'] });
  });

  it('stays through everything but a change of the spec', async () => {
    await create(application('shop', 'shop'), dev);
    const claim = { [AUTHOR_ANNOTATION]: authorText({ name: 'root', groups: ['system:masters'] }) };
    await patch('shop', { metadata: { annotations: claim } }, master);
    await patch('shop', { metadata: { annotations: { [AUTHOR_ANNOTATION]: null } } }, master);
    await patch('shop', { metadata: { annotations: null, labels: { a: 'b' } } }, master);
    await patch('shop', { status: { sync: { status: 'Synced' } } }, master, 'status');
    const spec = { source: { path: 'root' } };
    await patch('shop', { metadata: { annotations: claim }, spec, status: {} }, master, 'status');
    await patch('shop', { operation: { sync: { prune: true } } }, master);
    expect(await authorNow()).toBe('dev');
    const replaced = application('shop', 'shop');
    await test.core.update({ ...apps, name: 'shop' }, replaced, options, master);
    expect(await authorNow()).toBe('dev');
  });

  it('is who changes the spec, by any kind of write', async () => {
    await create(application('shop', 'shop'), master);
    await patch('shop', { spec: { source: { path: 'a' } } }, contextOf('a'));
    expect(await authorNow()).toBe('a');
    await test.core.update({ ...apps, name: 'shop' }, application('shop', 'b'), options, contextOf('b'));
    expect(await authorNow()).toBe('b');
    await test.core.patch(
      { ...apps, name: 'shop' },
      { format: 'apply', body: application('shop', 'c'), force: true },
      options,
      { ...master, user: { ...master.user, name: 'c' } },
    );
    expect(await authorNow()).toBe('c');
  });
});

describe('an Application outside the system namespace', () => {
  it('writes what its author may write, and prunes it', async () => {
    await grant('dev', [mayWrite('configmaps')]);
    test.repository.commit({
      'shop/a.yaml': configMap('a', { k: '1' }),
      'shop/b.yaml': configMap('b', {}),
    });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toBe('');
    expect(await stored('configmaps', 'team/a')).toMatchObject({ data: { k: '1' } });
    test.repository.commit({ 'shop/a.yaml': configMap('a', { k: '2' }), 'shop/b.yaml': null });
    await said('shop');
    expect(await stored('configmaps', 'team/a')).toMatchObject({ data: { k: '2' } });
    expect(await stored('configmaps', 'team/b')).toBeUndefined();
  });

  it.each([
    [
      'another namespace',
      configMap('x', {}, '  namespace: other\n'),
      /ConfigMap "other\/x" is in another namespace/,
    ],
    [
      'a cluster-scoped kind',
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: mine}\n',
      /Namespace "mine" is cluster-scoped/,
    ],
    [
      'a hook elsewhere',
      configMap('x', {}, '  namespace: other\n  annotations: {argocd.argoproj.io/hook: PreSync}\n'),
      /ConfigMap "other\/x" is in another namespace/,
    ],
    [
      'a List',
      `apiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: Secret, metadata: {name: x, namespace: other}}\n`,
      /Secret "other\/x" is in another namespace/,
    ],
    [
      'a definition',
      'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\nrules: []\n',
      /ClusterRole "x" is cluster-scoped/,
    ],
  ])(
    'applies nothing of a commit that holds %s, an administrator’s neither',
    async (_what, manifest, why) => {
      test.repository.commit({ 'shop/a.yaml': configMap('a', {}), 'shop/x.yaml': manifest });
      await create(
        application('shop', 'shop', { syncPolicy: { automated: {}, syncOptions: ['CreateNamespace=true'] } }),
        master,
      );
      await test.start();
      const text = await said('shop');
      expect(text).toMatch(why);
      expect(text).toMatch(/ComparisonError: shop\/x.yaml:\d+: .*writes only in that namespace/);
      expect(await statusOf('shop')).toMatchObject({ state: 'failure' });
      expect((await statusOf('shop'))?.description).toMatch(/shop\/x.yaml/);
      expect(await stored('configmaps', 'team/a')).toBeUndefined();
    },
  );

  it('cannot reach another namespace by its destination', async () => {
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}) });
    await create(application('shop', 'shop', { destination: { namespace: 'other' } }), master);
    await test.start();
    expect(await said('shop')).toMatch(/shop\/a.yaml:1: .*ConfigMap "other\/a" is in another namespace/);
    expect(await stored('configmaps', 'other/a')).toBeUndefined();
  });

  it('applies nothing of a commit of which its author may not write a part', async () => {
    await grant('dev', [mayWrite('configmaps')]);
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}), 'shop/s.yaml': secret });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toMatch(
      'SyncError: shop/s.yaml:1: Secret "team/s": User "dev" cannot create resource "secrets" in API group "" in the namespace "team"',
    );
    expect(await statusOf('shop')).toMatchObject({ state: 'failure' });
    expect(await stored('configmaps', 'team/a')).toBeUndefined();
  });

  it('does what a right that came later allows', async () => {
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}) });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toMatch(/cannot create resource "configmaps"/);
    await grant('dev', [mayWrite('configmaps')]);
    expect(await said('shop')).toBe('');
    expect(await stored('configmaps', 'team/a')).toBeDefined();
  });

  it('asks for each verb: an author who may only create neither changes nor prunes', async () => {
    await grant('dev', [{ verbs: ['create'], apiGroups: [''], resources: ['configmaps'] }]);
    test.repository.commit({
      'shop/a.yaml': configMap('a', { k: '1' }),
      'shop/b.yaml': configMap('b', {}),
    });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toBe('');
    test.repository.commit({ 'shop/a.yaml': configMap('a', { k: '2' }) });
    expect(await said('shop')).toMatch(/ConfigMap "team\/a": User "dev" cannot patch/);
    test.repository.commit({ 'shop/a.yaml': configMap('a', { k: '1' }), 'shop/b.yaml': null });
    expect(await said('shop')).toMatch(/ConfigMap "team\/b": User "dev" cannot delete/);
    expect(await stored('configmaps', 'team/a')).toMatchObject({ data: { k: '1' } });
    expect(await stored('configmaps', 'team/b')).toBeDefined();
  });

  it('makes nothing anew by Force that its author may not delete', async () => {
    await grant('dev', [{ verbs: ['create', 'patch'], apiGroups: [''], resources: ['configmaps'] }]);
    const forced = (value: string): string =>
      `immutable: true\n${configMap('a', { k: value }, '  annotations: {argocd.argoproj.io/sync-options: Force=true}\n')}`;
    test.repository.commit({ 'shop/a.yaml': forced('1') });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toBe('');
    test.repository.commit({ 'shop/a.yaml': forced('2') });
    expect(await said('shop')).toMatch(
      /SyncError: shop\/a.yaml:1: .*User "dev" cannot delete resource "configmaps"/,
    );
    expect(await stored('configmaps', 'team/a')).toMatchObject({ data: { k: '1' } });
  });

  it('runs no hook that its author may not create', async () => {
    await grant('dev', [mayWrite('configmaps')]);
    const hook = `apiVersion: v1
kind: Pod
metadata: {name: hook, annotations: {argocd.argoproj.io/hook: PreSync}}
spec: {restartPolicy: Never, containers: [{name: c, image: 'web:1'}]}
`;
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}), 'shop/h.yaml': hook });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toMatch(
      /shop\/h.yaml:1: Pod "team\/hook": User "dev" cannot create resource "pods"/,
    );
    expect(await stored('pods', 'team/hook')).toBeUndefined();
    expect(await stored('configmaps', 'team/a')).toBeUndefined();
  });

  it('hands out no right that its author does not have, and those that it has', async () => {
    await grant('dev', [mayWrite('configmaps', 'roles', 'rolebindings')]);
    const role = (name: string, resource: string): string =>
      `apiVersion: ${RBAC_API_VERSION}
kind: Role
metadata: {name: ${name}}
rules: [{apiGroups: [''], resources: [${resource}], verbs: [get]}]
---
apiVersion: ${RBAC_API_VERSION}
kind: RoleBinding
metadata: {name: ${name}}
roleRef: {apiGroup: ${RBAC_GROUP}, kind: Role, name: ${name}}
subjects: [{kind: User, apiGroup: ${RBAC_GROUP}, name: dev}]
`;
    test.repository.commit({ 'shop/r.yaml': role('more', 'secrets') });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toMatch(/attempting to grant RBAC permissions not currently held/);
    expect(await stored(`rolebindings.${RBAC_GROUP}`, 'team/more')).toBeUndefined();
    test.repository.commit({ 'shop/r.yaml': role('same', 'configmaps') });
    expect(await said('shop')).toBe('');
    expect(await stored(`rolebindings.${RBAC_GROUP}`, 'team/same')).toBeDefined();
  });

  it('binds no role of the cluster that its author may not bind', async () => {
    await grant('dev', [mayWrite('rolebindings')]);
    await test.objects.create({
      apiVersion: RBAC_API_VERSION,
      kind: 'ClusterRole',
      metadata: { name: 'everything' },
      rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    });
    const binding = `apiVersion: ${RBAC_API_VERSION}
kind: RoleBinding
metadata: {name: power}
roleRef: {apiGroup: ${RBAC_GROUP}, kind: ClusterRole, name: everything}
subjects: [{kind: User, apiGroup: ${RBAC_GROUP}, name: dev}]
`;
    test.repository.commit({ 'shop/r.yaml': binding });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('shop')).toMatch(/attempting to grant RBAC permissions not currently held/);
    expect(await stored(`rolebindings.${RBAC_GROUP}`, 'team/power')).toBeUndefined();
  });

  it('is not synced when nobody is known as its author', async () => {
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}) });
    await test.objects.create(application('shop', 'shop'));
    await test.start();
    expect(await said('shop')).toMatch(/nobody is recorded as the author/);
    expect(await stored('configmaps', 'team/a')).toBeUndefined();
  });

  it('leaves alone what carries its mark elsewhere', async () => {
    await grant('dev', [mayWrite('configmaps')]);
    const mark = { 'argocd.argoproj.io/tracking-id': 'team_shop:/ConfigMap:other/x' };
    await test.objects.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', namespace: 'other', annotations: mark },
    });
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}) });
    const made = application('shop', 'shop');
    made.metadata.finalizers = ['resources-finalizer.argocd.argoproj.io/background'];
    await test.objects.create({
      ...made,
      metadata: { ...made.metadata, annotations: { [AUTHOR_ANNOTATION]: authorText(master.user) } },
    });
    await test.start();
    expect(await said('shop')).toBe('');
    expect(await stored('configmaps', 'team/a')).toBeDefined();
    await test.core.delete({ ...apps, name: 'shop' }, { dryRun: false }, master);
    await said('shop');
    expect(await test.application('shop', 'team')).toBeUndefined();
    expect(await stored('configmaps', 'team/a')).toBeUndefined();
    expect(await stored('configmaps', 'other/x')).toBeDefined();
  });

  it('says why it cannot be deleted with what it manages', async () => {
    await grant('dev', [{ verbs: ['create'], apiGroups: [''], resources: ['configmaps'] }]);
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}) });
    const made = application('shop', 'shop');
    const metadata = { ...made.metadata, annotations: { [AUTHOR_ANNOTATION]: authorText(dev.user) } };
    await test.objects.create({
      ...made,
      metadata: { ...metadata, finalizers: ['resources-finalizer.argocd.argoproj.io/background'] },
    });
    await test.start();
    await said('shop');
    await test.core.delete({ ...apps, name: 'shop' }, { dryRun: false }, master);
    expect(await said('shop')).toMatch(/DeletionError: ConfigMap "team\/a": .*User "dev" cannot delete/);
    expect(await stored('configmaps', 'team/a')).toBeDefined();
  });

  it('goes without an author, where it manages nothing', async () => {
    const made = application('shop', 'shop');
    const finalizers = ['resources-finalizer.argocd.argoproj.io/background'];
    await test.objects.create({ ...made, metadata: { ...made.metadata, finalizers } });
    await test.start();
    await test.core.delete({ ...apps, name: 'shop' }, { dryRun: false }, master);
    await said('shop');
    expect(await test.application('shop', 'team')).toBeUndefined();
  });

  it('is not held up by a hook that never runs', async () => {
    await grant('dev', [mayWrite('configmaps')]);
    const skipped = `apiVersion: v1
kind: Secret
metadata: {name: s, annotations: {argocd.argoproj.io/hook: Skip}}
`;
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}), 'shop/s.yaml': skipped });
    await create(application('shop', 'shop'), dev);
    await test.start();
    await said('shop');
    expect(await stored('configmaps', 'team/a')).toBeDefined();
    expect(await stored('secrets', 'team/s')).toBeUndefined();
  });

  it('reads the operator’s repository without the operator’s credentials', async () => {
    test.repository.commit({ 'shop/a.yaml': configMap('a', {}) });
    await create(application('shop', 'shop'), dev);
    await test.start();
    await said('shop');
    expect(test.mirrors).toEqual([{ url: REPO_URL, asOperator: false }]);
  });
});

describe('a child Application', () => {
  const child = (name: string, namespace: string, claim = ''): string => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: ${name}
  namespace: ${namespace}
  annotations:
    other: x
${claim === '' ? '' : `    ${AUTHOR_ANNOTATION}: '${claim}'\n`}spec:
  source: {repoURL: '${REPO_URL}', path: child, targetRevision: HEAD}
  destination: {namespace: ${namespace}}
  syncPolicy: {automated: {}}
`;
  const power = authorText({ name: 'root', groups: ['system:masters'] });
  const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';

  it('has the author of the Application that holds it, whatever Git says', async () => {
    await grant('dev', [mayWrite('configmaps', 'applications')]);
    test.repository.commit({ 'shop/c.yaml': child('small', 'team', power), 'child/s.yaml': secret });
    await create(application('shop', 'shop'), dev);
    await test.start();
    expect(await said('small')).toMatch(/User "dev" cannot create resource "secrets"/);
    expect(authorOf((await test.application('small', 'team'))!)?.name).toBe('dev');
    expect(await stored('secrets', 'team/s')).toBeUndefined();
  });

  it('of an author who cannot keep an administrator’s record with RespectIgnoreDifferences', async () => {
    await grant('dev', [mayWrite('configmaps', 'applications')]);
    test.repository.commit({ 'shop/c.yaml': child('small', 'team'), 'child/s.yaml': secret });
    const ignore = {
      group: 'argoproj.io',
      kind: 'Application',
      jsonPointers: ['/metadata/annotations'],
    };
    await create(
      application('shop', 'shop', {
        ignoreDifferences: [ignore],
        syncPolicy: { automated: {}, syncOptions: ['RespectIgnoreDifferences=true'] },
      }),
      dev,
    );
    await test.start();
    await said('small');
    await patch('small', { spec: { project: 'x' } }, master);
    expect(await said('small')).toBe('');
    test.repository.commit({
      'shop/c.yaml': child('small', 'team').replace('path: child', 'path: evil'),
      'evil/s.yaml': secret.replace('{name: s}', '{name: evil}'),
    });
    await said('small');
    expect(await stored('secrets', 'team/evil')).toBeUndefined();
  });

  it('outside the system namespace is confined, also when the system’s Application holds it', async () => {
    await test.objects.create({
      ...application('base', 'shop'),
      metadata: { name: 'base', namespace: 'symphony-system' },
    });
    test.repository.commit({
      'shop/c.yaml': child('small', 'team'),
      'child/s.yaml': secret,
    });
    await test.start();
    expect(await said('small')).toBe('');
    expect(await stored('secrets', 'team/s')).toBeDefined();
    test.repository.commit({
      'child/s.yaml': secret.replace('{name: s}', '{name: s, namespace: other}'),
    });
    expect(await said('small')).toMatch(/Secret "other\/s" is in another namespace/);
    expect(await stored('secrets', 'other/s')).toBeUndefined();
  });

  it('cannot be made in the system namespace', async () => {
    test.repository.commit({ 'shop/c.yaml': child('big', 'symphony-system'), 'child/s.yaml': secret });
    await create(application('shop', 'shop'), master);
    await test.start();
    expect(await said('shop')).toMatch(/Application "symphony-system\/big" is in another namespace/);
    expect(await test.application('big')).toBeUndefined();
  });
});
