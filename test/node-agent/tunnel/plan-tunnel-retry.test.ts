import { expect, it } from 'vitest';
import { planTunnelRetry, type TunnelEnd } from '../../../src/node-agent/tunnel/plan-tunnel-retry.ts';

const after = (type: TunnelEnd['type'], lastedMs: number, before = 0) =>
  planTunnelRetry(before, { type, lastedMs }, () => 1);

it.each([
  ['a renewed identity', after('renewed', 60_000, 3), { failures: 1, delayMs: 0, mustTell: false }],
  ['a good tunnel that ends', after('closed', 60_000, 3), { failures: 1, delayMs: 250, mustTell: false }],
  ['one that ends at once', after('closed', 10, 3), { failures: 4, delayMs: 1_500, mustTell: false }],
  [
    'an attempt that hung for long',
    after('failed', 60_000, 3),
    { failures: 4, delayMs: 1_500, mustTell: false },
  ],
  ['the eighth failure in a row', after('failed', 10, 7), { failures: 8, delayMs: 1_500, mustTell: true }],
  ['the ninth', after('failed', 10, 8), { failures: 9, delayMs: 1_500, mustTell: false }],
  ['a refusal', after('refused', 10, 3), { failures: 4, delayMs: 8_000, mustTell: false }],
])('plans what follows on %s', (_name, plan, expected) => {
  expect(plan).toEqual(expected);
});
