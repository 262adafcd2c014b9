import { expect, it } from 'vitest';
import type { ConfigMap } from '../../src/schemas/types.ts';
import { POLL_MS, configMap, createHarness } from './harness.ts';

const KEYS = 9_000;
/** Random enough that no compression would help. */
const keyOf = (index: number): string => `key-${((index * 2_654_435_761) % 2 ** 32).toString(16)}-${index}`;
const data = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [keyOf(index), 'v']));

it('a ConfigMap of thousands of keys is applied, healed and pruned key by key', async () => {
  await using at = await createHarness();
  const live = async (): Promise<ConfigMap> => (await at.get('configmaps', 'default/a')) as ConfigMap;
  at.repository.commit({ 'a.yaml': configMap('a', data(KEYS)) });
  await at.start();
  await at.pass();
  expect(Object.keys((await live()).data ?? {})).toHaveLength(KEYS);
  expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  const mine = { ...(await live()).data, mine: 'x', [keyOf(1)]: 'drift' };
  await at.objects.update({ ...(await live()), data: mine });
  await at.pass();
  expect((await live()).data).toMatchObject({ mine: 'x', [keyOf(1)]: 'v' });
  at.repository.commit({ 'a.yaml': configMap('a', data(KEYS - 10)) });
  await at.pass(POLL_MS * 1.2);
  expect(Object.keys((await live()).data ?? {}).sort()).toEqual(
    [...Object.keys(data(KEYS - 10)), 'mine'].sort(),
  );
  // Small again: the set is readable again, and what others added is still theirs.
  at.repository.commit({ 'a.yaml': configMap('a', data(2)) });
  await at.pass(POLL_MS * 1.2);
  expect(Object.keys((await live()).data ?? {}).sort()).toEqual([...Object.keys(data(2)), 'mine'].sort());
});

it('a ConfigMap of so many keys that not even their hashes have room is applied, and pruned as a whole', async () => {
  await using at = await createHarness();
  const live = async (): Promise<ConfigMap> => (await at.get('configmaps', 'default/a')) as ConfigMap;
  const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`k${index}`, '']));
  const label = '  labels: {mine: "1"}\n';
  at.repository.commit({ 'a.yaml': configMap('a', many, label) });
  await at.start();
  await at.pass();
  expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  const before = await live();
  expect(Object.keys(before.data ?? {})).toHaveLength(60_000);
  const labels = { ...before.metadata.labels, theirs: '2' };
  await at.objects.update({ ...before, metadata: { ...before.metadata, labels } });
  at.repository.commit({ 'a.yaml': configMap('a', { k1: '' }, label) });
  await at.pass(POLL_MS * 1.2);
  expect((await live()).data).toEqual({ k1: '' });
  expect((await live()).metadata.labels).toEqual({ mine: '1', theirs: '2' });
});

it('an object whose annotations have hardly any room left is applied and taken over', async () => {
  await using at = await createHarness();
  const live = async (): Promise<ConfigMap> => (await at.get('configmaps', 'default/a')) as ConfigMap;
  const keys = data(5_000);
  // As kubectl apply leaves it: the whole manifest in an annotation.
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: keys };
  const text = JSON.stringify(manifest).padEnd(240 * 1024);
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': text };
  await at.objects.create({ ...manifest, metadata: { name: 'a', namespace: 'default', annotations } });
  at.repository.commit({ 'a.yaml': configMap('a', data(4_990)) });
  await at.start();
  await at.pass();
  expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  expect(Object.keys((await live()).data ?? {})).toHaveLength(4_990);
  at.repository.commit({ 'a.yaml': configMap('a', data(4_980)) });
  await at.pass(POLL_MS * 1.2);
  expect(Object.keys((await live()).data ?? {})).toHaveLength(4_980);
  const { resourceVersion } = (await live()).metadata;
  await at.pass(POLL_MS * 3);
  expect((await live()).metadata.resourceVersion).toBe(resourceVersion);
});
