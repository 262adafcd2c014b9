/**
 * A control plane whose start fails, after whichever of its parts, leaves no socket, child process,
 * timer or lock behind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { resolveConfig } from '../../../src/config/index.ts';
import { startControlPlane } from '../../../src/server/control-plane.ts';
import { activeResources, untilReleased } from '../../support/active-resources.ts';

const FAILURE = 'Refused for the test';

/** A clock whose open timers are known. */
function countingClock(): { clock: Clock; open: Set<object> } {
  const open = new Set<object>();
  const clock: Clock = {
    now: () => systemClock.now(),
    setTimer(task, delayMs) {
      const mark = {};
      open.add(mark);
      const run = (): void => {
        open.delete(mark);
        task();
      };
      const timer = systemClock.setTimer(run, delayMs);
      const cancel = (): void => {
        open.delete(mark);
        timer.cancel();
      };
      return { cancel };
    },
  };
  return { clock, open };
}

it('leaves nothing behind, and its directory to the next one, whichever part was the last', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-start-'));
  const { clock, open } = countingClock();
  const flags = { dataDir: directory, listen: '127.0.0.1:0', auditLog: 'none', rateLimit: '0' };
  const config = resolveConfig({ command: 'control-plane', flags, env: {} });
  const before = activeResources();
  /** Starts, and fails after so many parts; the number of parts when it did not come to that. */
  async function failAfter(limit: number): Promise<number | undefined> {
    let steps = 0;
    const onStep = (): void => {
      steps += 1;
      if (steps === limit) throw new Error(FAILURE);
    };
    try {
      const running = await startControlPlane({ config, logger: silentLogger, clock, onStep });
      await running[Symbol.asyncDispose]();
      return steps;
    } catch (error) {
      expect(error).toMatchObject({ message: FAILURE });
      return undefined;
    }
  }
  try {
    let steps: number | undefined;
    for (let limit = 1; steps === undefined && limit < 100; limit += 1) {
      steps = await failAfter(limit);
      await untilReleased(before);
      expect(open.size).toBe(0);
    }
    expect(steps).toBeGreaterThan(10);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
