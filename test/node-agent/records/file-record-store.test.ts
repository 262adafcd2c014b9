import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createFileRecordStore } from '../../../src/node-agent/records/file-record-store.ts';
import { aPod } from '../../support/agent-world.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-records-'));
});
afterEach(async () => {
  await chmod(directory, 0o700);
  await rm(directory, { recursive: true, force: true });
});
const open = () => createFileRecordStore(directory, silentLogger);

describe('records of pods in files', () => {
  it('come back to the next agent, the newest of each, and are for its user only', async () => {
    const store = open();
    const pod = aPod('web');
    await Promise.all([
      store.savePod('uid-of-web', { pod, ip: '10.0.0.1' }),
      store.savePod('uid-of-web', { pod, ip: '10.0.0.2' }),
      store.savePod('uid-of-web', { pod, ip: '10.0.0.3' }),
      store.saveMemory({ epoch: 'e1', podCidr: '10.0.0.0/24' }),
    ]);
    expect(await open().loadPods()).toEqual([{ pod, ip: '10.0.0.3' }]);
    expect(await open().loadMemory()).toEqual({ epoch: 'e1', podCidr: '10.0.0.0/24' });
    expect((await stat(join(directory, 'pods', 'uid-of-web.json'))).mode & 0o777).toBe(0o600);
    await store.deletePod('uid-of-web');
    expect(await open().loadPods()).toEqual([]);
  });

  it.each([
    ['half a file', '{"pod":{"metadata":{"uid":"a"'],
    ['an empty file', ''],
    ['another kind of value', '[1,2]'],
    ['a record without a pod', '{"ip":"10.0.0.1"}'],
    ['a pod without a uid', '{"pod":{"metadata":{"name":"x"},"spec":{}}}'],
  ])('are left out one by one when damaged: %s', async (_, content) => {
    const pod = aPod('web');
    await open().savePod('uid-of-web', { pod });
    await writeFile(join(directory, 'pods', 'damaged.json'), content);
    await writeFile(join(directory, 'agent.json'), content);
    expect(await open().loadPods()).toEqual([{ pod }]);
    const memory = await open().loadMemory();
    expect(memory.epoch).toBeUndefined();
  });

  it('keep the old record when the disk takes nothing, and fail only where they must be durable', async () => {
    const store = open();
    const pod = aPod('web');
    await store.savePod('uid-of-web', { pod, ip: '10.0.0.1' });
    // Root may write anywhere: a directory in the way of the temporary file fails for every user,
    // as a full disk does.
    await mkdir(join(directory, 'pods', 'uid-of-web.json.tmp'));
    await expect(store.savePod('uid-of-web', { pod, ip: '10.0.0.2' })).resolves.toBeUndefined();
    // Something is about to be done that only this record tells of.
    await expect(store.savePod('uid-of-web', { pod, ip: '10.0.0.2' }, true)).rejects.toThrow(/EISDIR/);
    expect(await open().loadPods()).toEqual([{ pod, ip: '10.0.0.1' }]);
    await rm(join(directory, 'pods', 'uid-of-web.json.tmp'), { recursive: true });
    await store.savePod('uid-of-web', { pod, ip: '10.0.0.3' });
    expect(await open().loadPods()).toEqual([{ pod, ip: '10.0.0.3' }]);
  });

  it('never leave their directory, whatever the uid is', async () => {
    const store = open();
    await store.savePod('../../outside', { pod: aPod('web') });
    await store.savePod('', { pod: aPod('web') });
    expect(await readdir(directory)).toEqual([]);
  });

  it('are complete in what they say: the file is JSON', async () => {
    await open().savePod('u', { pod: aPod('web'), startTimeMs: 5 });
    expect(JSON.parse(await readFile(join(directory, 'pods', 'u.json'), 'utf8'))).toMatchObject({
      startTimeMs: 5,
    });
  });
});
