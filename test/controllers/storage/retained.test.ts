/** Claims that are deleted and made again while an older volume of their name is still there. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  aClaim,
  aClass,
  CLAIMS,
  startStorageCluster,
  type StorageCluster,
  userOf,
} from './storage-cluster.ts';

let storage: StorageCluster;
beforeEach(async () => {
  storage = await startStorageCluster();
});
afterEach(() => storage[Symbol.asyncDispose]());

it('a claim that is made again gets a volume of its own, beside the retained one', async () => {
  const spec = { storageClassName: 'kept' };
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
  expect((await storage.volumeOf()).metadata.name).not.toBe(old.metadata.name);
});
