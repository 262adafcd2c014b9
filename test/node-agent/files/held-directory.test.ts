/**
 * The agent works inside volumes that pods write, while pods change them. On
 * the real file system.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryPath, heldPath, openInVolume } from '../../../src/node-agent/files/held-directory.ts';
import {
  ensureTerminationLog,
  readTerminationLog,
  terminationLogPath,
  writePodFiles,
} from '../../../src/node-agent/files/pod-files.ts';
import { removeTree } from '../../../src/node-agent/files/remove-tree.ts';

let dir = '';
let volume = '';
let outside = '';
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'symphony-held-')));
  volume = join(dir, 'volume');
  outside = join(dir, 'outside');
  await mkdir(volume, { mode: 0o755 });
  await mkdir(outside);
  await writeFile(join(outside, 'precious'), 'x');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Where an entry was found, below the volume. */
const find = async (relative: string): Promise<string> => {
  const { handle, names } = await openInVolume(volume, relative);
  try {
    expect(await readlink(heldPath(handle.fd))).toBe(join(volume, ...names));
    return names.join('/');
  } finally {
    await handle.close();
  }
};

describe('a path in a volume', () => {
  it.each(['a', 'a/b/c', './a//b'])('is made where it is missing: %s', async (relative) => {
    await chmod(volume, 0o2777);
    const found = await find(relative);
    expect((await stat(join(volume, found))).mode & 0o7777).toBe(0o2777);
  });

  it.each([
    ['in', 'alias', 'in'],
    ['in/deep', 'alias', 'in/deep'],
    ['./in/../in', 'alias/new', 'in/new'],
    ['.', 'alias', ''],
  ])('follows a link to %j inside the volume', async (target, relative, found) => {
    await mkdir(join(volume, 'in/deep'), { recursive: true });
    await symlink(target, join(volume, 'alias'));
    expect(await find(relative)).toBe(found);
  });

  it('is as long as the kernel takes a path to be', async () => {
    await expect(openInVolume(volume, 'a/'.repeat(3_000))).rejects.toThrow(
      'the path has more than 4095 bytes',
    );
    expect(await readdir(volume)).toEqual([]);
  });

  it('follows an absolute link that stays inside', async () => {
    await mkdir(join(volume, 'in'));
    await symlink(join(volume, 'in'), join(volume, 'alias'));
    expect(await find('alias')).toBe('in');
  });

  it.each(['/', '..', '../outside', 'in/../../outside', '/proc/self/root', 'alias2'])(
    'is refused when a link leads it to %s',
    async (target) => {
      await mkdir(join(volume, 'in'));
      await symlink('../outside', join(volume, 'alias2'));
      await symlink(target, join(volume, 'alias'));
      await expect(find('alias/made')).rejects.toThrow('leads out of the volume');
      expect(await readdir(outside)).toEqual(['precious']);
    },
  );

  it('is refused when links go in circles, or through a file', async () => {
    await symlink('b', join(volume, 'a'));
    await symlink('a', join(volume, 'b'));
    await writeFile(join(volume, 'file'), '');
    await expect(find('a')).rejects.toThrow('too many symbolic links');
    await expect(find('file/x')).rejects.toThrow('ENOTDIR');
    expect(await find('file')).toBe('file');
  });

  it('may be a pipe, which nobody waits for', async () => {
    spawnSync('mkfifo', [join(volume, 'pipe')]);
    expect(await find('pipe')).toBe('pipe');
  });

  it.each(['', '.', '..', 'a/b', 'a\0'])('has names of one entry, which %j is not', (name) => {
    expect(() => entryPath(3, name)).toThrow(RangeError);
  });

  it('never leads out while another thread swaps its parts with links', async () => {
    await mkdir(join(volume, 'swap/sub'), { recursive: true });
    await mkdir(join(outside, 'sub'));
    await using swapper = await swapping(join(volume, 'swap'), outside);
    let inside = 0;
    let refused = 0;
    while (inside < 100 || refused < 100) {
      try {
        const { handle } = await openInVolume(volume, 'swap/sub/made');
        const place = await readlink(heldPath(handle.fd));
        await handle.close();
        expect(place.startsWith(`${volume}/`)).toBe(true);
        inside += 1;
      } catch (error) {
        if (!/leads out|ENOENT|ENOTDIR|EINVAL/.test(String(error))) throw error;
        refused += 1;
      }
    }
    expect(swapper.failed()).toBe('');
    expect(await readdir(join(outside, 'sub'))).toEqual([]);
  });
});

describe('the removal of what a pod has written', () => {
  it('follows no link and leaves nothing, at any depth', async () => {
    const tree = join(dir, 'tree');
    await mkdir(tree);
    // Deeper than a path may be long, so it is made from the inside.
    const name = 'x'.repeat(200);
    const made = spawnSync('sh', ['-c', `for i in $(seq 60); do mkdir ${name}; cd ${name}; touch f; done`], {
      cwd: tree,
    });
    expect(made.status).toBe(0);
    await writeFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]), 'no UTF-8');
    await mkdir(Buffer.concat([Buffer.from(`${tree}/${name}/`), Buffer.from([0x80])]));
    await symlink(outside, join(tree, 'link'));
    await mkdir(join(tree, '.removed-1'));
    await writeFile(join(tree, '.removed-1', 'left'), '');
    await removeTree(tree);
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('x');
  });

  it('takes nothing of the host while another thread swaps directories with links', async () => {
    const tree = join(dir, 'tree');
    for (let round = 0; round < 20; round += 1) {
      await mkdir(join(tree, 'volume/swap/deep/deeper'), { recursive: true });
      await using swapper = await swapping(join(tree, 'volume/swap'), outside);
      // The pod's own writes may hold it up; they end with the pod.
      await removeTree(tree).catch(() => undefined);
      expect(swapper.failed()).toBe('');
    }
    await removeTree(tree);
    expect(await readdir(outside)).toEqual(['precious']);
    expect(existsSync(tree)).toBe(false);
  });
});

describe('files of a pod that its containers can write', () => {
  const log = (): string => join(dir, 'containers', 'main', '0.log');

  it('give the end of a termination log, however long it is', async () => {
    await ensureTerminationLog(log());
    expect((await stat(log())).mode & 0o777).toBe(0o666);
    await writeFile(log(), `${'a'.repeat(10_000)}end`);
    expect(await readTerminationLog(log())).toBe(`${'a'.repeat(4_093)}end`);
    await truncate(log(), 2 ** 40);
    expect(await readTerminationLog(log())).toHaveLength(4_096);
  });

  it('are not read, and not waited for, once they are a link, a pipe or a directory', async () => {
    await ensureTerminationLog(log());
    const replace = async (make: () => unknown): Promise<string> => {
      await rm(log(), { recursive: true });
      await make();
      return readTerminationLog(log());
    };
    expect(await replace(() => symlink(join(outside, 'precious'), log()))).toBe('');
    await expect(ensureTerminationLog(log())).rejects.toThrow('ELOOP');
    expect(await replace(() => spawnSync('mkfifo', [log()]))).toBe('');
    await expect(ensureTerminationLog(log())).rejects.toThrow('ENXIO');
    expect(await replace(() => mkdir(log()))).toBe('');
  });

  it('are written again when a container has changed them, unread when they are too long', async () => {
    const paths = { hosts: join(dir, 'etc-hosts'), resolvConf: join(dir, 'resolv.conf') };
    const texts = { hosts: 'hosts\n', resolvConf: 'resolver\n' };
    await writePodFiles(paths, texts);
    await truncate(paths.hosts, 2 ** 40);
    await rename(paths.resolvConf, join(dir, 'kept'));
    await symlink(join(outside, 'precious'), paths.resolvConf);
    await expect(writePodFiles(paths, texts)).rejects.toThrow('ELOOP');
    expect(await readFile(paths.hosts, 'utf8')).toBe('hosts\n');
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('x');
  });

  it.each(['..', '../x', 'a/b', ''])('have no path for a container called %j', (name) => {
    expect(() => terminationLogPath(dir, 'u', name, 0)).toThrow(RangeError);
  });
});

/**
 * A thread that puts a link to `target` in the place of the directory `path`, and the directory
 * back, until it is disposed.
 */
async function swapping(path: string, target: string): Promise<AsyncDisposable & { failed(): string }> {
  let failure = '';
  const code = `
    const { renameSync, rmSync, symlinkSync } = require('node:fs');
    const { parentPort, workerData: { path, target, flag } } = require('node:worker_threads');
    const stop = new Int32Array(flag);
    const attempt = (action) => { try { action(); } catch {} };
    parentPort.postMessage('started');
    while (Atomics.load(stop, 0) === 0) {
      attempt(() => renameSync(path, path + '-kept'));
      attempt(() => symlinkSync(target, path));
      attempt(() => rmSync(path, { recursive: true, force: true }));
      attempt(() => renameSync(path + '-kept', path));
    }`;
  const flag = new SharedArrayBuffer(4);
  const worker = new Worker(code, { eval: true, workerData: { path, target, flag } });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.once('error', (error) => (failure = String(error)));
  await new Promise<void>((resolve) => worker.once('message', () => resolve()));
  return {
    failed: () => failure,
    async [Symbol.asyncDispose]() {
      Atomics.store(new Int32Array(flag), 0, 1);
      await ended;
    },
  };
}
