import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTimeOf } from '../../src/base/child-processes/process-identity.ts';
import { claimDirectory, livingOwnerOf, releaseDirectory } from '../../src/base/directory-owner.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-owner-'));
});
afterEach(() => rm(directory, { recursive: true }));

const claim = () => claimDirectory(directory, (pid) => `process ${pid} is here`);
const writeOwner = (owner: unknown) => writeFile(join(directory, 'owner.json'), JSON.stringify(owner));

it('belongs to one living process, and to nobody after it', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await once(other, 'spawn');
  await writeOwner({ pid: other.pid, startTime: await startTimeOf(other.pid ?? 0) });
  await expect(claim()).rejects.toThrow(`process ${other.pid} is here`);
  other.kill('SIGKILL');
  await once(other, 'exit');
  await claim();
  expect(await livingOwnerOf(directory)).toBe(process.pid);
  await releaseDirectory(directory);
  expect([await livingOwnerOf(directory), await readdir(directory)]).toEqual([undefined, []]);
});

it('does not take a later process of the same id for the owner', async () => {
  await writeOwner({ pid: process.ppid, startTime: '1' });
  await claim();
});

it.each(['', '{"pid":', '[]', '{"pid":"1"}'])('is free where the record says nothing: %j', async (text) => {
  await writeFile(join(directory, 'owner.json'), text);
  await claim();
});
