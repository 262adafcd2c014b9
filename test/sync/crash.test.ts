/**
 * A sync worker that dies at any of its writes: the next one ends with the same result and does
 * nothing twice.
 */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import { createMemoryStore } from '../doubles/memory-store/memory-store.ts';
import { createObjects } from '../support/objects.ts';
import type { Store, StoreOp } from '../../src/store/types.ts';
import { createApplicationController } from '../../src/sync/application-controller.ts';
import { createMemoryRepository } from '../doubles/memory-mirror.ts';
import { rootApplication } from '../../src/sync/root-application.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';
import { POLL_MS, REPO_URL, configMap, createInlineQueues } from './harness.ts';

type When = 'before' | 'after';

/**
 * Passes commits through until the `n`th, at which the worker dies: none of its later writes reach
 * the store.
 */
function mortal(store: Store, n: number, when: When, onWrite: (ops: readonly StoreOp[]) => void) {
  let count = 0;
  const wrapped: Store = {
    ...store,
    async commit(ops, options) {
      count += 1;
      if (count > n || (count === n && when === 'before')) throw new Error('the worker is dead');
      const result = await store.commit(ops, options);
      onWrite(ops);
      if (count === n) throw new Error('the worker is dead');
      return result;
    },
  };
  return { wrapped, died: () => count >= n };
}

const hook = (name: string, type: string): string => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  annotations: {argocd.argoproj.io/hook: ${type}, argocd.argoproj.io/hook-delete-policy: HookSucceeded}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "busybox:1"}]
`;
const wave = (n: number): string => `  annotations: {argocd.argoproj.io/sync-wave: "${n}"}\n`;

async function story(n: number, when: When) {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const rng = seededRng(1);
  const registry = builtinRegistry;
  const repository = createMemoryRepository(clock);
  const objects = createObjects({ store, registry, clock, rng });
  const writes: string[] = [];
  for (const name of ['default', 'symphony-system'])
    await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await objects.create(rootApplication({ repoURL: REPO_URL }));
  const podKind = registry.byKind('v1', 'Pod')!;

  async function start(deathAt: number) {
    const { wrapped, died } = mortal(store, deathAt, when, (ops) => {
      for (const { type, resource, key } of ops)
        if (resource !== 'applications.argoproj.io') writes.push(`${type} ${resource} ${key}`);
    });
    const caches = createCacheSet({ store, clock, logger: silentLogger });
    const controller = await createApplicationController({
      store: wrapped,
      writer: createObjects({ store: wrapped, registry, clock, rng }),
      caches,
      queues: createInlineQueues(),
      registry,
      clock,
      rng,
      logger: silentLogger,
      createMirror: () => repository.createMirror(),
      pollIntervalMs: POLL_MS,
    });
    return {
      died,
      async stop() {
        await controller[Symbol.asyncDispose]();
        await caches[Symbol.asyncDispose]();
      },
    };
  }
  let worker = await start(n);
  let alive = false;
  /** Time passes, pods end well, a dead worker is replaced. */
  const pass = async (): Promise<void> => {
    for (let round = 0; round < 12; round += 1) {
      await settle(20);
      await clock.advance(round === 0 ? POLL_MS * 1.1 : 300);
      await settle(20);
      for (const pod of (await store.list('pods')).objects) {
        const key = `default/${pod.metadata.name}`;
        if (pod.metadata.deletionTimestamp !== undefined)
          await objects.delete(podKind, key, { gracePeriodSeconds: 0 });
        else if ((pod['status'] as { phase?: string }).phase !== 'Succeeded')
          await objects.update({ ...pod, status: { phase: 'Succeeded' } }, { subresource: 'status' });
      }
      if (alive || !worker.died()) continue;
      await worker.stop();
      worker = await start(Infinity);
      alive = true;
    }
  };
  repository.commit({
    'pre.yaml': hook('pre', 'PreSync'),
    'post.yaml': hook('post', 'PostSync'),
    'a.yaml': configMap('a', { x: '1' }, wave(-1)),
    'b.yaml': configMap('b', { x: '1' }),
  });
  await pass();
  repository.commit({
    'a.yaml': configMap('a', { x: '2' }, wave(-1)),
    'b.yaml': null,
    'c.yaml': configMap('c', {}),
  });
  await pass();
  const died = worker.died() || alive;
  await worker.stop();
  const maps = (await store.list('configmaps')).objects.map(({ metadata, data }) => [metadata.name, data]);
  const application = await store.get('applications.argoproj.io', 'symphony-system/root');
  const { operationState, sync } = application!['status'] as Record<string, Record<string, unknown>>;
  await store[Symbol.asyncDispose]();
  return { died, maps, writes, phase: operationState!['phase'], sync: sync!['status'] };
}

describe('a sync worker that dies', () => {
  it.each(['before', 'after'] as const)(
    '%s any of its writes is resumed without a double effect',
    async (when) => {
      const whole = await story(Infinity, when);
      expect(whole).toMatchObject({
        died: false,
        phase: 'Succeeded',
        sync: 'Synced',
        maps: [
          ['a', { x: '2' }],
          ['c', undefined],
        ],
      });
      expect(whole.writes.filter((write) => write === 'create pods default/pre')).toHaveLength(2);
      for (let n = 1; ; n += 1) {
        const broken = await story(n, when);
        expect({ n, ...broken, died: false }).toEqual({ n, ...whole });
        if (!broken.died) return expect(n).toBeGreaterThan(10);
      }
    },
  );
});
