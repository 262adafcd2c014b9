import { expect, it } from 'vitest';
import { type Pings, silenceMs, withPing } from '../../../src/node-agent/tunnel/plan-tunnel-silence.ts';

it.each([
  ['nothing is known of the rate', [], 45_000],
  ['the server asks every second', [1_000, 2_000, 3_000], 5_000],
  ['the server asks every two seconds', [2_000, 4_000], 8_000],
  ['the server asks rarely', [15_000], 45_000],
  ['one ping came late', [1_000, 2_000, 6_000], 16_000],
])('the patience when %s', (_, times, expected) => {
  let pings: Pings = { lastMs: 0, longestGapMs: 0 };
  for (const time of times) pings = withPing(pings, time);
  expect(silenceMs(pings)).toBe(expected);
});
