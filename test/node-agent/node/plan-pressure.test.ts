import { describe, expect, it } from 'vitest';
import {
  type DiskUsage,
  type MachineUsage,
  notePressures,
  planPressures,
  pressuresAt,
} from '../../../src/node-agent/node/plan-pressure.ts';
import { parseAvailableBytes, readMachineUsage } from '../../../src/node-agent/node/read-usage.ts';

const MIB = 1024 ** 2;
const disk = (freeShare: number, inodeShare = 1): DiskUsage => ({
  freeBytes: freeShare * 1000,
  totalBytes: 1000,
  freeInodes: inodeShare * 1000,
  totalInodes: 1000,
});
const usage = (change: Partial<MachineUsage> = {}): MachineUsage => ({
  memoryAvailableBytes: 500 * MIB,
  nodeFs: disk(0.5),
  imageFs: disk(0.5),
  ...change,
});

describe('pressure of a machine', () => {
  it.each([
    ['nothing while there is enough of everything', usage(), { memory: false, disk: false }],
    ['memory below 100 MiB', usage({ memoryAvailableBytes: 100 * MIB - 1 }), { memory: true, disk: false }],
    ['nothing at 100 MiB', usage({ memoryAvailableBytes: 100 * MIB }), { memory: false, disk: false }],
    ['a node file system below 10 %', usage({ nodeFs: disk(0.099) }), { memory: false, disk: true }],
    ['nothing at 10 %', usage({ nodeFs: disk(0.1) }), { memory: false, disk: false }],
    ['an image file system below 15 %', usage({ imageFs: disk(0.149) }), { memory: false, disk: true }],
    ['too few inodes', usage({ nodeFs: disk(0.5, 0.04) }), { memory: false, disk: true }],
    [
      'nothing of file systems without inodes',
      usage({ nodeFs: { freeBytes: 5, totalBytes: 10, freeInodes: 0, totalInodes: 0 } }),
      { memory: false, disk: false },
    ],
    [
      'nothing of what could not be read',
      { memoryAvailableBytes: undefined, nodeFs: undefined, imageFs: undefined },
      { memory: false, disk: false },
    ],
  ])('reports %s', (_, reading, expected) => {
    expect(planPressures(reading)).toEqual({ ...expected, pid: false });
  });

  it('keeps a pressure for five minutes after it was last seen', () => {
    const full = { memory: false, disk: true, pid: false };
    const calm = { memory: false, disk: false, pid: false };
    const memory = notePressures(notePressures({}, full, 1_000), calm, 200_000);
    expect(pressuresAt(memory, 300_999)).toEqual(full);
    expect(pressuresAt(memory, 301_000)).toEqual(calm);
  });

  it('reads the kernel and the file systems', async () => {
    expect(parseAvailableBytes('MemTotal: 2 kB\nMemAvailable:   1024 kB\n')).toBe(MIB);
    expect(parseAvailableBytes('')).toBeUndefined();
    const here = await readMachineUsage('/');
    expect(here.nodeFs?.totalBytes).toBeGreaterThan(0);
    expect((await readMachineUsage('/nonexistent')).nodeFs).toBeUndefined();
  });
});
