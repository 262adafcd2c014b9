import { describe, expect, it } from 'vitest';
import {
  type CommitStatusInput,
  defaultCommitStatusLimits,
  planCommitStatus,
  truncateText,
} from '../../../src/sync/status/plan-commit-status.ts';

const SHA = 'a'.repeat(40);
const { stabilityWindowMs, failureGraceMs, progressDeadlineMs } = defaultCommitStatusLimits;
const input = (
  over: Partial<Omit<CommitStatusInput, 'times'>> & { times?: Partial<CommitStatusInput['times']> },
): CommitStatusInput => ({
  sha: SHA,
  nowMs: 1_000_000,
  problem: undefined,
  obstacle: undefined,
  applied: true,
  health: 'Progressing',
  cause: undefined,
  summary: '3 objects healthy',
  previous: undefined,
  limits: defaultCommitStatusLimits,
  ...over,
  times: {
    startedMs: 1_000_000,
    healthySinceMs: undefined,
    failingSinceMs: undefined,
    lastHealthyMs: undefined,
    ...over.times,
  },
});
const state = (over: Parameters<typeof input>[0]): string => planCommitStatus(input(over)).status.state;
const said = (what: 'success' | 'failure' | 'pending') => ({ sha: SHA, state: what, description: 'as said' });

describe('the status of a commit', () => {
  it.each([
    ['pending before it is applied', { applied: false }, 'pending'],
    ['failure when it cannot be applied', { applied: false, problem: 'a.yaml:3: wrong' }, 'failure'],
    ['pending while it progresses', {}, 'pending'],
    [
      'pending when it just became healthy',
      { health: 'Healthy', times: { healthySinceMs: 999_999 } },
      'pending',
    ],
    [
      'success after the stability window',
      { health: 'Healthy', times: { healthySinceMs: 1_000_000 - stabilityWindowMs } },
      'success',
    ],
    ['pending right after a crash', { health: 'Degraded', times: { failingSinceMs: 999_999 } }, 'pending'],
    [
      'failure when the crash lasts',
      { health: 'Degraded', times: { failingSinceMs: 1_000_000 - failureGraceMs } },
      'failure',
    ],
    ['failure past the deadline', { times: { startedMs: 1_000_000 - progressDeadlineMs } }, 'failure'],
    ['success while a pod moves', { previous: said('success') }, 'success'],
    [
      'failure when it degrades after a success',
      { previous: said('success'), health: 'Degraded', times: { failingSinceMs: 0 } },
      'failure',
    ],
    ['failure between the crashes of a loop', { previous: said('failure') }, 'failure'],
    [
      'failure until it has proved stable again',
      { previous: said('failure'), health: 'Healthy', times: { healthySinceMs: 999_999 } },
      'failure',
    ],
    [
      'pending for a new commit after a failed one',
      { previous: { ...said('failure'), sha: 'b' } },
      'pending',
    ],
  ] as const)('is %s', (_name, over, expected) => {
    expect(state(over as never)).toBe(expected);
  });

  it('names the cause first and fits 140 code points', () => {
    const cause = `deployment/web: container api exited 137 (OOMKilled): ${'🔥'.repeat(200)}`;
    const { status } = planCommitStatus(input({ health: 'Degraded', cause, times: { failingSinceMs: 0 } }));
    expect(status.description.startsWith('deployment/web: container api exited 137')).toBe(true);
    expect(Array.from(status.description).length).toBe(140);
    expect(truncateText('a\n b', 140)).toBe('a b');
  });

  it('says when to look again', () => {
    expect(
      planCommitStatus(input({ health: 'Healthy', times: { healthySinceMs: 999_000 } })).recheckAfterMs,
    ).toBe(stabilityWindowMs - 1_000);
    expect(planCommitStatus(input({})).recheckAfterMs).toBe(progressDeadlineMs);
  });
});
