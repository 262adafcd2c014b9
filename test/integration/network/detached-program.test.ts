/** A program of the network outlives its keeper, is adopted by the next, and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findDetached } from '../../../src/base/child-processes/detached-process.ts';
import { endOrphans } from '../../../src/base/child-processes/end-orphans.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createDetachedProgram, endAllDetached } from '../../../src/network/detached-program.ts';
import { isAlive, until } from '../../support/processes.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony detached-'));
});
afterEach(async () => {
  await endAllDetached(directory, systemClock);
  await rm(directory, { recursive: true, force: true });
});

function aProgram({ script = 'exec sleep 1000', version = '1', name = 'proxy' } = {}) {
  const ups: string[] = [];
  const downs: string[] = [];
  const program = createDetachedProgram({
    directory,
    command: () => ({ name, version, program: 'sh', args: ['-c', script], env: { PATH: '/usr/bin:/bin' } }),
    clock: systemClock,
    logger: silentLogger,
    onUp: ({ pid }, how) => ups.push(`${how} ${pid}`),
    onDown: (reason) => downs.push(reason),
  });
  program.start();
  return Object.assign(program, { ups, downs });
}

async function pidOf(program: ReturnType<typeof aProgram>): Promise<number> {
  await until(() => program.process !== undefined);
  return program.process!.pid;
}

it('outlives its keeper, and the next one adopts it', async () => {
  const first = aProgram();
  const pid = await pidOf(first);
  await first[Symbol.asyncDispose]();
  await endOrphans();
  expect(isAlive(pid)).toBe(true);
  await using second = aProgram();
  expect(await pidOf(second)).toBe(pid);
  expect(second.ups).toEqual([`adopted ${pid}`]);
  await second.stop();
  expect(isAlive(pid)).toBe(false);
});

it('is started again when it is killed, and when it says why it ends', async () => {
  await using program = aProgram({ script: '[ -e again ] && exec sleep 1000; echo port in use; > again' });
  await until(() => program.ups.length === 2);
  expect(program.downs).toEqual(['port in use']);
  process.kill(await pidOf(program), 'SIGKILL');
  await until(() => program.ups.length === 3);
  expect(await findDetached(directory)).toHaveLength(1);
});

it('is replaced by another version of itself, and not by another name', async () => {
  const old = aProgram({ version: '1' });
  const oldPid = await pidOf(old);
  await old[Symbol.asyncDispose]();
  await using other = aProgram({ name: 'names' });
  await pidOf(other);
  expect(isAlive(oldPid)).toBe(true);
  await using next = aProgram({ version: '2' });
  await pidOf(next);
  expect(isAlive(oldPid)).toBe(false);
  expect((await findDetached(directory)).map(({ name, version }) => `${name} ${version}`).toSorted()).toEqual(
    ['names 1', 'proxy 2'],
  );
});

it('is ended by force when it does not end by itself', async () => {
  await using program = aProgram({ script: 'trap "" TERM; while :; do sleep 1; done' });
  const pid = await pidOf(program);
  await program.stop();
  expect(isAlive(pid)).toBe(false);
});

it('says why it cannot be started', async () => {
  const downs: string[] = [];
  await using program = createDetachedProgram({
    directory,
    command: () => ({ name: 'x', version: '1', program: '/no/such/program', args: [], env: {} }),
    clock: systemClock,
    logger: silentLogger,
    onDown: (reason) => downs.push(reason),
  });
  program.start();
  await until(() => downs.length > 0);
  expect(downs[0]).toContain('/no/such/program');
});

it('leaves strangers alone', async () => {
  const stranger: ChildProcess = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(stranger, 'spawn');
  await using program = aProgram();
  await pidOf(program);
  await program.stop();
  expect(isAlive(stranger.pid!)).toBe(true);
  stranger.kill('SIGKILL');
});
