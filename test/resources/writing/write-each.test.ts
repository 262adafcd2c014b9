import { expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { createMemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { StoreUnavailable } from '../../../src/store/types.ts';
import { writeEach } from '../../../src/resources/writing/write-each.ts';
import type { Write } from '../../../src/resources/writing/write-plan.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createObjects } from '../../support/objects.ts';

const create = (name: string): Write & { readonly object: KubeObject } => ({
  verb: 'create',
  object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } },
});

function setUp() {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const commits: number[] = [];
  const spying: typeof store = {
    ...store,
    commit(ops, options) {
      commits.push(ops.length);
      return store.commit(ops, options);
    },
  };
  return {
    store,
    commits,
    writer: createObjects({ store: spying, registry: builtinRegistry, clock, rng: seededRng(1) }),
  };
}

it('writes everything in one commit where nothing is refused, and nothing at all for no writes', async () => {
  const { writer, commits } = setUp();
  expect(await writeEach(writer, [])).toEqual([]);
  const outcomes = await writeEach(writer, ['a', 'b', 'c'].map(create));
  expect(outcomes.map(({ object }) => object?.metadata.name)).toEqual(['a', 'b', 'c']);
  expect(commits).toEqual([3]);
});

it('keeps the order, and leaves out only what is refused', async () => {
  const { store, writer, commits } = setUp();
  await writeEach(writer, [create('c'), create('g')]);
  commits.length = 0;
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const outcomes = await writeEach(writer, names.map(create));
  expect(outcomes.map(({ write }) => write.object.metadata.name)).toEqual(names);
  const refused = outcomes.filter(({ refusal }) => refusal !== undefined);
  expect(refused.map(({ write }) => write.object.metadata.name)).toEqual(['c', 'g']);
  expect(refused[0]?.refusal).toMatchObject({ status: { reason: 'AlreadyExists' } });
  expect((await store.list('configmaps')).objects).toHaveLength(8);
  // Two refused ones of eight: halves, not one by one.
  expect(commits.length).toBeLessThanOrEqual(1 + 2 * 2 * 3);
});

it('passes on a store that is away', async () => {
  const { store, writer } = setUp();
  const away = { ...writer, write: () => Promise.reject(new StoreUnavailable('away')) };
  await expect(writeEach(away, [create('a'), create('b')])).rejects.toThrow('away');
  expect((await store.list('configmaps')).objects).toEqual([]);
});
