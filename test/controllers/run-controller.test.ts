import { afterEach, describe, expect, it } from 'vitest';
import type { Controller, Plan, Reconciler } from '../../src/controllers/controller.ts';
import type { ConfigMap } from '../../src/schemas/types.ts';
import { aConfigMap } from '../support/builders.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { settle } from '../support/fake-clock.ts';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

const controller = (reconciler: Reconciler<string>): Controller => ({
  name: 'probe',
  open: async () => reconciler,
});

it('the keys that a plan visits are reconciled although what follows the plan fails', async () => {
  const seen: string[] = [];
  const probe = controller({
    keys: () => ['first'],
    observe: (key) => (seen.includes(key) ? undefined : key),
    plan(key) {
      seen.push(key);
      return { writes: [], visit: key === 'first' ? ['second'] : [] };
    },
    after() {
      throw new Error('A bug');
    },
  });
  cluster = await startTestCluster({ more: [probe] });
  await cluster.clock.advance(1_000);
  expect(seen).toEqual(['first', 'second']);
});

it('a plan without writes that wants to be made again at once waits a moment', async () => {
  let plans = 0;
  const probe = controller({
    keys: () => ['only'],
    // Without the pause nothing else would ever run: the test ends the loop.
    observe: (key) => (plans > 1_000 ? undefined : key),
    plan(): Plan {
      plans += 1;
      return { writes: [], requeueAfterMs: 0 };
    },
  });
  cluster = await startTestCluster({ more: [probe] });
  await settle();
  expect(plans).toBe(1);
  await cluster.clock.advance(100);
  expect(plans).toBeGreaterThan(1);
  expect(plans).toBeLessThan(20);
});

describe('writes that are independent', () => {
  const labelled = (object: ConfigMap, value: string): ConfigMap => ({
    ...object,
    metadata: { ...object.metadata, labels: { probed: value } },
  });

  it.each([1, 2, 10])('do not wait for one that is refused, with %i in a commit', async (commitSize) => {
    const probe: Controller = {
      name: 'probe',
      async open({ caches }, scope): Promise<Reconciler<readonly ConfigMap[]>> {
        const cache = await caches.open<ConfigMap>('configmaps');
        scope.on(cache, () => ['all']);
        return {
          keys: () => ['all'],
          observe: () => cache.list('default').filter(({ metadata }) => !metadata.labels),
          plan: (objects) => ({
            writes: objects.map((object) => ({
              verb: 'update',
              object: labelled(object, object.metadata.name === 'a' ? 'not allowed!' : 'yes'),
            })),
            commitSize,
          }),
        };
      },
    };
    cluster = await startTestCluster({ more: [probe] });
    for (const name of ['a', 'b', 'c']) await cluster.objects.create(aConfigMap({ name }));
    await cluster.clock.advance(1_000);
    const { objects } = await cluster.store.list('configmaps');
    const found = ['a', 'b', 'c'].map(
      (one) => objects.find(({ metadata }) => metadata.name === one)?.metadata.labels?.['probed'],
    );
    expect(found).toEqual([undefined, 'yes', 'yes']);
  });
});
