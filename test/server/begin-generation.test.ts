/** A control plane starts while others start. */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { beginGeneration, type BeginOptions, MAX_LOST_RACES } from '../../src/server/begin-generation.ts';
import { EpochChanged, StoreUnavailable } from '../../src/store/types.ts';
import { createFakeClock } from '../support/fake-clock.ts';

function harness(outcomes: readonly (Error | 'started')[], options: Partial<BeginOptions> = {}) {
  const clock = createFakeClock();
  let attempts = 0;
  const result = beginGeneration(
    async () => {
      const outcome = outcomes[Math.min(attempts, outcomes.length - 1)];
      attempts += 1;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    {
      clock,
      rng: seededRng(1),
      logger: silentLogger,
      patience: 'first',
      signal: new AbortController().signal,
      ...options,
    },
  );
  result.catch(() => undefined);
  return { clock, result, attempts: () => attempts };
}
const lost = new EpochChanged('somebody was faster');
const away = new StoreUnavailable('connection refused');

describe('the start of a generation', () => {
  it('is tried again where another control plane was faster', async () => {
    const { clock, result } = harness([lost, lost, 'started']);
    await clock.advance(5_000);
    expect(await result).toBe('started');
  });

  it('is given up where that never ends', async () => {
    const { clock, result, attempts } = harness([lost]);
    await clock.advance(120_000);
    await expect(result).rejects.toBe(lost);
    expect(attempts()).toBe(MAX_LOST_RACES);
  });

  it('fails at once on a first start without a store, and waits for the store later', async () => {
    await expect(harness([away]).result).rejects.toBe(away);
    const later = harness([...Array.from({ length: 40 }, () => away), 'started'], { patience: 'later' });
    await later.clock.advance(120_000);
    expect(await later.result).toBe('started');
  });

  it('ends with the process', async () => {
    const stop = new AbortController();
    const { clock, result } = harness([away], { patience: 'later', signal: stop.signal });
    await clock.advance(1_000);
    stop.abort();
    await clock.advance(5_000);
    await expect(result).rejects.toBe(away);
  });

  it('does not repeat what is wrong for good', async () => {
    const { result, attempts } = harness([new Error('a bug')]);
    await expect(result).rejects.toThrow('a bug');
    expect(attempts()).toBe(1);
  });
});
