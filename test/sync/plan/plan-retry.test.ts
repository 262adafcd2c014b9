import { describe, expect, it } from 'vitest';
import type { Application } from '../../../src/schemas/types.ts';
import {
  defaultRetryPolicy,
  nextTryMs,
  parseDuration,
  retryPolicyOf,
} from '../../../src/sync/plan/plan-retry.ts';
import { rootApplication } from '../../../src/sync/root-application.ts';

const withRetry = (retry: NonNullable<Application['spec']['syncPolicy']>['retry']): Application => {
  const root = rootApplication({ repoURL: 'https://git.example/a/b.git' });
  return { ...root, spec: { ...root.spec, syncPolicy: { ...(retry ? { retry } : {}) } } };
};

describe('the retry policy', () => {
  it('is Argo CD’s when nothing is said', () => {
    expect(retryPolicyOf(withRetry(undefined))).toEqual(defaultRetryPolicy);
  });

  it('backs off up to its longest wait, and ends at its limit', () => {
    const policy = retryPolicyOf(
      withRetry({ limit: 3, backoff: { duration: '10s', factor: 3, maxDuration: '1m' } }),
    );
    expect([1, 2, 3, 4].map((failures) => nextTryMs(policy, failures, 0))).toEqual([
      10_000,
      30_000,
      60_000,
      undefined,
    ]);
    expect(nextTryMs(retryPolicyOf(withRetry({ limit: -1 })), 1_000, 0)).toBe(180_000);
    expect(nextTryMs(retryPolicyOf(withRetry({ limit: 0 })), 1, 0)).toBeUndefined();
  });

  it.each([
    ['5', 5_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['', undefined],
    ['soon', undefined],
  ])('reads %j', (text, ms) => expect(parseDuration(text)).toBe(ms));
});
