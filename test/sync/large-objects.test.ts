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
