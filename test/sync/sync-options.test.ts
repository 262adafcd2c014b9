import { afterEach, expect, it } from 'vitest';
import type { Application, ConfigMap } from '../../src/schemas/types.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
afterEach(async () => at[Symbol.asyncDispose]());

const options = (text: string): string => `  annotations: {argocd.argoproj.io/sync-options: "${text}"}\n`;
const map = async (name: string) => (await at.get('configmaps', `default/${name}`)) as ConfigMap | undefined;

async function startWith(spec: Partial<Application['spec']>, files: Record<string, string>): Promise<void> {
  at = await createHarness({ root: spec });
  at.repository.commit(files);
  await at.start();
  await at.pass();
}
const automated = { automated: { prune: true, selfHeal: true } };

it('Prune=false keeps an object that Git no longer has', async () => {
  await startWith(
    { syncPolicy: automated },
    { 'a.yaml': configMap('a', {}), 'b.yaml': configMap('b', {}, options('Prune=false')) },
  );
  at.repository.commit({ 'b.yaml': null });
  await at.pass(POLL_MS * 1.1);
  expect(await map('b')).toBeDefined();
  expect((await at.application())!.status).toMatchObject({ sync: { status: 'OutOfSync' } });
});

it('Replace=true takes away what others added, once something differs', async () => {
  await startWith(
    { syncPolicy: automated },
    { 'a.yaml': configMap('a', { x: '1' }, options('Replace=true')) },
  );
  await at.objects.update({ ...(await map('a'))!, data: { x: 'drift', y: 'theirs' } });
  await at.pass();
  expect((await map('a'))!.data).toEqual({ x: '1' });
});

it('Force=true makes anew what cannot be changed', async () => {
  const frozen = (value: string): string =>
    `${configMap('a', { x: value }, options('Force=true'))}immutable: true\n`;
  await startWith({ syncPolicy: automated }, { 'a.yaml': frozen('1') });
  const before = (await map('a'))!.metadata.uid;
  at.repository.commit({ 'a.yaml': frozen('2') });
  await at.pass(POLL_MS * 1.1);
  expect((await map('a'))!.data).toEqual({ x: '2' });
  expect((await map('a'))!.metadata.uid).not.toBe(before);
});

it('a refused object is tried again by the retry policy, and not after its limit', async () => {
  const frozen = (value: string): string => `${configMap('a', { x: value })}immutable: true\n`;
  const retry = { limit: 1, backoff: { duration: '5s' } };
  await startWith({ syncPolicy: { ...automated, retry } }, { 'a.yaml': frozen('1') });
  at.repository.commit({ 'a.yaml': frozen('2') });
  await at.pass(POLL_MS * 10);
  expect((await at.application())!.status).toMatchObject({ operationState: { phase: 'Failed' } });
  await at.objects.delete(at.registry.byKind('v1', 'ConfigMap')!, 'default/a');
  await at.pass();
  expect((await map('a'))!.data).toEqual({ x: '2' });
});

it.each([
  ['', '2'],
  ['RespectIgnoreDifferences=true', 'theirs'],
])('with "%s" an ignored difference is not healed, and the next apply writes %s', async (option, written) => {
  const ignoreDifferences = [{ kind: 'ConfigMap', name: 'a', jsonPointers: ['/data/x'] }];
  const syncOptions = option === '' ? [] : [option];
  await startWith(
    { syncPolicy: { ...automated, syncOptions }, ignoreDifferences },
    { 'a.yaml': configMap('a', { x: '1', z: '1' }) },
  );
  await at.objects.update({ ...(await map('a'))!, data: { x: 'theirs', z: '1' } });
  await at.pass();
  expect((await map('a'))!.data).toEqual({ x: 'theirs', z: '1' });
  at.repository.commit({ 'a.yaml': configMap('a', { x: '2', z: '2' }) });
  await at.pass(POLL_MS * 1.1);
  expect((await map('a'))!.data).toEqual({ x: written, z: '2' });
});
