import { describe, expect, it } from 'vitest';
import { createRateLimits, defaultRequestLimits, rejectionOf } from '../../../src/api/http/rate-limits.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const user = (name: string, ...groups: string[]): { name: string; groups: string[] } => ({ name, groups });
const alice = user('alice', 'system:authenticated');
const admin = user('admin', 'system:masters');
const unknown = user('system:anonymous', 'system:unauthenticated');

/** How often in a row `task` is let through, up to `most`. */
function allowed(most: number, task: () => void): number {
  for (let count = 0; count < most; count += 1) {
    try {
      task();
    } catch (error) {
      expect(isStatusError(error, 'TooManyRequests')).toBe(true);
      return count;
    }
  }
  return most;
}

describe('the rate of one client', () => {
  const limits = { ...defaultRequestLimits, requestsPerSecond: 20 };

  it('is a bucket that fills again, and nobody else pays for it', async () => {
    const clock = createFakeClock();
    const rate = createRateLimits(limits, clock);
    expect(allowed(100, () => rate.checkRate(alice, '10.0.0.1'))).toBe(40);
    expect(allowed(100, () => rate.checkRate(user('bob'), '10.0.0.1'))).toBe(40);
    await clock.advance(500);
    expect(allowed(100, () => rate.checkRate(alice, '10.0.0.1'))).toBe(10);
    await clock.advance(60_000);
    expect(allowed(100, () => rate.checkRate(alice, '10.0.0.1'))).toBe(40);
  });

  it('counts the unknown by address, apart from a user of that name', () => {
    const rate = createRateLimits(limits, createFakeClock());
    expect(allowed(1_000, () => rate.checkRate(unknown, '10.0.0.1'))).toBe(200);
    expect(allowed(1_000, () => rate.checkRate(unknown, '10.0.0.2'))).toBe(200);
    expect(allowed(100, () => rate.checkRate(user('10.0.0.1'), '10.0.0.9'))).toBe(40);
  });

  it('leaves administrators alone and gives nodes much more', () => {
    const rate = createRateLimits(limits, createFakeClock());
    expect(allowed(1_000, () => rate.checkRate(admin, ''))).toBe(1_000);
    expect(allowed(1_000, () => rate.checkRate(user('system:node:a', 'system:nodes'), ''))).toBe(400);
  });

  it('says when to come again, and which limit it was', () => {
    const rate = createRateLimits({ ...limits, requestsPerSecond: 0.5 }, createFakeClock());
    rate.checkRate(alice, '');
    try {
      rate.checkRate(alice, '');
      expect.unreachable();
    } catch (error) {
      expect(rejectionOf(error)).toBe('rate');
      expect(error).toMatchObject({ status: { code: 429, details: { retryAfterSeconds: 1 } } });
    }
  });

  it('is bounded in memory: the longest silent are forgotten', () => {
    const rate = createRateLimits(limits, createFakeClock());
    for (let index = 0; index < 50_000; index += 1) rate.checkRate(user(`u${index}`), '');
    expect(allowed(100, () => rate.checkRate(user('u49999'), ''))).toBe(39);
    expect(allowed(100, () => rate.checkRate(user('u0'), ''))).toBe(40);
  });
});

it('an address may guess so often a minute', async () => {
  const clock = createFakeClock();
  const rate = createRateLimits({ ...defaultRequestLimits, failedLoginsPerMinute: 6 }, clock);
  expect(allowed(100, () => rate.failedLogin('10.0.0.1'))).toBe(6);
  expect(allowed(100, () => rate.failedLogin('10.0.0.2'))).toBe(6);
  await clock.advance(20_000);
  expect(allowed(100, () => rate.failedLogin('10.0.0.1'))).toBe(2);
});

it('reads and writes in flight have places of their own, and administrators always find one', () => {
  const rate = createRateLimits(
    { ...defaultRequestLimits, maxReadsInFlight: 2, maxWritesInFlight: 1 },
    createFakeClock(),
  );
  const first = rate.begin(alice, false);
  rate.begin(alice, false);
  expect(allowed(1, () => rate.begin(alice, false))).toBe(0);
  expect(allowed(2, () => rate.begin(alice, true))).toBe(1);
  rate.begin(admin, false);
  expect(rate.inFlight).toEqual({ reads: 3, writes: 1, unknown: 0 });
  first();
  first();
  expect(rate.inFlight.reads).toBe(2);
});

it('the unknown in flight take no place of those who are known, and nodes always find one', () => {
  const rate = createRateLimits(
    { ...defaultRequestLimits, maxWritesInFlight: 4, maxUnknownInFlight: 3 },
    createFakeClock(),
  );
  expect(allowed(10, () => rate.begin(unknown, true))).toBe(3);
  expect(allowed(10, () => rate.begin(unknown, false))).toBe(0);
  expect(allowed(10, () => rate.begin(alice, true))).toBe(3);
  expect(allowed(10, () => rate.begin(user('bob'), true))).toBe(1);
  expect(allowed(10, () => rate.begin(user('system:node:a', 'system:nodes'), true))).toBe(10);
});

it('one user leaves a quarter of the places to others, and gets all of theirs back', () => {
  const rate = createRateLimits({ ...defaultRequestLimits, maxReadsInFlight: 8 }, createFakeClock());
  const releases: (() => void)[] = [];
  expect(allowed(10, () => releases.push(rate.begin(alice, false)))).toBe(6);
  expect(allowed(10, () => rate.begin(user('bob'), false))).toBe(2);
  for (const release of releases) release();
  expect(allowed(10, () => rate.begin(alice, false))).toBe(6);
});
