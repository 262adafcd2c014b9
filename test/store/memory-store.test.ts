import { describe, expect, it } from 'vitest';
import { createMemoryData, wipeMemoryData } from '../doubles/memory-store/memory-data.ts';
import { createMemoryStore } from '../doubles/memory-store/memory-store.ts';
import { Gone } from '../../src/store/types.ts';
import { anObject, LOG_BYTES, LOG_LIMIT, storeContract } from '../contracts/store.ts';
import { createFakeClock } from '../support/fake-clock.ts';

storeContract('memory', async () => {
  let shiftMs = 0;
  const fake = createFakeClock();
  const clock = { ...fake, now: () => fake.now() + shiftMs };
  const data = createMemoryData({ clock, logLimit: LOG_LIMIT, logBytes: LOG_BYTES });
  return {
    open: async (format) => createMemoryStore({ clock, data, ...(format ? { format } : {}) }),
    wipe: async () => wipeMemoryData(data),
    setClockBack: async () => {
      shiftMs = -3_600_000;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});

describe('the memory store', () => {
  it('begins with a cluster state, so that it can be used at once', async () => {
    const store = createMemoryStore({ clock: createFakeClock() });
    expect(await store.clusterState()).toMatchObject({ phase: 'normal' });
    await store.commit([{ type: 'create', resource: 'configmaps', key: 'default/a', object: anObject('a') }]);
  });

  it('hands out frozen objects', async () => {
    const store = createMemoryStore({ clock: createFakeClock() });
    const op = { type: 'create', resource: 'configmaps', key: 'default/a', object: anObject('a') } as const;
    const { objects } = await store.commit([op]);
    expect(() => {
      (objects[0] as { metadata: { name: string } }).metadata.name = 'b';
    }).toThrow(TypeError);
  });

  it('gives up on a watcher that does not keep up', async () => {
    const store = createMemoryStore({ clock: createFakeClock(), watchQueueLimit: 10 });
    const { version } = await store.list('configmaps');
    const watch = store.watch('configmaps', version, new AbortController().signal)[Symbol.asyncIterator]();
    const first = watch.next();
    for (let n = 0; n < 50; n += 1) {
      const op = {
        type: 'create',
        resource: 'configmaps',
        key: `default/${n}`,
        object: anObject(`${n}`),
      } as const;
      await store.commit([op, { ...op, key: `default/b${n}`, object: anObject(`b${n}`) }]);
    }
    expect((await first).value).toMatchObject({ key: 'default/0' });
    const rest = async (): Promise<void> => {
      while (!(await watch.next()).done);
    };
    await expect(rest()).rejects.toThrow(Gone);
  });
});

it('gives whole versions whatever the clock says', async () => {
  const store = createMemoryStore({ clock: { ...createFakeClock(), now: () => 1_767_225_600_000.000_7 } });
  const { version } = await store.commit([
    { type: 'create', resource: 'configmaps', key: 'default/a', object: anObject('a') },
  ]);
  expect(version).toMatch(/^\d+$/);
});
