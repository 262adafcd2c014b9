/**
 * Sub-paths of volumes on the real kernel: mounted by descriptor, found again, and given back.
 * Needs root, as the agent does.
 */
import { spawnSync } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { SubPath } from '../../../src/node-agent/container-spec/plan-mounts.ts';
import { removeTree } from '../../../src/node-agent/files/remove-tree.ts';
import { aVolumeStore } from '../../support/volume-store.ts';
import { createMountAbility } from '../../../src/node-agent/volumes/mount-ability.ts';
import { listMountsBelow, unmount } from '../../../src/node-agent/volumes/mounts.ts';
import { createSubPathMounts, type SubPathMounts } from '../../../src/node-agent/volumes/sub-path-mounts.ts';
import { removeNodeDirectory } from '../../../src/server/removal/remove-cluster.ts';

let dir: string;
let podsDir: string;
let volume: string;

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'symphony-sub-paths-')));
  podsDir = join(dir, 'pods');
  volume = join(podsDir, 'u1', 'volumes', 'data');
  await mkdir(join(volume, 'logs'), { recursive: true });
  await writeFile(join(volume, 'logs', 'old'), 'old');
});
afterEach(async () => {
  for (const point of await listMountsBelow(dir)) await unmount(point);
  await rm(dir, { recursive: true, force: true });
});

const subPathMounts = (afterOpen?: () => Promise<void>): SubPathMounts =>
  createSubPathMounts({
    podsDir,
    ability: async () => ({ ok: true }),
    ...(afterOpen ? { afterOpen } : {}),
  });
const aSubPath = (relative: string, over: Partial<SubPath> = {}): SubPath => ({
  mountIndex: 0,
  volume: 'data',
  volumePath: volume,
  relative,
  isAgentsOwn: false,
  ...over,
});
const resolve = async (mounts: SubPathMounts, attempt: number, ...subPaths: SubPath[]): Promise<string[]> => {
  const planned = subPaths.map(() => ({ source: volume, target: '/m', readOnly: true }));
  const resolved = await mounts.resolve({ podUid: 'u1', container: 'main', attempt }, planned, subPaths);
  return resolved.map(({ source }) => source);
};
const tearDown = () =>
  aVolumeStore({
    podsDir,
    clock: systemClock,
    canMount: async () => true,
  }).tearDown('u1');

describe('a sub-path', () => {
  it('is handed to the engine as a mount of what was opened, whatever takes its place afterwards', async () => {
    const mounts = subPathMounts(async () => {
      await rename(join(volume, 'logs'), join(volume, 'away'));
      await symlink('/', join(volume, 'logs'));
    });
    const [source = ''] = await resolve(mounts, 0, aSubPath('logs'));
    expect(await readdir(source)).toEqual(['old']);
    expect(source.startsWith(`${volume}/`)).toBe(false);
    expect(source.startsWith(`${podsDir}/u1/`)).toBe(true);
    await expect(resolve(mounts, 1, aSubPath('logs'))).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message:
        'failed to prepare subPath for volumeMount "data" of container "main": "logs" leads out of the volume',
    });
  });

  it('may be a file, and one that does not exist is made as a directory', async () => {
    const sources = await resolve(
      subPathMounts(),
      0,
      aSubPath('logs/old'),
      aSubPath('new/deep', { mountIndex: 1 }),
    );
    expect(await readFile(sources[0] ?? '', 'utf8')).toBe('old');
    await writeFile(join(volume, 'new/deep/x'), '');
    expect(await readdir(sources[1] ?? '')).toEqual(['x']);
    expect((await stat(join(volume, 'new'))).mode).toBe((await stat(volume)).mode);
  });

  it('is mounted once for each container, by an agent that has started again, too', async () => {
    for (const attempt of [0, 0, 1, 2]) {
      const sources = await resolve(
        subPathMounts(),
        attempt,
        aSubPath('logs'),
        aSubPath('logs', { mountIndex: 1 }),
      );
      expect([...(await listMountsBelow(dir))].sort()).toEqual(sources);
    }
  });

  it('is unmounted with the pod, and what it showed is removed only with the pod', async () => {
    const shared = join(dir, 'shared');
    await mkdir(shared);
    await writeFile(join(shared, 'precious'), 'x');
    await resolve(subPathMounts(), 0, aSubPath('.', { volumePath: dir, relative: 'shared' }));
    await tearDown();
    expect(await listMountsBelow(dir)).toEqual([]);
    expect(await readdir(podsDir)).toEqual([]);
    expect(await readdir(shared)).toEqual(['precious']);
  });

  it('shows the removal of the whole node nothing of the host, though no record tells of the pod', async () => {
    const shared = join(dir, 'shared');
    const node = join(dir, 'node');
    await mkdir(shared);
    await mkdir(node);
    await writeFile(join(shared, 'precious'), 'x');
    await resolve(subPathMounts(), 0, aSubPath('.', { volumePath: dir, relative: 'shared' }));
    await rename(podsDir, join(node, 'pods'));
    expect(await listMountsBelow(node)).toHaveLength(1);
    await removeNodeDirectory(node);
    expect(await listMountsBelow(dir)).toEqual([]);
    expect(await readdir(dir)).toEqual(['shared']);
    expect(await readdir(shared)).toEqual(['precious']);
  });

  it('is refused where pods write and the engine sees no mounts, and direct where only the agent writes', async () => {
    const mounts = createSubPathMounts({
      podsDir,
      ability: async () => ({ ok: false, why: 'the agent is small' }),
    });
    await expect(resolve(mounts, 0, aSubPath('logs'))).rejects.toThrow(
      'it is in a volume that pods write, and the agent is small',
    );
    expect(await resolve(mounts, 0, aSubPath('logs', { isAgentsOwn: true }))).toEqual([join(volume, 'logs')]);
    expect(await listMountsBelow(dir)).toEqual([]);
  });
});

describe('whether the engine sees mounts', () => {
  const ability = (isRoot: boolean, seen: boolean, asked: string[] = []) =>
    createMountAbility({
      dataDir: dir,
      isRoot,
      logger: silentLogger,
      async engineSees(path) {
        asked.push(path);
        expect(await listMountsBelow(dir)).toEqual([join(dir, 'mount-check')]);
        return seen;
      },
    });

  it('is found out by a mount, once, and the mount is given back', async () => {
    const asked: string[] = [];
    const ask = ability(true, true, asked);
    expect(await Promise.all([ask(), ask()])).toEqual([{ ok: true }, { ok: true }]);
    expect(asked).toEqual([join(dir, 'mount-check', 'seen')]);
    expect(await listMountsBelow(dir)).toEqual([]);
    expect(await readdir(dir)).toEqual(['mount-check', 'pods']);
  });

  it('says why not', async () => {
    expect(await ability(false, true)()).toEqual({ ok: false, why: 'the agent does not run as root' });
    expect(await ability(true, false)()).toMatchObject({
      ok: false,
      why: expect.stringContaining('the engine does not see what the agent mounts') as string,
    });
  });

  it('is asked again after an engine that failed', async () => {
    let failing = true;
    const ask = createMountAbility({
      dataDir: dir,
      isRoot: true,
      logger: silentLogger,
      async engineSees() {
        if (failing) throw new Error('the engine is away');
        return true;
      },
    });
    await expect(ask()).rejects.toThrow('away');
    failing = false;
    expect(await ask()).toEqual({ ok: true });
  });
});

it('removes nothing through a mount', async () => {
  const tree = join(dir, 'tree');
  const outside = join(dir, 'outside');
  await mkdir(join(tree, 'a/point'), { recursive: true });
  await mkdir(outside);
  await writeFile(join(outside, 'precious'), 'x');
  expect(spawnSync('mount', ['--bind', outside, join(tree, 'a/point')]).status).toBe(0);
  await expect(removeTree(tree)).rejects.toThrow('EBUSY');
  expect(await readdir(outside)).toEqual(['precious']);
  for (const point of await listMountsBelow(tree)) await unmount(point);
  await removeTree(tree);
  expect(await readdir(outside)).toEqual(['precious']);
});
