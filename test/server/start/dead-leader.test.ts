import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { freeLeaseOfDeadProcess } from '../../../src/server/start/dead-leader.ts';
import { isGone, ownProcess } from '../../../src/server/start/process-mark.ts';
import { startTimeOf } from '../../../src/base/child-processes/process-identity.ts';
import { createMemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const LEASE = 'control-plane';

async function aDeadProcess(): Promise<Awaited<ReturnType<typeof ownProcess>>> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const own = await ownProcess();
  const pid = child.pid ?? 0;
  const mark = { ...own, pid, startTime: await startTimeOf(pid) };
  expect(await isGone(mark)).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return mark;
}

describe('the lease of an earlier process on the same data directory', () => {
  async function start(left: unknown): Promise<{ readonly isFree: boolean; readonly written: string }> {
    const store = createMemoryStore({ clock: createFakeClock() });
    await store.acquireLease(LEASE, 'earlier', 60_000);
    let written = '';
    const dataDir = {
      read: async () => (typeof left === 'string' ? left : JSON.stringify(left)),
      write: async (_: string, text: string) => void (written = text),
    };
    await freeLeaseOfDeadProcess({ store, dataDir, lease: LEASE, holder: 'later', logger: silentLogger });
    const isFree = (await store.acquireLease(LEASE, 'later', 1_000)) !== undefined;
    return { isFree, written };
  }

  it('is given free when the process is gone', async () => {
    const { isFree, written } = await start({ holder: 'earlier', process: await aDeadProcess() });
    expect(isFree).toBe(true);
    expect(JSON.parse(written)).toEqual({ holder: 'later', process: await ownProcess() });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['lives', async () => ({ holder: 'earlier', process: await ownProcess() })],
    [
      'ran on another machine',
      async () => ({
        holder: 'earlier',
        process: { ...(await aDeadProcess()), realm: 'elsewhere' },
      }),
    ],
    ['held another lease', async () => ({ holder: 'somebody', process: await aDeadProcess() })],
    ['left a damaged record', async () => '{"holder":'],
    ['left no mark of itself', async () => ({ holder: 'earlier', process: {} })],
  ])('is left alone when the process %s', async (_, left) => {
    expect((await start(await left())).isFree).toBe(false);
  });
});
