/**
 * Secrets and tokens in memory: one real mount for all pods of a node. Needs root, as the agent
 * does.
 */
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { VolumeStore } from '../../../src/node-agent/volumes/create-volume-store.ts';
import { aVolumeStore } from '../../support/volume-store.ts';
import { listMountsBelow, unmount } from '../../../src/node-agent/volumes/mounts.ts';
import { memoryDirOf, type VolumePlan } from '../../../src/node-agent/volumes/plan-volumes.ts';
import { removeNodeDirectory } from '../../../src/server/removal/remove-cluster.ts';

let dir: string;
let podsDir: string;
let store: VolumeStore;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'symphony-memory-'));
  podsDir = join(dir, 'pods');
  await mkdir(podsDir);
  store = aVolumeStore({
    podsDir,
    clock: systemClock,
    canMount: () => Promise.resolve(true),
  });
});
afterEach(async () => {
  for (const point of await listMountsBelow(dir)) await unmount(point);
  await rm(dir, { recursive: true, force: true });
});

const secret = (uid: string, text: string): VolumePlan => ({
  kind: 'files',
  name: 's',
  path: `${memoryDirOf(podsDir)}/${uid}/s`,
  sensitive: true,
  files: [{ path: 'key', mode: 0o644, content: Buffer.from(text) }],
});
const mounts = () => listMountsBelow(dir);

it('keeps the Secrets of all pods in one file system, and each pod takes its own away', async () => {
  const applied = await Promise.all(['u1', 'u2', 'u3'].map((uid) => store.apply([secret(uid, uid)])));
  expect(applied.every(({ ok }) => ok)).toBe(true);
  expect(await mounts()).toEqual([memoryDirOf(podsDir)]);
  expect(await readFile(join(memoryDirOf(podsDir), 'u2', 's', 'key'), 'utf8')).toBe('u2');
  await store.tearDown('u2');
  expect((await readdir(memoryDirOf(podsDir))).sort()).toEqual(['u1', 'u3']);
});

it('mounts it again when it was unmounted, so that nothing of it ends on the disk', async () => {
  await store.apply([secret('u1', 'a')]);
  await unmount(memoryDirOf(podsDir));
  await store.apply([secret('u1', 'a')]);
  expect(await mounts()).toEqual([memoryDirOf(podsDir)]);
});

it('keeps what the pod has made of an emptyDir', async () => {
  const path = join(podsDir, 'u1', 'volumes', 'm');
  const volume: VolumePlan = { kind: 'memory', name: 'm', path, sizeBytes: 65_536, groupId: 4_711 };
  const look = async () => {
    const { mode, gid } = await stat(path);
    return { mode: mode & 0o7777, gid };
  };
  await store.apply([volume]);
  expect(await look()).toEqual({ mode: 0o2777, gid: 4_711 });
  await chmod(path, 0o700);
  await chown(path, 12, 34);
  expect(await store.apply([volume])).toEqual({ ok: true, changed: [] });
  expect(await look()).toEqual({ mode: 0o700, gid: 34 });
});

it('is found by the next agent, and given back at the end', async () => {
  await store.apply([secret('u1', 'a')]);
  const next = aVolumeStore({
    podsDir,
    clock: systemClock,
    canMount: () => Promise.resolve(true),
  });
  expect(await next.apply([secret('u1', 'a')])).toEqual({ ok: true, changed: [] });
  expect(await mounts()).toHaveLength(1);
  await next.tearDown('u1');
  await removeNodeDirectory(dir);
  expect(await mounts()).toEqual([]);
  expect(existsSync(dir)).toBe(false);
});
