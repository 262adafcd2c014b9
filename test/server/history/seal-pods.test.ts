import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { keyOf } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { sealBoundPods } from '../../../src/server/history/seal-pods.ts';
import { createCacheSet } from '../../../src/store/cache/cache-set.ts';
import { createMemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { createPlacementProofs } from '../../../src/resources/writing/placement-proof.ts';
import type { Store } from '../../../src/store/types.ts';
import { aPod } from '../../support/builders.ts';
import { createObjects } from '../../support/objects.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

describe('pods that were bound without a proof', () => {
  const proofs = createPlacementProofs(Buffer.alloc(32, 1));
  const PODS = 450;

  it('get one in bounded batches, and a pod that changes meanwhile stops nobody', async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ clock });
    const caches = createCacheSet({ store, clock, logger: silentLogger });
    const bound = Array.from({ length: PODS }, (_, index) => aPod({ name: `p${index}`, node: 'n1' }));
    const others = [
      aPod({ name: 'free' }),
      createPlacementProofs(Buffer.alloc(32, 2)).seal(aPod({ name: 'old-key', node: 'n1' })),
      proofs.seal(aPod({ name: 'sealed', node: 'n1' })),
    ];
    for (const object of [...bound, ...others])
      await store.commit([{ type: 'create', resource: 'pods', key: keyOf(object), object }]);
    const version = async (name: string): Promise<string | undefined> =>
      (await store.get('pods', `default/${name}`))?.metadata.resourceVersion;
    const before = await Promise.all(['free', 'sealed'].map(version));
    const sizes: number[] = [];
    const racing: Store = {
      ...store,
      async commit(ops, options) {
        sizes.push(ops.length);
        const stale = ops.find(({ key }) => key === 'default/p7');
        if (sizes.length === 1 && stale) {
          const current = await store.get('pods', 'default/p7');
          if (!current) throw new Error('p7 is gone');
          const object = proofs.seal({ ...current, status: { phase: 'Running' } });
          const expectedVersion = current.metadata.resourceVersion ?? '';
          await store.commit([
            { type: 'update', resource: 'pods', key: 'default/p7', object, expectedVersion },
          ]);
        }
        return store.commit(ops, options);
      },
    };
    const signal = new AbortController().signal;
    let done = false;
    const writer = createObjects({
      store: racing,
      registry: builtinRegistry,
      clock,
      rng: seededRng(1),
      proofs,
    });
    const parts = { writer, caches, proofs, clock, logger: silentLogger, fence: undefined, signal };
    const sealing = sealBoundPods(parts).then(() => (done = true));
    while (!done) await clock.advance(1);
    await sealing;
    const { objects } = await store.list('pods');
    expect(objects.filter((pod) => !proofs.isProven(pod)).map(({ metadata }) => metadata.name)).toEqual([
      'free',
    ]);
    expect(await Promise.all(['free', 'sealed'].map(version))).toEqual(before);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(200);
    await caches[Symbol.asyncDispose]();
  });
});
