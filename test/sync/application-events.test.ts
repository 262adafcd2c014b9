import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../src/base/errors.ts';
import type { ConfigMap } from '../../src/schemas/types.ts';
import { type Harness, POLL_MS, configMap, createHarness, deployment } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness();
});
afterEach(async () => at[Symbol.asyncDispose]());

const frozen = (value: string): string => `${configMap('frozen', { x: value })}immutable: true\n`;
/** `OperationStarted x2: …`, by reason. */
const said = async (reason: string): Promise<readonly string[]> =>
  (await at.events())
    .filter((event) => event.reason === reason)
    // Two of one second are told apart by when they were written.
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
    .map(({ count, message }) => `x${count}: ${message}`);

describe('events of an application', () => {
  it('say that a sync has started, with commit, author and cause, and how it ended', async () => {
    const sha = at.repository.commit({ 'a.yaml': configMap('a', {}) }, { subject: 'Add a\u001b[2J' });
    await at.start();
    await at.pass();
    const short = sha.slice(0, 7);
    expect(await said('OperationStarted')).toEqual([
      expect.stringMatching(
        new RegExp(`^x1: Initiated automated sync to ${short} by start: Add a\\\\u\\{1b\\}\\[2J \\(.+\\)$`),
      ),
    ]);
    expect(await said('OperationCompleted')).toEqual([`x1: Sync operation to ${short} succeeded: 1 created`]);
    expect(await said('ResourceUpdated')).toContain('x1: Updated sync status: Unknown -> Synced');
    const uid = (await at.application())?.metadata.uid;
    expect((await at.events()).map(({ involvedObject }) => involvedObject.uid)).toEqual(
      (await at.events()).map(() => uid),
    );
  });

  it.each([
    ['poll', async () => at.pass(POLL_MS * 1.2)],
    [
      'webhook',
      async () => {
        const job = { application: 'symphony-system/root', reason: 'webhook' };
        await at.queues.queue('sync').add(job);
        await at.pass();
      },
    ],
  ])('name a %s as what found the commit', async (cause, finds) => {
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    const sha = at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }) });
    await finds();
    const [, second] = await said('OperationStarted');
    expect(second).toContain(`sync to ${sha.slice(0, 7)} by ${cause}`);
  });

  it('name the user who asked for a sync, also where nothing is to be done', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    const application = (await at.application())!;
    const operation = { initiatedBy: { username: 'alice' }, sync: { prune: true } };
    await at.objects.update({ ...application, operation });
    await at.pass();
    expect(await said('OperationStarted')).toContainEqual(
      expect.stringMatching(/^x1: alice initiated sync to /),
    );
    expect(await said('OperationCompleted')).toContainEqual(
      expect.stringMatching(/^x1: Sync operation to .* succeeded$/),
    );
    at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }) });
    await at.objects.update({ ...(await at.application())!, operation });
    await at.pass();
    expect((await said('OperationStarted')).at(-1)).toContain('x1: alice initiated sync to');
  });

  it('count a sync that fails again and again instead of repeating it', async () => {
    at.repository.commit({ 'frozen.yaml': frozen('1') });
    await at.start();
    await at.pass();
    const sha = at.repository.commit({ 'frozen.yaml': frozen('2') });
    await at.pass(POLL_MS * 1.2);
    for (let minute = 0; minute < 20; minute += 1) await at.pass(60_000);
    const [, started] = await said('OperationStarted');
    expect(started).toMatch(/^x6: /);
    const failed = (await said('OperationCompleted')).filter((text) => text.includes('failed'));
    expect(failed).toEqual([expect.stringMatching(`^x6: Sync operation to ${sha.slice(0, 7)} failed: `)]);
    expect(failed[0]).toContain('immutable');
  });

  it('tell of manifests that cannot be read, once', async () => {
    const nonsense = 'kind: [';
    at.repository.commit({ 'a.yaml': nonsense, 'b.yaml': nonsense });
    await at.start();
    await at.pass(POLL_MS * 4);
    expect(await said('OperationCompleted')).toEqual([
      expect.stringMatching(/^x1: Sync .* failed: a.yaml.*; b.yaml.*$/),
    ]);
    expect(await said('ComparisonError')).toEqual([]);
  });

  it('count nothing of an earlier operation where a commit that could not be read is mended', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    at.repository.commit({ 'bad.yaml': 'kind: [' });
    await at.pass(POLL_MS * 1.2);
    const sha = at.repository.commit({ 'bad.yaml': null });
    await at.pass(POLL_MS * 1.2);
    expect(await said('OperationCompleted')).toContain(`x1: Sync operation to ${sha.slice(0, 7)} succeeded`);
  });

  it('count fetches that fail, without a flood', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    at.repository.failFetch(new TransientError('Cannot fetch: connection refused'));
    for (let minute = 0; minute < 60; minute += 1) await at.pass(60_000);
    const [told, ...others] = await said('ComparisonError');
    expect(others).toEqual([]);
    const count = Number(/^x(\d+): Cannot fetch: connection refused$/.exec(told ?? '')?.[1]);
    expect(count).toBeGreaterThan(5);
    expect(count).toBeLessThan(60);
  });

  it('name what was pruned, and count the rest', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `m${index}`);
    at.repository.commit({
      'keep.yaml': configMap('keep', {}),
      ...Object.fromEntries(names.map((name) => [`${name}.yaml`, configMap(name, {})])),
    });
    await at.start();
    await at.pass();
    const sha = at.repository.commit(Object.fromEntries(names.map((name) => [`${name}.yaml`, null])));
    await at.pass(POLL_MS * 1.2);
    const [pruned] = await said('ResourceDeleted');
    expect(pruned).toMatch(/^x1: Pruned (?:ConfigMap default\/m\d, ){4}ConfigMap default\/m\d and 3 more/);
    expect(pruned).toContain(`not in Git at ${sha.slice(0, 7)}`);
    expect(await said('OperationCompleted')).toContain(
      `x1: Sync operation to ${sha.slice(0, 7)} succeeded: 8 pruned`,
    );
  });

  it('name what was healed, counted when it drifts in the same way again', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'b.yaml': configMap('b', {}) });
    await at.start();
    await at.pass();
    for (let round = 0; round < 2; round += 1) {
      const live = (await at.get('configmaps', 'default/a')) as ConfigMap;
      const annotations = { ...live.metadata.annotations };
      annotations['symphony.dev/changed-by'] = `2026-01-02T03:04:0${round}Z alice`;
      await at.objects.update({ ...live, metadata: { ...live.metadata, annotations }, data: { x: '9' } });
      await at.pass();
    }
    await at.objects.delete(at.registry.byKind('v1', 'ConfigMap')!, 'default/b');
    await at.pass();
    const sha = (await at.application())?.status?.['sync'] as { revision: string };
    expect([...(await said('SelfHealed'))].sort()).toEqual([
      expect.stringMatching(
        `^x1: Undid drift from ${sha.revision.slice(0, 7)}: ConfigMap default/b .was deleted.$`,
      ),
      expect.stringMatching(/^x2: Undid drift .*ConfigMap default\/a \(.*data.x.* changed by alice\)$/),
    ]);
    expect(await said('OperationCompleted')).toHaveLength(1);
  });

  it('tell of health, and its cause where it got worse', async () => {
    at.repository.commit({ 'w.yaml': deployment('web', 'web:1') });
    await at.start();
    await at.pass();
    expect((await said('ResourceUpdated')).join('\n')).toMatch(
      /Updated health status: Unknown -> Progressing: deployment\/web: /,
    );
  });

  it('repeat nothing when another process takes over', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', {}), 'w.yaml': deployment('web', 'web:1') });
    const first = await at.start();
    await at.pass();
    const before = await at.events();
    await first[Symbol.asyncDispose]();
    await at.start();
    await at.pass(POLL_MS * 2);
    expect(await at.events()).toEqual(before);
  });

  it('tell which objects went with their application', async () => {
    const finalizers = ['resources-finalizer.argocd.argoproj.io'];
    const root = (await at.application())!;
    await at.objects.update({ ...root, metadata: { ...root.metadata, finalizers } });
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    await at.objects.delete(
      at.registry.byKind('argoproj.io/v1alpha1', 'Application')!,
      'symphony-system/root',
    );
    await at.pass();
    expect(await said('ResourceDeleted')).toEqual(['x1: Deleted ConfigMap default/a with the Application']);
  });
});
