import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/schemas/object.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness();
});
afterEach(async () => at[Symbol.asyncDispose]());

const hook = (name: string, type: string, more: Record<string, string> = {}): string =>
  `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  annotations:
    argocd.argoproj.io/hook: ${type}
${Object.entries(more)
  .map(([key, value]) => `    argocd.argoproj.io/${key}: "${value}"\n`)
  .join('')}spec:
  restartPolicy: Never
  containers: [{name: main, image: "busybox:1"}]
`;

async function end(name: string, phase: 'Succeeded' | 'Failed'): Promise<void> {
  const pod = (await at.get('pods', `default/${name}`))!;
  const terminated = { exitCode: phase === 'Failed' ? 3 : 0 };
  const containerStatuses = [
    { name: 'main', image: 'busybox:1', imageID: '', ready: false, restartCount: 0, state: { terminated } },
  ];
  await at.objects.update({ ...pod, status: { phase, containerStatuses } }, { subresource: 'status' });
  await at.pass();
}

/** The pod's end as the agent makes it: a pod that is being deleted goes. */
async function reap(name: string): Promise<void> {
  const kind = at.registry.byKind('v1', 'Pod')!;
  await at.objects.delete(kind, `default/${name}`, { gracePeriodSeconds: 0 });
  await at.pass();
}

const pod = (name: string): Promise<KubeObject | undefined> => at.get('pods', `default/${name}`);
const map = (name: string): Promise<KubeObject | undefined> => at.get('configmaps', `default/${name}`);
const operation = async () =>
  (await at.application())!.status!['operationState'] as {
    phase: string;
    message: string;
    syncResult?: { resources?: { name: string; hookPhase: string }[] };
  };

describe('hooks', () => {
  it('run before, with and after the sync, each phase when the former is over', async () => {
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync'),
      'during.yaml': hook('during', 'Sync'),
      'after.yaml': hook('after', 'PostSync'),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    expect([await pod('before'), await map('a'), await pod('during')].map(Boolean)).toEqual([
      true,
      false,
      false,
    ]);
    await end('before', 'Succeeded');
    expect([await map('a'), await pod('during'), await pod('after')].map(Boolean)).toEqual([
      true,
      true,
      false,
    ]);
    expect(await operation()).toMatchObject({
      phase: 'Running',
      message: 'Waiting for Sync hook pod/during',
    });
    await end('during', 'Succeeded');
    expect(await pod('after')).toBeDefined();
    await end('after', 'Succeeded');
    expect(await operation()).toMatchObject({
      phase: 'Succeeded',
      syncResult: {
        resources: [
          { name: 'before', hookPhase: 'Succeeded' },
          { name: 'during', hookPhase: 'Succeeded' },
          { name: 'after', hookPhase: 'Succeeded' },
        ],
      },
    });
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  });

  it('that failed in a sync that somebody asked for are left until the next request', async () => {
    await at[Symbol.asyncDispose]();
    at = await createHarness({ root: { syncPolicy: {} } });
    let looks = 0;
    const createMirror = () => {
      const mirror = at.repository.createMirror();
      const resolve = async (revision: string) => ((looks += 1), mirror.resolve(revision));
      return { ...mirror, resolve };
    };
    at.repository.commit({ 'before.yaml': hook('before', 'PreSync'), 'a.yaml': configMap('a', {}) });
    await at.start({ createMirror });
    await at.pass();
    const root = (await at.application())!;
    await at.objects.update({ ...root, operation: { sync: {} } });
    await at.pass();
    await end('before', 'Failed');
    expect((await operation()).phase).toBe('Failed');
    looks = 0;
    await at.pass(POLL_MS * 5);
    expect(looks).toBeLessThan(20);
    expect(await map('a')).toBeUndefined();
  });

  it('run by wave within a phase', async () => {
    at.repository.commit({
      'one.yaml': hook('one', 'PreSync', { 'sync-wave': '-1' }),
      'two.yaml': hook('two', 'PreSync'),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    expect([await pod('one'), await pod('two')].map(Boolean)).toEqual([true, false]);
    await end('one', 'Succeeded');
    expect(await pod('two')).toBeDefined();
  });

  it('stop the sync when one fails, run SyncFail, and try again by the retry policy', async () => {
    await at[Symbol.asyncDispose]();
    const retry = { limit: 1, backoff: { duration: '60s' } };
    at = await createHarness({ root: { syncPolicy: { automated: { selfHeal: true }, retry } } });
    const sha = at.repository.commit({
      'before.yaml': hook('before', 'PreSync'),
      'fail.yaml': hook('clean-up', 'SyncFail'),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    await end('before', 'Failed');
    expect(await operation()).toMatchObject({ phase: 'Running' });
    await end('clean-up', 'Succeeded');
    const failure = 'PreSync hook pod/before failed: container main exited 3';
    expect(await operation()).toMatchObject({ phase: 'Failed', message: failure });
    expect((await at.application())!.status).toMatchObject({
      commitStatus: { sha, state: 'failure', description: failure },
    });
    const first = (await pod('before'))!.metadata.uid;
    await at.pass(59_000);
    expect((await pod('before'))!.metadata.uid).toBe(first);
    await at.pass(2_000);
    await reap('before');
    expect((await pod('before'))!.metadata.uid).not.toBe(first);
    await end('before', 'Failed');
    await reap('clean-up');
    await end('clean-up', 'Succeeded');
    expect(await operation()).toMatchObject({ phase: 'Failed', retryCount: 1 });
    const last = (await pod('before'))!.metadata.uid;
    await at.pass(POLL_MS * 20);
    expect((await pod('before'))!.metadata.uid).toBe(last);
    expect(await map('a')).toBeUndefined();
  });

  it('go by their delete policy, after their result is kept', async () => {
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync', { 'hook-delete-policy': 'HookSucceeded' }),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    await end('before', 'Succeeded');
    expect(await operation()).toMatchObject({
      phase: 'Succeeded',
      syncResult: { resources: [{ name: 'before', hookPhase: 'Succeeded' }] },
    });
    expect(
      ((await pod('before')) ?? { metadata: { deletionTimestamp: 'gone' } }).metadata.deletionTimestamp,
    ).toBeDefined();
  });

  it('run again with the next commit that changes something, in place of the former object', async () => {
    at.repository.commit({ 'before.yaml': hook('before', 'PreSync'), 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    await end('before', 'Succeeded');
    const first = (await pod('before'))!.metadata.uid;
    at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }) });
    await at.pass(POLL_MS * 1.1);
    if ((await pod('before'))?.metadata.uid === first) await reap('before');
    expect((await pod('before'))!.metadata.uid).not.toBe(first);
    expect((await map('a'))!['data']).toBeUndefined();
    await end('before', 'Succeeded');
    expect((await map('a'))!['data']).toEqual({ x: '2' });
  });

  it('do not run while drift is healed, and are neither compared nor pruned', async () => {
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync'),
      'skip.yaml': hook('skipped', 'Skip'),
      'a.yaml': configMap('a', { x: '1' }),
    });
    await at.start();
    await at.pass();
    await end('before', 'Succeeded');
    await reap('before');
    await at.objects.delete(at.registry.byKind('v1', 'ConfigMap')!, 'default/a');
    await at.pass();
    expect(await map('a')).toBeDefined();
    expect([await pod('before'), await pod('skipped')]).toEqual([undefined, undefined]);
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  });

  it.each(['PreSync', 'Sync', 'PostSync'])('replace the object that becomes a %s hook', async (type) => {
    at.repository.commit({ 'm.yaml': configMap('m', {}), 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    const { uid } = (await map('m'))!.metadata;
    const annotations = `  annotations: {argocd.argoproj.io/hook: ${type}}\n`;
    at.repository.commit({
      'm.yaml': configMap('m', {}, annotations),
      'a.yaml': configMap('a', { x: '2' }),
    });
    await at.pass(POLL_MS * 1.2);
    expect(await operation()).toMatchObject({ phase: 'Succeeded' });
    expect((await map('m'))!.metadata.uid).not.toBe(uid);
    at.repository.commit({ 'm.yaml': configMap('m', { z: '3' }) });
    await at.pass(POLL_MS * 1.2);
    expect((await map('m'))!['data']).toEqual({ z: '3' });
  });

  it('are none where only somebody else says so', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    const live = (await map('a'))!;
    const annotations = { ...live.metadata.annotations, 'argocd.argoproj.io/hook': 'PreSync' };
    await at.objects.update({ ...live, metadata: { ...live.metadata, annotations } });
    at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }) });
    await at.pass(POLL_MS * 1.2);
    expect((await map('a'))!['data']).toEqual({ x: '2' });
    expect(await operation()).toMatchObject({ phase: 'Succeeded' });
  });

  it('run when a person asks for a sync, whether anything changed or not', async () => {
    await at[Symbol.asyncDispose]();
    at = await createHarness({ root: { syncPolicy: {} } });
    at.repository.commit({ 'before.yaml': hook('before', 'PreSync'), 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    expect([await pod('before'), await map('a')]).toEqual([undefined, undefined]);
    expect((await at.application())!.status).toMatchObject({
      sync: { status: 'OutOfSync' },
      commitStatus: { state: 'pending', description: 'Waiting for a sync, which is not automated' },
    });
    const ask = async () =>
      at.objects.update({
        ...(await at.application())!,
        operation: { sync: {}, initiatedBy: { username: 'me' } },
      });
    await ask();
    await at.pass();
    expect(await pod('before')).toBeDefined();
    await end('before', 'Succeeded');
    expect(await map('a')).toBeDefined();
    expect(await operation()).toMatchObject({
      phase: 'Succeeded',
      operation: { initiatedBy: { username: 'me' } },
    });
    await ask();
    await at.pass();
    expect(await operation()).toMatchObject({ phase: 'Running' });
  });

  it('that are not known are said, not ignored', async () => {
    at.repository.commit({
      'a.yaml': configMap('a', {}),
      'b.yaml': configMap('b', {}, '  annotations: {argocd.argoproj.io/hook: PreDelete}\n'),
    });
    await at.start();
    await at.pass();
    expect(await map('b')).toBeUndefined();
    expect(JSON.stringify((await at.application())!.status)).toContain(
      'hook \\"PreDelete\\": not implemented',
    );
  });
});

describe('a sync policy', () => {
  it('without prune keeps what Git no longer has, and says OutOfSync', async () => {
    await at[Symbol.asyncDispose]();
    at = await createHarness({ root: { syncPolicy: { automated: {} } } });
    at.repository.commit({ 'a.yaml': configMap('a', {}), 'b.yaml': configMap('b', {}) });
    await at.start();
    await at.pass();
    at.repository.commit({ 'b.yaml': null });
    await at.pass(POLL_MS * 1.1);
    expect(await map('b')).toBeDefined();
    expect((await at.application())!.status).toMatchObject({
      sync: { status: 'OutOfSync' },
      operationState: { phase: 'Succeeded' },
      resources: [{ name: 'a' }, { name: 'b', requiresPruning: true }],
    });
    await at.objects.update({ ...(await at.application())!, operation: { sync: { prune: true } } });
    await at.pass();
    expect(await map('b')).toBeUndefined();
  });

  it('without selfHeal leaves drift alone until the next commit', async () => {
    await at[Symbol.asyncDispose]();
    at = await createHarness({ root: { syncPolicy: { automated: { prune: true } } } });
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    await at.objects.update({ ...(await map('a'))!, data: { x: 'drift' } });
    await at.pass(POLL_MS);
    expect((await map('a'))!['data']).toEqual({ x: 'drift' });
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'OutOfSync' } });
    at.repository.commit({ 'b.yaml': configMap('b', {}) });
    await at.pass(POLL_MS * 1.1);
    expect((await map('a'))!['data']).toEqual({ x: '1' });
  });

  it('reports options that are not honoured', async () => {
    await at[Symbol.asyncDispose]();
    const syncOptions = ['Validate=false', 'Nonsense=true', 'ServerSideApply=true'];
    at = await createHarness({ root: { syncPolicy: { automated: {}, syncOptions } } });
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    expect((await at.application())!.status).toMatchObject({
      conditions: [
        {
          type: 'UnsupportedOptionWarning',
          message:
            'sync option "Validate=false": manifests are always validated\n' +
            'sync option "Nonsense=true": not known to Symphony; it has no effect',
        },
      ],
    });
  });

  it('refuses a request that it cannot carry out', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    const operation = { sync: { revision: 'abc' } };
    await at.objects.update({ ...(await at.application())!, operation });
    await at.pass(10);
    const { status, operation: left } = (await at.application())!;
    expect(left).toBeUndefined();
    expect(status).toMatchObject({ operationState: { phase: 'Error' } });
  });
});
