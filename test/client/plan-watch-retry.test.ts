import { expect, it } from 'vitest';
import { planWatchRetry, type WatchEnd } from '../../src/client/plan-watch-retry.ts';

const NO_JITTER = (): number => 0;
const after = (type: WatchEnd['type'], lastedMs: number, before = 0) =>
  planWatchRetry(before, { type, lastedMs }, NO_JITTER);

it.each([
  ['a list that is wanted', after('relist', 0, 3), { failures: 0, delayMs: 0 }],
  ['a watch that the server ended in time', after('ended', 300_000, 3), { failures: 0, delayMs: 0 }],
  ['a watch that ended at once', after('ended', 10), { failures: 1, delayMs: 250 }],
  ['the first version that is too old', after('expired', 10), { failures: 1, delayMs: 0 }],
  ['the second in a row', after('expired', 10, 1), { failures: 2, delayMs: 500 }],
  ['a failure after a good watch', after('failed', 5_000, 9), { failures: 1, delayMs: 250 }],
  ['a server that fails for long', after('failed', 10, 20), { failures: 21, delayMs: 4_000 }],
  ['a server that is away for long', after('unreachable', 10, 20), { failures: 21, delayMs: 1_000 }],
])('plans what follows on %s', (_name, plan, expected) => {
  expect(plan).toEqual(expected);
});

it('takes up to half of a delay away at random', () => {
  expect(planWatchRetry(0, { type: 'failed', lastedMs: 0 }, () => 1).delayMs).toBe(125);
});
