import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { MemoryStore } from '../doubles/memory-store/memory-store.ts';
import { type Store, StoreUnavailable } from '../../src/store/types.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { settle } from '../support/fake-clock.ts';

const REPLICAS = 5;
const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'registry.example/app:1' }] },
};
const meta = { name: 'web', namespace: 'default' };
const selector = { matchLabels: { app: 'web' } };
const replicated = (apiVersion: string, kind: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: meta,
  spec: {
    replicas: REPLICAS,
    selector: kind === 'ReplicationController' ? selector.matchLabels : selector,
    template,
  },
});

interface Faults {
  /** Changes of these resources reach no cache. */
  held: ReadonlySet<string>;
  /** The next commit that creates something of this resource happens, and its answer is lost. */
  losesAnswerOf: string | undefined;
  /** Reads of versions fail, as where Redis is away. */
  isAway: boolean;
}

function faulty(store: MemoryStore, faults: Faults, clockTick: () => Promise<void>): Store {
  const need = (): void => {
    if (faults.isAway) throw new StoreUnavailable('away');
  };
  return {
    ...store,
    async commit(ops, options) {
      const result = await store.commit(ops, options);
      const isHit = ops.some(({ type, resource }) => type === 'create' && resource === faults.losesAnswerOf);
      if (!isHit) return result;
      faults.losesAnswerOf = undefined;
      throw new StoreUnavailable('The answer is lost', { isUnanswered: true });
    },
    async versions(resource) {
      need();
      return await store.versions(resource);
    },
    async *watch(resource, fromVersion, signal) {
      for await (const change of store.watch(resource, fromVersion, signal)) {
        while (faults.held.has(resource) && !signal.aborted) await clockTick();
        yield change;
      }
    },
  };
}

let cluster: TestCluster;
let faults: Faults;
afterEach(() => cluster[Symbol.asyncDispose]());

async function start(): Promise<void> {
  faults = { held: new Set(), losesAnswerOf: undefined, isAway: false };
  cluster = await startTestCluster({ wrapStore: (store) => faulty(store, faults, () => settle(1)) });
}

const countOf = async (resource: string): Promise<number> =>
  (await cluster.store.list(resource)).objects.length;

describe.each([
  ['ReplicaSet', 'apps/v1', 'pods', REPLICAS],
  ['ReplicationController', 'v1', 'pods', REPLICAS],
  ['Deployment', 'apps/v1', 'replicasets.apps', 1],
])('a %s', (kind, apiVersion, resource, wanted) => {
  it('is not planned again from the old view when the answer to its commit is lost', async () => {
    await start();
    faults.losesAnswerOf = resource;
    faults.held = new Set([resource]);
    await cluster.objects.create(replicated(apiVersion, kind));
    await cluster.clock.advance(60_000);
    expect(faults.losesAnswerOf).toBeUndefined();
    expect(await countOf(resource)).toBe(wanted);
    faults.held = new Set();
    await cluster.clock.advance(60_000);
    expect(await countOf('pods')).toBe(REPLICAS);
    const owner = await cluster.store.get(
      kind === 'ReplicationController' ? 'replicationcontrollers' : `${kind.toLowerCase()}s.apps`,
      'default/web',
    );
    expect(owner?.['status']).toMatchObject({ replicas: REPLICAS });
  });

  it('is not planned again from the old view when its caches cannot be waited for', async () => {
    await start();
    faults.held = new Set([resource]);
    faults.isAway = true;
    await cluster.objects.create(replicated(apiVersion, kind));
    await cluster.clock.advance(60_000);
    expect(await countOf(resource)).toBe(wanted);
    faults.isAway = false;
    faults.held = new Set();
    await cluster.clock.advance(60_000);
    expect(await countOf('pods')).toBe(REPLICAS);
  });
});
