import { expect, it } from 'vitest';
import { stableStringify } from '../../src/base/json.ts';
import type { ConfigMap } from '../../src/schemas/types.ts';
import { POLL_MS, configMap, createHarness } from './harness.ts';

it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'])(
  'a ConfigMap key called %s is applied, healed and pruned',
  async (key) => {
    await using at = await createHarness();
    const value = (text: string): Record<string, string> =>
      Object.fromEntries([
        ['x', '1'],
        [key, text],
      ]);
    const data = async (): Promise<string> =>
      stableStringify(((await at.get('configmaps', 'default/a')) as ConfigMap).data);
    at.repository.commit({ 'a.yaml': configMap('a', value('1')) });
    await at.start();
    await at.pass();
    expect(await data()).toBe(stableStringify(value('1')));
    const live = (await at.get('configmaps', 'default/a')) as ConfigMap;
    await at.objects.update({ ...live, data: { x: '1' } });
    await at.pass();
    expect(await data()).toBe(stableStringify(value('1')));
    const healed = (await at.get('configmaps', 'default/a')) as ConfigMap;
    await at.objects.update({ ...healed, data: value('drift') });
    await at.pass();
    expect(await data()).toBe(stableStringify(value('1')));
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.pass(POLL_MS * 1.1);
    expect(await data()).toBe('{"x":"1"}');
  },
);
