import { afterEach, describe, expect, it } from 'vitest';
import { ageMs, createExpiryIndex } from '../../../src/controllers/expiry/expiry-index.ts';
import { EXPIRY_BATCH, expiryController } from '../../../src/controllers/expiry/expiry-controller.ts';
import { runController } from '../../../src/controllers/run-controller.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { MemoryStore } from '../../doubles/memory-store/memory-store.ts';
import type { Store } from '../../../src/store/types.ts';
import { startTestCluster, type TestCluster, type TestClusterOptions } from '../../support/cluster.ts';

const HOUR_MS = 3_600_000;
const anEvent = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace: 'default' },
  involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
  reason: 'Started',
  type: 'Normal',
});

let cluster: TestCluster;
let deletions: number[];
afterEach(() => cluster[Symbol.asyncDispose]());

async function start(options: TestClusterOptions = {}): Promise<void> {
  deletions = [];
  const counting = (store: MemoryStore): Store => ({
    ...store,
    commit(ops, commitOptions) {
      const count = ops.filter(({ type, resource }) => type === 'delete' && resource === 'events').length;
      if (count > 0) deletions.push(count);
      return store.commit(ops, commitOptions);
    },
  });
  cluster = await startTestCluster({ wrapStore: counting, ...options });
}

const names = async (): Promise<string[]> =>
  (await cluster.store.list('events')).objects.map(({ metadata }) => metadata.name);

describe('events', () => {
  it('are deleted an hour after they were last written, and watchers are told', async () => {
    await start();
    const told: string[] = [];
    const cache = await cluster.context.caches.open('events');
    cache.subscribe(({ type, key }) => void told.push(`${type} ${key}`));
    const a = await cluster.objects.create(anEvent('a'));
    await cluster.objects.create(anEvent('b'));
    await cluster.clock.advance(HOUR_MS / 2);
    await cluster.objects.update({ ...a, count: 2 });
    await cluster.clock.advance(HOUR_MS / 2 - 60_000);
    expect(await names()).toEqual(['a', 'b']);
    await cluster.clock.advance(180_000);
    expect(await names()).toEqual(['a']);
    expect(told.at(-1)).toBe('DELETED default/b');
    await cluster.clock.advance(HOUR_MS / 2);
    expect(await names()).toEqual([]);
  });

  it('are deleted in bounded commits, and what a tick does depends on what expired', async () => {
    await start();
    for (let n = 0; n < 2 * EXPIRY_BATCH + 1; n += 1) await cluster.objects.create(anEvent(`n${n}`));
    await cluster.clock.advance(HOUR_MS + 180_000);
    expect(await names()).toEqual([]);
    expect(deletions).toEqual([EXPIRY_BATCH, EXPIRY_BATCH, 1]);
  });

  it('keep their age over a restart, and a clock that is set back or forward while it runs changes nothing', async () => {
    await start({ eventTtlMs: 0 });
    await cluster.objects.create(anEvent('old'));
    await cluster.clock.advance(HOUR_MS / 2);
    await cluster.objects.create(anEvent('young'));
    let shiftMs = 0;
    const clock = { ...cluster.clock, now: () => cluster.clock.now() + shiftMs };
    const again = await runController(expiryController(), { ...cluster.context, clock });
    shiftMs = 400 * 24 * HOUR_MS;
    await cluster.clock.advance(HOUR_MS / 2 - 120_000);
    expect(await names()).toEqual(['old', 'young']);
    shiftMs = -400 * 24 * HOUR_MS;
    await cluster.clock.advance(240_000);
    expect(await names()).toEqual(['young']);
    await cluster.clock.advance(HOUR_MS / 2);
    expect(await names()).toEqual([]);
    await again[Symbol.asyncDispose]();
  });

  it('that change while they are being deleted stay, and stop none of the others', async () => {
    await start({
      wrapStore: (store) => {
        let isFirst = true;
        return {
          ...store,
          async commit(ops, options) {
            const [first] = ops;
            if (isFirst && first?.type === 'delete' && first.resource === 'events') {
              isFirst = false;
              const object = { ...anEvent('a'), count: 9 };
              await store.commit([{ ...first, type: 'update', object }]);
            }
            return store.commit(ops, options);
          },
        };
      },
    });
    for (const name of ['a', 'b', 'c']) await cluster.objects.create(anEvent(name));
    await cluster.clock.advance(HOUR_MS + 180_000);
    expect(await names()).toEqual(['a']);
  });

  it('stay while the store is being rebuilt, and where they are to be kept for ever', async () => {
    await start();
    await cluster.objects.create(anEvent('a'));
    cluster.setMayAct(false);
    await cluster.clock.advance(2 * HOUR_MS);
    expect(await names()).toEqual(['a']);
    cluster.setMayAct(true);
    await cluster.clock.advance(1_000);
    expect(await names()).toEqual([]);
    await cluster[Symbol.asyncDispose]();
    await start({ eventTtlMs: 0 });
    await cluster.objects.create(anEvent('a'));
    await cluster.clock.advance(3 * HOUR_MS);
    expect(await names()).toEqual(['a']);
  });
});

describe('the index of expiry', () => {
  it('gives the oldest first, at most so many, and looks no further than what is due', () => {
    const index = createExpiryIndex(10);
    for (const key of ['a', 'b', 'c']) index.written(key, 0);
    index.written('a', 5);
    index.removed('b');
    expect(index.due(9, 10)).toEqual([]);
    expect(index.due(10, 10)).toEqual(['c']);
    expect(index.due(15, 1)).toEqual(['c']);
    expect(index.due(15, 10)).toEqual(['c', 'a']);
  });

  it('takes what is from the future of the store for new', () => {
    expect(ageMs('2000000', '1000000')).toBe(0);
    expect(ageMs('1000000', '61000000')).toBe(60_000);
  });
});
