/**
 * Limits of volumes on real file systems with project quotas, in images on loop devices. Needs
 * root. A kernel without project quotas cannot mount them: then the test says so, and tries that
 * the agent goes on without limits.
 */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, realpath, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createProjectQuotas } from '../../../src/node-agent/volumes/project-quotas.ts';
import { createVolumeDirectories } from '../../../src/node-agent/volumes/volume-directories.ts';
import { aLocalVolume } from '../../support/volumes.ts';

/** The smallest that mkfs.xfs makes. */
const IMAGE_BYTES = 400 * 2 ** 20;
const MIB = 2 ** 20;

function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

describe.each([
  ['ext4', 'mkfs.ext4', ['-q', '-O', 'quota,project', '-E', 'quotatype=prjquota']],
  ['xfs', 'mkfs.xfs', ['-q']],
])('a volume on %s', (type, mkfs, options) => {
  let dir = '';
  let mounted = '';
  /** Why it cannot be tried here. */
  let missing: string | undefined;
  beforeAll(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'symphony-quota-')));
    // The writer is another user.
    await chmod(dir, 0o711);
    mounted = join(dir, 'mounted');
    const image = join(dir, 'image');
    await mkdir(mounted);
    await writeFile(image, '');
    await truncate(image, IMAGE_BYTES);
    try {
      run(mkfs, ...options, image);
      run('mount', '-t', type, '-o', 'loop,prjquota', image, mounted);
      run('quota', '--version');
    } catch (error) {
      missing = String(error);
    }
  });
  afterAll(async () => {
    spawnSync('umount', [mounted]);
    await rm(dir, { recursive: true, force: true });
  });

  const open = (agent: string) =>
    createVolumeDirectories({ root: join(mounted, agent, 'volumes'), logger: silentLogger });
  const volumeOf = (agent: string, size: string) =>
    aLocalVolume(join(mounted, agent, 'volumes'), 'pvc-1', size);
  /** As a process of a container, which may not exceed quotas. Answers whether all was written. */
  function write(agent: string, name: string, mebibytes: number): boolean {
    const of = `of=${join(mounted, agent, 'volumes/pvc-1', name)}`;
    const dd = ['dd', 'if=/dev/zero', of, 'bs=64k', `count=${mebibytes * 16}`, 'conv=fsync'];
    const user = ['--reuid=4321', '--regid=4321', '--clear-groups'];
    const { status, stderr } = spawnSync('setpriv', [...user, ...dd], { encoding: 'utf8' });
    if (status !== 0) expect(stderr).toMatch(/Disk quota exceeded|No space left on device/);
    return status === 0;
  }
  const report = (): string => run('repquota', '-P', '-n', mounted);

  it('takes no more than the size of its claim, also after it has grown', async (context) => {
    if (missing !== undefined) {
      const why = `project quotas on ${type} cannot be tried here: ${missing}`;
      console.warn(why);
      await context.annotate(why);
      const here = createProjectQuotas({ root: join(dir, 'volumes'), rootMode: 0o711, logger: silentLogger });
      expect(await here.problem()).toMatch(/project quotas|prjquota/);
      const root = join(dir, 'volumes');
      await createVolumeDirectories({ root, logger: silentLogger }).ensure(aLocalVolume(root, 'pvc-1'));
      expect((await stat(join(root, 'pvc-1'))).isDirectory()).toBe(true);
      return;
    }
    for (const agent of ['one', 'other']) await mkdir(join(mounted, agent), { mode: 0o755 });
    const first = open('one');
    expect(await first.limitProblem()).toBeUndefined();
    await first.ensure(volumeOf('one', '8Mi'));
    expect(write('one', 'a', 7)).toBe(true);
    expect(write('one', 'b', 7)).toBe(false);
    await first.note(volumeOf('one', '16Mi'));
    expect(write('one', 'b', 7)).toBe(true);
    expect(write('one', 'c', 7)).toBe(false);

    // A pod that was planned before the claim grew comes back with a new agent.
    const again = open('one');
    await again.ensure(volumeOf('one', '8Mi'));
    expect(write('one', 'c', 1)).toBe(true);

    // Another agent on the same file system; then its record is lost.
    const second = open('other');
    await second.ensure(volumeOf('other', '4Mi'));
    expect(write('other', 'a', 3)).toBe(true);
    expect(write('other', 'b', 3)).toBe(false);
    await rm(join(mounted, 'other/volumes/pvc-1.json'));
    await open('other').ensure(volumeOf('other', '5Mi'));
    expect(write('other', 'b', 3)).toBe(false);
    const isLimit = (mebibytes: number): RegExp => new RegExp(`\\s${(mebibytes * MIB) / 1_024}\\s`);
    expect(report()).toMatch(isLimit(16));
    expect(report()).toMatch(isLimit(5));

    for (const [agent, made] of [
      ['one', again],
      ['other', second],
    ] as const)
      await made.remove(volumeOf(agent, '1Mi'));
    expect(report().match(/^#\d+/gm)).toEqual(['#0']);
  });
});
