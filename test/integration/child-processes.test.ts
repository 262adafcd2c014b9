/**
 * Children end as a group: with their leader, with their owner however it ends, and when they are
 * told to.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  countChildren,
  runChild,
  startChild,
  withPlace,
} from '../../src/base/child-processes/child-process.ts';
import { endOrphans } from '../../src/base/child-processes/end-orphans.ts';
import { MARK, startTimeOf } from '../../src/base/child-processes/process-identity.ts';
import { startHostileGitServer } from '../support/hostile-git-server.ts';
import { isAlive, processesWith, until } from '../support/processes.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-children-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A shell with a child of its own; gives both process ids. */
const FAMILY = 'sleep 1000 & echo $! $$; wait';
async function aFamily(mark = 'x') {
  const child = await startChild('relay', 'sh', ['-c', FAMILY], {
    env: { PATH: '/usr/bin:/bin', FAMILY: mark },
  });
  const [line] = (await once(child.process.stdout, 'data')) as [Buffer];
  const [grandchild = 0, leader = 0] = line.toString().trim().split(' ').map(Number);
  return { ...child, grandchild, leader };
}
const livingRelays = (): number => countChildren().find(({ purpose }) => purpose === 'relay')?.living ?? 0;

describe('a child process', () => {
  it('ends with all of its own', async () => {
    const { end, process: child, grandchild } = await aFamily();
    expect(livingRelays()).toBe(1);
    end();
    await once(child, 'close');
    await until(() => !isAlive(grandchild));
    expect(livingRelays()).toBe(0);
  });

  it('takes with it what it left behind', async () => {
    const { leader, grandchild, process: child } = await aFamily();
    const exited = once(child, 'exit');
    process.kill(leader, 'SIGKILL');
    await exited;
    await until(() => !isAlive(grandchild));
  });

  it('is ended when it takes too long, and says so', async () => {
    const run = runChild('mount', 'sh', ['-c', FAMILY], { timeoutMs: 50 });
    await expect(run).rejects.toThrow('Cannot run sh: it took longer than');
  });

  it('says what it complained about', async () => {
    await expect(
      runChild('mount', 'sh', ['-c', 'echo no >&2; exit 3'], { timeoutMs: 10_000 }),
    ).rejects.toThrow('Cannot run sh: no');
    await expect(runChild('mount', '/no/such/program', [], { timeoutMs: 10_000 })).rejects.toThrow('no/such');
  });

  it('waits for a place, and gives up waiting when it is not wanted any more', async () => {
    const leaves: (() => void)[] = [];
    const held = Array.from({ length: 16 }, () =>
      withPlace('mount', undefined, () => new Promise<void>((resolve) => leaves.push(resolve))),
    );
    await until(() => leaves.length === 16);
    const stop = new AbortController();
    const late = withPlace('mount', stop.signal, async () => 'late');
    stop.abort();
    await expect(late).rejects.toThrow();
    const next = withPlace('mount', undefined, async () => 'next');
    leaves[0]?.();
    expect(await next).toBe('next');
    for (const leave of leaves) leave();
    await Promise.all(held);
  });
});

describe('an owner of children', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGUSR1'] as const)(
    'leaves nothing behind when it ends by %s',
    async (signal) => {
      await using server = await startHostileGitServer('refs-v0');
      const program = join(import.meta.dirname, '../support/child-owner.ts');
      const owner = spawn(process.execPath, ['--import', 'tsx', program, server.url, directory], {
        stdio: 'ignore',
      });
      const exited = once(owner, 'exit');
      const helpers = () =>
        processesWith(join(directory, 'symphony.gitconfig')).filter(({ pid }) => pid !== owner.pid);
      // The launcher, git, and git-remote-http with its parent.
      await until(() => helpers().some(({ command }) => command.includes('remote-http')));
      owner.kill(signal);
      await exited;
      await until(() => helpers().length === 0);
    },
  );
});

describe('the sweep at start', () => {
  it('ends what a dead owner left, and nothing else', async () => {
    const start = (owner: string) =>
      spawn('sleep', ['1000'], { env: { PATH: '/usr/bin:/bin', [MARK]: `git ${owner}` }, stdio: 'ignore' });
    const own = `${process.pid} ${await startTimeOf(process.pid)}`;
    const dead = start('1 7');
    const living = start(own);
    const redis = spawn('sleep', ['1000'], {
      env: { PATH: '/usr/bin:/bin', [MARK]: 'redis 1 7' },
      stdio: 'ignore',
    });
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
    await until(() => [dead, living, redis, stranger].every(({ pid }) => isAlive(pid ?? 0)));
    await until(() => processesWith(`${MARK}=git 1 7`).length > 0);
    const ended = once(dead, 'exit');
    expect(await endOrphans()).toBeGreaterThanOrEqual(1);
    await ended;
    for (const other of [living, redis, stranger]) {
      expect(isAlive(other.pid ?? 0)).toBe(true);
      other.kill('SIGKILL');
    }
  });
});

describe('the first process of a container', () => {
  const script = new URL('../../bin/first-process.sh', import.meta.url).pathname;
  /**
   * Leaves an orphan behind, and waits until it is no process any more, nor a dead one that nobody
   * waits for.
   */
  const PROGRAM = `orphan=$( (true >/dev/null & echo $!) )
trap 'echo told to end; exit 7' TERM
while [ -e "/proc/$orphan" ]; do sleep 0.05; done
cat
kill -TERM 1
while :; do sleep 0.05; done`;

  it('waits for orphans, hands on its input and signals, and ends as its program does', async () => {
    const first = spawn('unshare', [
      ...['--fork', '--pid', '--mount-proc', '--kill-child'],
      ...['sh', script, 'sh', '-c', PROGRAM],
    ]);
    first.stdin.end('input');
    let said = '';
    first.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
    const [code] = (await once(first, 'close')) as [number];
    expect(said).toBe('inputtold to end\n');
    expect(code).toBe(7);
  });
});
