/**
 * The system's mounts, as far as they go without a server for NFS: what is mounted is seen, and
 * goes; a machine without a client says what is missing. Needs root.
 */
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  bindWithOptions,
  listMountsBelow,
  mountMemory,
  unmount,
} from '../../../src/node-agent/volumes/mounts.ts';
import { nfsMounter } from '../../../src/node-agent/volumes/nfs-mounter.ts';

let dir = '';
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'symphony-mounter-')));
});
afterEach(async () => {
  for (const point of await listMountsBelow(dir)) await unmount(point);
  await rm(dir, { recursive: true, force: true });
});

it('sees a mount, and takes it away', async () => {
  expect(await nfsMounter.state(dir)).toBe('absent');
  await mountMemory(dir, 1_000_000, 0o700);
  expect(await nfsMounter.state(dir)).toBe('mounted');
  await nfsMounter.unmount(dir);
  expect(await nfsMounter.state(dir)).toBe('absent');
});

it('says why it cannot mount, and mounts nothing', async () => {
  await expect(nfsMounter.mount('127.0.0.1:/none', dir, ['soft', 'timeo=1', 'retry=0'])).rejects.toThrow(
    /Cannot run mount: .*(nfs-common|refused|No such|denied|not supported)/s,
  );
  expect(await nfsMounter.state(dir)).toBe('absent');
});

it('gives one pod the options of its own mount', async () => {
  const [source, target] = [await mkdtemp(join(dir, 'source-')), await mkdtemp(join(dir, 'target-'))];
  await bindWithOptions(source, target, ['ro']);
  await expect(writeFile(join(target, 'x'), '')).rejects.toThrow(/EROFS/);
  await writeFile(join(source, 'x'), '');
  await expect(bindWithOptions(source, join(dir, 'none'), ['ro'])).rejects.toThrow(/Cannot run mount/);
  expect((await listMountsBelow(dir)).filter((point) => point !== target)).toEqual([]);
});
