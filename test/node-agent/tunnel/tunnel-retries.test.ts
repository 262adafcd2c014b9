import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { openTunnel } from '../../../src/node-agent/tunnel/keep-tunnel.ts';
import { failure } from '../../../src/schemas/errors/status.ts';
import { createAgentWorld } from '../../support/agent-world.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

/** Times at which a tunnel was asked for, while a server refuses it for so long. */
async function attempts(refusal: Error, forMs: number): Promise<readonly number[]> {
  const clock = createFakeClock(0);
  const world = await createAgentWorld();
  const times: number[] = [];
  const tunnel = openTunnel({
    connection: {
      async upgrade() {
        times.push(clock.now());
        throw refusal;
      },
    },
    runtime: world.runtime,
    clock,
    rng: seededRng(1),
    logger: silentLogger,
    nodeName: 'n1',
    findPod: () => undefined,
  });
  await clock.advance(forMs);
  await tunnel[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  return times;
}

const gaps = (times: readonly number[]): readonly number[] =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0));

describe('a tunnel that cannot be opened', () => {
  it('is tried again within two seconds for as long as the server is away', async () => {
    const times = await attempts(new TransientError('connection refused'), 120_000);
    expect(times.length).toBeGreaterThan(60);
    expect(Math.max(...gaps(times))).toBeLessThanOrEqual(1_500);
  });

  it('is tried less and less often when the server says no', async () => {
    const times = await attempts(failure(403, 'Forbidden', 'not this node'), 120_000);
    expect(times.length).toBeLessThan(20);
    expect(Math.max(...gaps(times))).toBeGreaterThan(7_000);
  });
});
