import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../src/base/errors.ts';
import type { ConfigMap } from '../../src/schemas/types.ts';
import type { GitMirror } from '../../src/sync/git/types.ts';
import { type Harness, POLL_MS, configMap, createHarness, deployment } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness();
});
afterEach(async () => at[Symbol.asyncDispose]());

/** Each look resolves the revision once. */
let looks = 0;
const countingMirror = (): GitMirror => {
  const mirror = at.repository.createMirror();
  const resolve = async (revision: string): Promise<string> => {
    looks += 1;
    return mirror.resolve(revision);
  };
  return { ...mirror, resolve };
};
const frozen = (value: string): string => `${configMap('frozen', { x: value })}immutable: true\n`;
const dataOf = async (name: string): Promise<unknown> =>
  ((await at.get('configmaps', `default/${name}`)) as ConfigMap | undefined)?.data;

describe('the sync of an application', () => {
  it('creates what Git holds and says that it is synced', async () => {
    const sha = at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    expect(await dataOf('a')).toEqual({ x: '1' });
    const { status } = (await at.application())!;
    expect(status).toMatchObject({
      sync: { status: 'Synced', revision: sha },
      health: { status: 'Healthy' },
      operationState: { phase: 'Succeeded' },
      resources: [{ kind: 'ConfigMap', name: 'a', namespace: 'default', status: 'Synced' }],
    });
  });

  it('follows commits at the next poll, and prunes what Git no longer has', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'b.yaml': configMap('b', {}) });
    await at.start();
    await at.pass();
    at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }), 'b.yaml': null });
    await at.pass(POLL_MS * 1.1);
    expect(await dataOf('a')).toEqual({ x: '2' });
    expect(await at.get('configmaps', 'default/b')).toBeUndefined();
  });

  it('goes on to show what is to be pruned over later commits, until it is allowed', async () => {
    const policy = (prune: boolean) => ({ automated: { prune, selfHeal: true } });
    const before = (await at.application())!;
    await at.objects.update({ ...before, spec: { ...before.spec, syncPolicy: policy(false) } });
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'b.yaml': configMap('b', {}) });
    await at.start();
    await at.pass();
    at.repository.commit({ 'b.yaml': null });
    await at.pass(POLL_MS * 1.1);
    for (const x of ['2', '3']) {
      at.repository.commit({ 'a.yaml': configMap('a', { x }) });
      await at.pass(POLL_MS * 1.1);
      expect(await dataOf('a')).toEqual({ x });
      expect((await at.application())!.status).toMatchObject({
        sync: { status: 'OutOfSync' },
        resources: [
          { name: 'a', status: 'Synced' },
          { name: 'b', status: 'OutOfSync', requiresPruning: true },
        ],
      });
    }
    const application = (await at.application())!;
    await at.objects.update({ ...application, spec: { ...application.spec, syncPolicy: policy(true) } });
    await at.pass();
    expect(await at.get('configmaps', 'default/b')).toBeUndefined();
    await at.pass();
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  });

  it('writes nothing when nothing changes', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'w.yaml': deployment('web', 'web:1') });
    await at.start();
    await at.pass(POLL_MS);
    const before = await at.version();
    await at.pass(POLL_MS * 5);
    expect(await at.version()).toBe(before);
  });

  it('heals drift at once, and keeps what others added', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    const live = (await at.get('configmaps', 'default/a')) as ConfigMap;
    await at.objects.update({ ...live, data: { x: 'changed', y: 'mine' } });
    await at.pass();
    expect(await dataOf('a')).toEqual({ x: '1', y: 'mine' });
  });

  it.each<readonly [string, () => Promise<unknown>]>([
    ['is gone', async () => at.objects.delete(at.registry.byKind('v1', 'ConfigMap')!, 'default/frozen')],
    ['is no longer asked for', async () => at.repository.commit({ 'frozen.yaml': frozen('1') })],
  ])('rests once the cause of a refusal %s', async (_what, happens) => {
    at.repository.commit({ 'a.yaml': configMap('a', {}), 'frozen.yaml': frozen('1') });
    await at.start({ createMirror: countingMirror });
    await at.pass();
    at.repository.commit({ 'frozen.yaml': frozen('2') });
    await at.pass(POLL_MS * 1.2);
    expect(JSON.stringify((await at.application())!.status!['conditions'])).toContain('SyncError');
    await happens();
    await at.pass(POLL_MS * 1.2);
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
    looks = 0;
    await at.pass(POLL_MS * 5);
    expect(looks).toBeLessThan(20);
  });

  it('rests although nobody counts a quota', async () => {
    const quota = `apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {pods: "5"}}
`;
    at.repository.commit({ 'a.yaml': configMap('a', {}), 'quota.yaml': quota });
    await at.start({ createMirror: countingMirror });
    await at.pass();
    looks = 0;
    await at.pass(POLL_MS * 5);
    expect(looks).toBeLessThan(20);
  });

  it('recreates what somebody deleted', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    await at.objects.delete(at.registry.byKind('v1', 'ConfigMap')!, 'default/a');
    await at.pass();
    expect(await dataOf('a')).toEqual({ x: '1' });
  });

  it('applies and prunes nothing when one file is broken, and heals with the next commit', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'b.yaml': configMap('b', {}) });
    await at.start();
    await at.pass();
    const sha = at.repository.commit({
      'a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: [',
      'b.yaml': null,
    });
    await at.pass(POLL_MS * 1.1);
    expect(await dataOf('a')).toEqual({ x: '1' });
    expect(await at.get('configmaps', 'default/b')).toBeDefined();
    const { status } = (await at.application())!;
    expect(status).toMatchObject({
      commitStatus: { sha, state: 'failure' },
      conditions: [{ type: 'ComparisonError' }],
    });
    expect(JSON.stringify(status)).toContain('a.yaml:');
    at.repository.commit({ 'a.yaml': configMap('a', { x: '3' }) });
    await at.pass(POLL_MS * 1.1);
    expect(await dataOf('a')).toEqual({ x: '3' });
    expect(await at.get('configmaps', 'default/b')).toBeUndefined();
  });

  it('prunes nothing when the render is empty', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    at.repository.commit({ 'a.yaml': null, 'README.md': 'empty' });
    await at.pass(POLL_MS * 1.1);
    expect(await dataOf('a')).toEqual({ x: '1' });
    expect(JSON.stringify((await at.application())!.status)).toContain('allowEmpty');
  });

  it('keeps everything while Git is away, and says since when', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    at.repository.failFetch(new TransientError('Cannot fetch: connection refused'));
    await at.pass(POLL_MS * 2);
    expect((await at.application())!.status).toMatchObject({
      conditions: [{ type: 'ComparisonError', message: 'Cannot fetch: connection refused' }],
    });
    const live = (await at.get('configmaps', 'default/a')) as ConfigMap;
    await at.objects.update({ ...live, data: { x: 'changed' } });
    await at.pass();
    expect(await dataOf('a')).toEqual({ x: '1' });
  });

  it('does not ask a forge that is away again for each event in the cluster, but for a webhook', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    at.repository.failFetch(new TransientError('Cannot fetch: connection refused'));
    await at.pass(POLL_MS * 1.1);
    const before = at.repository.fetches;
    for (let round = 0; round < 10; round += 1) {
      const live = (await at.get('configmaps', 'default/a')) as ConfigMap;
      await at.objects.update({ ...live, data: { x: `changed ${round}` } });
      await at.pass(100);
    }
    expect(at.repository.fetches - before).toBeLessThanOrEqual(1);
    const job = { application: 'symphony-system/root', reason: 'webhook' };
    const soFar = at.repository.fetches;
    await at.queues.queue('sync').add(job);
    await at.pass();
    expect(at.repository.fetches).toBe(soFar + 1);
  });

  it('says pending at once, and success only after the stability window', async () => {
    const sha = at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    expect((await at.application())!.status).toMatchObject({ commitStatus: { sha, state: 'pending' } });
    await at.pass(10_000);
    expect((await at.application())!.status).toMatchObject({ commitStatus: { sha, state: 'success' } });
  });

  it('converges with dead queues', async () => {
    at.queues.dead = true;
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }) });
    await at.pass(POLL_MS * 1.1);
    expect(await dataOf('a')).toEqual({ x: '2' });
  });

  it('follows a force-push, but asks before it deletes most of what is there', async () => {
    const files = Object.fromEntries(
      ['a', 'b', 'c', 'd'].map((name) => [`${name}.yaml`, configMap(name, { x: '1' })]),
    );
    at.repository.commit(files);
    await at.start();
    await at.pass();
    const sha = at.repository.commit({ 'a.yaml': configMap('a', { x: 'other' }) }, { orphan: true });
    await at.pass(POLL_MS * 1.1);
    expect(await dataOf('a')).toEqual({ x: 'other' });
    expect(await dataOf('b')).toEqual({ x: '1' });
    const application = (await at.application())!;
    expect(JSON.stringify(application.status)).toContain('NonAncestorWarning');
    const annotations = { ...application.metadata.annotations, 'symphony.dev/approve-prune': sha };
    await at.objects.update({ ...application, metadata: { ...application.metadata, annotations } });
    await at.pass();
    expect(await at.get('configmaps', 'default/b')).toBeUndefined();
  });

  it('changes nothing when the branch is deleted', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    at.repository.setBranch('main', undefined);
    await at.pass(POLL_MS * 1.1);
    expect(await dataOf('a')).toEqual({ x: '1' });
    expect((await at.application())!.status).toMatchObject({ conditions: [{ type: 'ComparisonError' }] });
  });

  it('moves the revision over an empty commit without a write to the objects', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass(POLL_MS);
    const before = await at.get('configmaps', 'default/a');
    const sha = at.repository.commit({}, { subject: 'empty' });
    await at.pass(POLL_MS * 1.1);
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced', revision: sha } });
    expect(await at.get('configmaps', 'default/a')).toEqual(before);
  });

  it('syncs the applications that an application holds, each with its own objects', async () => {
    const child = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: symphony-system}
spec:
  project: default
  source: {repoURL: "https://git.example/acme/shop.git", path: shop, targetRevision: main}
  destination: {namespace: shop, server: "https://kubernetes.default.svc"}
  syncPolicy: {automated: {prune: true, selfHeal: true}, syncOptions: [CreateNamespace=true]}
`;
    await at[Symbol.asyncDispose]();
    at = await createHarness({
      root: {
        source: { repoURL: 'https://git.example/acme/shop.git', path: 'apps', targetRevision: 'main' },
      },
    });
    at.repository.commit({ 'apps/shop.yaml': child, 'shop/a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass(1_000);
    expect(await at.get('configmaps', 'shop/a')).toBeDefined();
    expect((await at.application('shop'))!.status).toMatchObject({ sync: { status: 'Synced' } });
    expect((await at.application())!.status).toMatchObject({ health: { status: 'Healthy' } });
  });

  it('leaves an object alone that another application manages, and says so', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    const other = (await at.application())!;
    await at.objects.create({
      ...other,
      metadata: { name: 'second', namespace: 'symphony-system' },
      spec: { ...other.spec, source: { ...other.spec.source!, path: 'second' } },
    });
    at.repository.commit({
      'second/a.yaml': configMap('a', { x: '2' }),
      'a.yaml': configMap('a', { x: '1' }),
    });
    at.repository.commit({ 'second/a.yaml': configMap('a', { x: '2' }) });
    await at.pass(POLL_MS * 1.2);
    expect(await dataOf('a')).toEqual({ x: '1' });
    expect(JSON.stringify((await at.application('second'))!.status)).toContain('managed by application');
  });

  it('resumes after a restart without writing what is already right', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    const first = await at.start();
    await at.pass(POLL_MS);
    await first[Symbol.asyncDispose]();
    const before = await at.version();
    await at.start();
    await at.pass(POLL_MS * 2);
    expect(await at.version()).toBe(before);
  });

  it('creates nothing while it is held, until the rebuild lets it', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    const controller = await at.start({ held: true });
    await at.refresh();
    await at.pass(POLL_MS * 3);
    expect(await at.get('configmaps', 'default/a')).toBeUndefined();
    const summary = controller.syncAllOnce(new AbortController().signal);
    await at.pass();
    expect(await summary).toEqual({ applied: ['symphony-system/root'], failed: [] });
    expect(await dataOf('a')).toEqual({ x: '1' });
  });

  it('looks at every application once on demand, and deletes nothing while history is lost', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'b.yaml': configMap('b', {}) });
    const controller = await at.start();
    await at.pass();
    const state = (await at.store.clusterState())!;
    expect(await at.store.setClusterState({ ...state, phase: 'rebuilding' }, state)).toBe(true);
    at.repository.commit({ 'b.yaml': null, 'c.yaml': configMap('c', {}) });
    await at.refresh();
    const summary = controller.syncAllOnce(new AbortController().signal);
    await at.pass();
    expect(await summary).toEqual({ applied: ['symphony-system/root'], failed: [] });
    expect(await at.get('configmaps', 'default/b')).toBeDefined();
    expect(await at.get('configmaps', 'default/c')).toBeDefined();
  });
});
