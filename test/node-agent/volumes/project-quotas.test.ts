/** Project quotas with pretended programs; test/integration tries the real ones. */
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../../../src/base/logger.ts';
import { parseMounts } from '../../../src/node-agent/volumes/mounts.ts';
import {
  isOwnProject,
  isUnused,
  planQuotaPlace,
  projectsFor,
} from '../../../src/node-agent/volumes/plan-project-quota.ts';
import { createProjectQuotas } from '../../../src/node-agent/volumes/project-quotas.ts';
import { createVolumeDirectories } from '../../../src/node-agent/volumes/volume-directories.ts';
import { aLocalVolume } from '../../support/volumes.ts';

const mount = (point: string, type: string, options: string, source = '/dev/sda1'): string =>
  `22 1 8:1 / ${point} rw,relatime shared:1 - ${type} ${source} ${options}`;

describe('the file system of the volumes', () => {
  it.each([
    ['ext4 with the option', [mount('/', 'ext4', 'rw,prjquota')], undefined],
    ['xfs with the option', [mount('/', 'xfs', 'rw,attr2,prjquota')], undefined],
    ['ext4 without it', [mount('/', 'ext4', 'rw,usrquota')], 'not mounted with the option prjquota'],
    ['xfs that only counts', [mount('/', 'xfs', 'rw,pqnoenforce')], 'not mounted with the option prjquota'],
    ['another kind', [mount('/', 'btrfs', 'rw,prjquota')], 'btrfs has no project quotas'],
    ['no mount table', [], 'unknown has no project quotas'],
    ['the nearest mount', [mount('/d', 'tmpfs', 'rw'), mount('/', 'ext4', 'rw,prjquota')], 'tmpfs'],
    ['the later mount', [mount('/d', 'ext4', 'rw,prjquota'), mount('/d', 'tmpfs', 'rw')], 'tmpfs'],
    ['not a neighbour', [mount('/', 'ext4', 'rw,prjquota'), mount('/d/v', 'tmpfs', 'rw')], undefined],
  ])('%s', (_, lines, why) => {
    const place = planQuotaPlace(parseMounts(lines.join('\n')), '/d/volumes');
    if (why === undefined) expect(place).toEqual({ ok: true, device: '/dev/sda1' });
    else expect(place).toMatchObject({ ok: false, why: expect.stringContaining(why) as string });
  });

  it('gives each directory numbers of its own, in the range', () => {
    const [one, other] = [projectsFor('/a/volumes/pvc-1'), projectsFor('/b/volumes/pvc-1')];
    expect(projectsFor('/a/volumes/pvc-1')).toEqual(one);
    expect(one[0]).not.toBe(other[0]);
    expect([...one, ...other].every(isOwnProject)).toBe(true);
    expect([0, 1, 1_048_577, 2 ** 31].some(isOwnProject)).toBe(false);
  });

  it('reads who uses a number, on this device only', () => {
    const rows = (numbers: string): string =>
      `Disk quotas\n  Filesystem blocks quota\n  /dev/sda1 ${numbers}\n  /dev/sdb1 7 0 0 0 1 0 0 0\n`;
    expect(isUnused(rows('0 0 0 0 0 0 0 0'), '/dev/sda1')).toBe(true);
    expect(isUnused(rows('0 0 0 0 1 0 0 0'), '/dev/sda1')).toBe(false);
    expect(isUnused(rows('6401* 0 1024 0 2 0 0 0'), '/dev/sda1')).toBe(false);
    expect(() => isUnused(rows('0'), '/dev/sdc1')).toThrow('Cannot read the quotas of "/dev/sdc1"');
  });
});

let root = '';
const projects = new Map<string, number>();
const limits = new Map<number, number>();
const commands: string[] = [];
let broken: string | undefined;
const warnings: unknown[] = [];
const logger = { ...silentLogger, warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;

beforeEach(async () => {
  root = join(await realpath(await mkdtemp(join(tmpdir(), 'symphony-quotas-'))), 'volumes');
  for (const state of [projects, limits]) state.clear();
  commands.length = 0;
  warnings.length = 0;
  broken = undefined;
});
afterEach(() => rm(join(root, '..'), { recursive: true, force: true }));

const quotas = (options = 'rw,prjquota') =>
  createProjectQuotas({
    ...{ root, rootMode: 0o711, logger },
    mounts: async () => parseMounts(mount('/', 'ext4', options)),
    async run(program, args) {
      commands.push(program);
      if (program === broken) throw new Error(`Cannot run ${program}: it is missing`);
      const last = args.at(-1) ?? '';
      if (program === 'lsattr') return ` ${projects.get(last) ?? 0} ----P ${last}\n`;
      if (program === 'chattr') projects.set(last, Number(args[1]));
      if (program === 'setquota') limits.set(Number(args[1]), Number(args[3]));
      const project = Number(last);
      const used = [...projects.values()].includes(project) ? 1 : 0;
      return `/dev/sda1 0 0 ${limits.get(project) ?? 0} 0 ${used} 0 0 0\n`;
    },
  });
const directories = (made = quotas()) =>
  createVolumeDirectories({ root, logger: silentLogger, quotas: made });
const limitOf = (name: string): number | undefined => limits.get(projects.get(join(root, name)) ?? 0);

describe('the limit of a volume', () => {
  it('is its size, grows with it, and goes with it', async () => {
    const made = directories();
    await made.ensure(aLocalVolume(root, 'pvc-1', '1Mi'));
    expect(limitOf('pvc-1')).toBe(1_024);
    await made.note(aLocalVolume(root, 'pvc-1', '2Mi'));
    expect(limitOf('pvc-1')).toBe(2_048);
    await made.remove(aLocalVolume(root, 'pvc-1'));
    expect(limitOf('pvc-1')).toBe(0);
  });

  it('costs no program while it does not change', async () => {
    const made = directories();
    await made.ensure(aLocalVolume(root, 'pvc-1'));
    const before = commands.length;
    await made.note(aLocalVolume(root, 'pvc-1'));
    await made.ensure(aLocalVolume(root, 'pvc-1'));
    expect(commands.length).toBe(before);
  });

  it('is that of the record when a pod has an older plan', async () => {
    await directories().ensure(aLocalVolume(root, 'pvc-1', '1Mi'));
    await directories().note(aLocalVolume(root, 'pvc-1', '2Mi'));
    limits.clear();
    await directories().ensure(aLocalVolume(root, 'pvc-1', '1Mi'));
    expect(limitOf('pvc-1')).toBe(2_048);
  });

  it('survives a lost record, with its project', async () => {
    await directories().ensure(aLocalVolume(root, 'pvc-1'));
    const project = projects.get(join(root, 'pvc-1'));
    await writeFile(join(root, 'pvc-1', 'data'), '');
    await rm(join(root, 'pvc-1.json'));
    await directories().ensure(aLocalVolume(root, 'pvc-1', '3Mi'));
    expect(projects.get(join(root, 'pvc-1'))).toBe(project);
    expect(limitOf('pvc-1')).toBe(3_072);
  });

  it('takes the next number when another directory has the first', async () => {
    const [first = 0, second] = projectsFor(join(root, 'pvc-1'));
    projects.set('/elsewhere', first);
    await directories().ensure(aLocalVolume(root, 'pvc-1'));
    expect(projects.get(join(root, 'pvc-1'))).toBe(second);
  });

  it('is not given to data that was there before', async () => {
    await mkdir(join(root, 'pvc-1'), { recursive: true });
    await writeFile(join(root, 'pvc-1', 'data'), '');
    await directories().ensure(aLocalVolume(root, 'pvc-1'));
    expect(projects.get(join(root, 'pvc-1'))).toBeUndefined();
    expect(limits.size).toBe(1);
  });

  it('that cannot be set keeps the pod waiting, and is tried again', async () => {
    const made = quotas();
    expect(await made.problem()).toBeUndefined();
    broken = 'setquota';
    await expect(directories(made).ensure(aLocalVolume(root, 'pvc-1'))).rejects.toThrow(/run setquota/);
    expect(await directories(made).recorded()).toEqual([]);
    broken = undefined;
    await directories(made).ensure(aLocalVolume(root, 'pvc-1', '1Mi'));
    expect(limitOf('pvc-1')).toBe(1_024);
  });

  it('does not hold up the removal of a volume', async () => {
    const made = quotas();
    await directories(made).ensure(aLocalVolume(root, 'pvc-1'));
    broken = 'setquota';
    await directories(made).remove(aLocalVolume(root, 'pvc-1'));
    expect(await readdir(root)).toEqual([]);
  });
});

describe('a host without', () => {
  it.each(['lsattr', 'chattr', 'quota', 'setquota'])('%s has volumes without limits', async (program) => {
    broken = program;
    const made = quotas();
    await directories(made).ensure(aLocalVolume(root, 'pvc-1'));
    await directories(made).ensure(aLocalVolume(root, 'pvc-2'));
    expect(await made.problem()).toMatch(`Cannot run ${program}: it is missing (project quotas need root`);
    expect(await readdir(root)).toEqual(['pvc-1', 'pvc-1.json', 'pvc-2', 'pvc-2.json']);
    expect(warnings).toHaveLength(1);
    expect(projects.get(join(root, 'pvc-1'))).toBeUndefined();
  });

  it('the option runs no program, and makes nothing', async () => {
    expect(await quotas('rw').problem()).toMatch(/not mounted with the option prjquota/);
    expect(commands).toEqual([]);
    await expect(readdir(root)).rejects.toThrow(/ENOENT/);
  });

  it('a directory of its own leaves the limit of the host as it is', async () => {
    projects.set(join(root, '.quota-check'), 5);
    expect(await quotas().problem()).toMatch(/is in the project 5 of somebody else/);
  });
});
