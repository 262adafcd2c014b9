import { describe, expect, it } from 'vitest';
import {
  type CommitStatusInput,
  defaultCommitStatusLimits,
  planCommitStatus,
  fitDescription,
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
    [
      'failure when it cannot be applied',
      { applied: false, problem: { text: 'a.yaml:3: wrong', more: 0 } },
      'failure',
    ],
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

  const failing = { health: 'Degraded' as const, times: { failingSinceMs: 0 } };

  it('keeps the object, the end of the cause, and the number of other ones', () => {
    const text = `deployment/web: container api cannot start: ${'🔥'.repeat(200)}: no such host`;
    const { description } = planCommitStatus(input({ ...failing, cause: { text, more: 2 } })).status;
    expect(description.startsWith('deployment/web: container api cannot start: ')).toBe(true);
    expect(description.endsWith('no such host (and 2 more)')).toBe(true);
    expect(Array.from(description).length).toBe(140);
    expect(fitDescription('a\n b')).toBe('a b');
  });

  it('names the first of many problems', () => {
    const problem = { text: 'a.yaml:3: wrong', more: 2 };
    const { status } = planCommitStatus(input({ applied: false, problem }));
    expect(status.description).toBe('a.yaml:3: wrong (and 2 more)');
  });

  it('leaves advice out before it cuts the cause', () => {
    const why = 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)';
    const text = `deployment/web: ${why}; to allow it, label the namespace: kubectl label ${'x'.repeat(80)}`;
    expect(planCommitStatus(input({ ...failing, cause: { text, more: 0 } })).status.description).toBe(
      `deployment/web: ${why}`,
    );
  });

  it('is not told anew because a counter counts', () => {
    const said = (times: number) => ({
      text: `pod/web: container web: Liveness probe failed: 500, restarted ${times} times`,
      more: 0,
    });
    const first = planCommitStatus(input({ ...failing, cause: said(2) })).status;
    const next = planCommitStatus(input({ ...failing, cause: said(3), previous: first })).status;
    expect(next).toEqual(first);
    const with5 = planCommitStatus(input({ ...failing, cause: { ...said(2), more: 5 } })).status;
    const of = (more: number): string =>
      planCommitStatus(input({ ...failing, cause: { ...said(2), more }, previous: with5 })).status
        .description;
    expect(of(6)).toBe(with5.description);
    expect(of(1)).toMatch(/ \(and 1 more\)$/);
    expect(of(0)).not.toMatch(/more/);
    const other = { text: 'pod/web: container web exited 1', more: 0 };
    expect(planCommitStatus(input({ ...failing, cause: other, previous: first })).status).not.toEqual(first);
  });

  it('says when to look again', () => {
    expect(
      planCommitStatus(input({ health: 'Healthy', times: { healthySinceMs: 999_000 } })).recheckAfterMs,
    ).toBe(stabilityWindowMs - 1_000);
    expect(planCommitStatus(input({})).recheckAfterMs).toBe(progressDeadlineMs);
  });
});
