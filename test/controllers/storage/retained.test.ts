/** Claims that are deleted and made again while an older volume of their name is still there. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recordOf } from '../../../src/node-agent/volumes/plan-claim-volume.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import { keyOf } from '../../../src/schemas/object.ts';
import type { PersistentVolume } from '../../../src/schemas/types.ts';
import { VOLUME_NODE_LABEL } from '../../../src/schemas/volumes/drivers.ts';
import {
  aClaim,
  aClass,
  CLAIMS,
  startStorageCluster,
  type StorageCluster,
  userOf,
  VOLUMES,
} from './storage-cluster.ts';

let storage: StorageCluster;
beforeEach(async () => {
  storage = await startStorageCluster();
});
afterEach(() => storage[Symbol.asyncDispose]());

const spec = { storageClassName: 'kept' };

/** The name of the volume that was released, when its successor has the claim of its name. */
async function succeeded(): Promise<string> {
  await storage.create(aClass('kept', { reclaimPolicy: 'Retain' }), aClaim('data', spec), userOf('data'));
  await storage.settle();
  const old = await storage.volumeOf();
  await storage.remove('pods', 'default/user');
  await storage.remove(CLAIMS, 'default/data');
  await storage.settle();
  expect((await storage.volume(old.metadata.name))?.status?.phase).toBe('Released');
  await storage.create(aClaim('data', spec), userOf('data'));
  await storage.settle();
  expect((await storage.pod())?.spec.nodeName).toBeDefined();
  return old.metadata.name;
}

it('a claim that is made again gets a volume of its own, beside the retained one', async () => {
  const old = await succeeded();
  expect((await storage.volumeOf()).metadata.name).not.toBe(old);
});

/** The store after FLUSHALL, with the records of the agents in this order, and the claim of Git. */
async function lose(order: (records: PersistentVolume[]) => PersistentVolume[]): Promise<void> {
  const { cluster } = storage;
  const { store } = cluster;
  const records = (await store.list(VOLUMES)).objects.map((volume) => recordOf(volume as PersistentVolume));
  cluster.setMayAct(false);
  for (const resource of ['pods', CLAIMS, VOLUMES])
    for (const object of (await store.list(resource)).objects) {
      const expectedVersion = object.metadata.resourceVersion ?? '';
      await store.commit([{ type: 'delete', resource, key: keyOf(object), expectedVersion }]);
    }
  const state = await store.clusterState();
  await store.setClusterState({ epoch: 'e', ...state, phase: 'rebuilding' }, state);
  for (const record of order(records))
    expect(
      await cluster.core.restorePods(record.metadata.labels?.[VOLUME_NODE_LABEL] ?? '', [record]),
    ).toEqual([]);
  await storage.create(aClaim('data', spec));
  cluster.setMayAct(true);
  await storage.settle();
}
const inOrder = (records: PersistentVolume[]): PersistentVolume[] => records;
const reversed = (records: PersistentVolume[]): PersistentVolume[] => [...records].reverse();

it.each([inOrder, reversed])('after lost history the claim has its volume, %o', async (order) => {
  const old = await succeeded();
  const { name } = (await storage.volumeOf()).metadata;
  await lose(order);
  expect((await storage.volumeOf()).metadata.name).toBe(name);
  expect((await storage.volume(old))?.status?.phase).toBe('Released');
  // Its data is nobody's, as before: not the next claim's either.
  await storage.remove(CLAIMS, 'default/data');
  await storage.settle();
  await storage.create(aClaim('data', spec), userOf('data'));
  await storage.cluster.clock.advance(30_000);
  expect([old, name]).not.toContain((await storage.volumeOf()).metadata.name);
});

it.each([inOrder, reversed])(
  'records of older agents say no phase: the youngest volume counts, %o',
  async (order) => {
    const old = await succeeded();
    const { name } = (await storage.volumeOf()).metadata;
    await lose((records) => order(records).map((record) => omit(record, 'status')));
    expect((await storage.volumeOf()).metadata.name).toBe(name);
    expect((await storage.volume(old))?.spec.claimRef?.name).toBe('data');
  },
);

it('a volume with policy Delete waits for its claim whatever phase its node says', async () => {
  await storage.create(aClass('kept'), aClaim('data', spec), userOf('data'));
  await storage.settle();
  const { name } = (await storage.volumeOf()).metadata;
  await lose((records) => records.map((record) => ({ ...record, status: { phase: 'Released' } })));
  expect((await storage.volumeOf()).metadata.name).toBe(name);
});
