/**
 * The answer to a commit is lost: the writer asks for it, and what the commit claimed is claimed
 * once.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { createResourceCore, type ResourceCore } from '../../../src/resources/resource-core.ts';
import { asRecord, omit } from '../../../src/schemas/json-access.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { Service } from '../../../src/schemas/types.ts';
import { createCacheSet } from '../../../src/store/cache/cache-set.ts';
import type { CacheSet } from '../../../src/store/cache/cache.ts';
import { createMemoryStore, type MemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { type CommitOptions, type StoreOp, StoreUnavailable } from '../../../src/store/types.ts';
import { createPlacementProofs } from '../../../src/resources/writing/placement-proof.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createObjects, type Objects, withVerbs } from '../../support/objects.ts';

const HARD = { 'count/configmaps': '3', services: '2' };
const meta = (name: string) => ({ name, namespace: 'default' });
const configMap = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: meta(name),
});
const service = (name: string, spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name),
  spec: { ports: [{ port: 80 }], ...spec },
});

interface Asked {
  readonly ops: readonly StoreOp[];
  readonly id: string | undefined;
}

describe('after a lost answer', () => {
  let store: MemoryStore;
  let caches: CacheSet;
  let core: ResourceCore;
  let writer: Objects;
  let asked: Asked[];
  /** Commits from now on: `done` happens and its answer is lost, `lost` never arrives. */
  let faults: ('done' | 'lost')[];

  beforeEach(async () => {
    const clock = createFakeClock();
    store = createMemoryStore({ clock });
    asked = [];
    faults = [];
    const faulty = {
      ...store,
      async commit(ops: readonly StoreOp[], options?: CommitOptions) {
        asked.push({ ops, id: options?.id });
        const fault = faults.shift();
        if (fault !== 'lost') {
          const result = await store.commit(ops, options);
          if (fault === undefined) return result;
        }
        throw new StoreUnavailable('The answer is lost', { isUnanswered: true });
      },
    };
    const rng = seededRng(1);
    const registry = builtinRegistry;
    const scene = createObjects({ store, registry, clock, rng });
    await scene.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: meta('q'), spec: { hard: HARD } };
    const used = { 'count/configmaps': '0', services: '0' };
    await scene.update(
      { ...(await scene.create(quota)), status: { hard: HARD, used } },
      { subresource: 'status' },
    );
    caches = createCacheSet({ store, clock, logger: silentLogger });
    const proofs = createPlacementProofs(Buffer.alloc(32, 7));
    core = createResourceCore({
      store: faulty,
      caches,
      registry,
      clock,
      rng,
      logger: silentLogger,
      proofs,
    });
    writer = withVerbs(core.as({ user: { name: 'controllers', groups: [] } }));
  });
  afterEach(async () => {
    await core[Symbol.asyncDispose]();
    await caches[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  const used = async (): Promise<unknown> =>
    asRecord((await store.get('resourcequotas', 'default/q'))?.['status'])['used'];

  it.each(['done', 'lost'] as const)(
    'of a commit that was %s, it is asked for under its id',
    async (fault) => {
      faults = [fault];
      const [made] = await writer.apply([{ verb: 'create', object: configMap('a') }]);
      expect(made?.metadata.name).toBe('a');
      expect(asked).toHaveLength(2);
      expect(asked[1]).toEqual(asked[0]);
      expect(asked[0]?.id).toEqual(expect.any(String));
      expect(await used()).toEqual({ 'count/configmaps': '1', services: '0' });
    },
  );

  it('a generated name is made once', async () => {
    faults = ['done'];
    await writer.create({
      ...configMap(''),
      metadata: { generateName: 'x-', namespace: 'default', name: '' },
    });
    expect((await store.list('configmaps')).objects).toHaveLength(1);
    expect(await used()).toMatchObject({ 'count/configmaps': '1' });
  });

  it.each(['done', 'lost'] as const)(
    'of a Service that was %s, neither its address nor its place in a quota leaks',
    async (fault) => {
      faults = [fault];
      const made = (await writer.create(service('a', { type: 'NodePort' }))) as Service;
      expect(asked).toHaveLength(2);
      // The address, the claim on the quota and the Service are one commit.
      expect(asked[0]?.ops.map(({ resource }) => resource).sort()).toEqual([
        'resourcequotas',
        'serviceallocations.symphony.dev',
        'services',
      ]);
      expect(await used()).toMatchObject({ services: '1' });
      const { clusterIP, ports } = made.spec;
      const same = service('b', { clusterIP });
      await expect(writer.create(same)).rejects.toThrow('already allocated');
      expect(await used()).toMatchObject({ services: '1' });
      await writer.apply([{ verb: 'delete', object: made }]);
      const nodePort = ports?.[0]?.nodePort;
      const again = service('c', { clusterIP, type: 'NodePort', ports: [{ port: 80, nodePort }] });
      expect(((await writer.create(again)) as Service).spec.clusterIP).toBe(clusterIP);
    },
  );

  it('the caller is told when the store does not answer at all, and nothing is taken', async () => {
    faults = Array.from({ length: 10 }, () => 'lost' as const);
    await expect(writer.create(service('a'))).rejects.toMatchObject({ isUnanswered: true });
    expect(asked.length).toBeLessThan(4);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    expect(await used()).toMatchObject({ services: '0' });
    expect((await store.list('services')).objects).toEqual([]);
  });

  it('a plan that is made again has an id of its own', async () => {
    const made = (await writer.create(configMap('a'))) as KubeObject & { data?: unknown };
    asked = [];
    const metadata = omit(made.metadata, 'resourceVersion');
    const kept = store.commit.bind(store);
    let isFirst = true;
    store.commit = async (ops, options) => {
      if (isFirst) {
        isFirst = false;
        const object = { ...made, data: { theirs: 'x' } };
        const expectedVersion = made.metadata.resourceVersion ?? '';
        await kept([{ type: 'update', resource: 'configmaps', key: 'default/a', object, expectedVersion }]);
      }
      return kept(ops, options);
    };
    await writer.update({ ...made, metadata, data: { ours: 'y' } });
    expect(asked).toHaveLength(2);
    expect(asked[0]?.id).not.toBe(asked[1]?.id);
  });
});

describe('of two servers that allocate from the same view', () => {
  it('one loses the race, plans again, and finds the address taken', async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ clock });
    const registry = builtinRegistry;
    const proofs = createPlacementProofs(Buffer.alloc(32, 7));
    const scene = createObjects({ store, registry, clock, rng: seededRng(3) });
    await scene.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    let held: (() => void) | undefined;
    const arrived = new Promise<void>((resolve) => (held = resolve));
    let letGo: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    let commits = 0;
    const slow = {
      ...store,
      async commit(ops: readonly StoreOp[], options?: CommitOptions) {
        commits += 1;
        if (commits === 1) {
          held?.();
          await gate;
        }
        return store.commit(ops, options);
      },
    };
    const cores = [slow, store].map((one) => {
      const caches = createCacheSet({ store: one, clock, logger: silentLogger });
      const rng = seededRng(1);
      const core = createResourceCore({
        store: one,
        caches,
        registry,
        clock,
        rng,
        logger: silentLogger,
        proofs,
      });
      return { core, caches, writer: withVerbs(core.as({ user: { name: 'sync', groups: [] } })) };
    });
    const wanted = { clusterIP: '10.96.7.7' };
    const first = cores[0]?.writer.create(service('a', wanted));
    await arrived;
    await cores[1]?.writer.create(service('b', wanted));
    letGo();
    await expect(first).rejects.toThrow('provided IP is already allocated');
    expect((await store.list('services')).objects.map(({ metadata }) => metadata.name)).toEqual(['b']);
    for (const { core, caches } of cores) {
      await core[Symbol.asyncDispose]();
      await caches[Symbol.asyncDispose]();
    }
    await store[Symbol.asyncDispose]();
  });
});
