import { describe, expect, it } from 'vitest';
import { planRebuild, type RebuildObservation } from '../../../src/server/history/plan-rebuild.ts';

const limits = { settleMs: 1_000, unknownMs: 6_000, patienceMs: 10_000 };
const base: RebuildObservation = {
  nowMs: 5_000,
  startedAtMs: 0,
  expectedNodes: ['a', 'b'],
  presentNodes: new Set(['a', 'b']),
  lastChangeMs: 4_000,
};

describe('planRebuild', () => {
  it('is done when every node is back and nothing more has come for a while', () => {
    expect(planRebuild(base, limits)).toEqual({ done: true, missing: [] });
  });

  it('waits while things still come', () => {
    expect(planRebuild({ ...base, lastChangeMs: 4_001 }, limits).done).toBe(false);
  });

  it('waits for nodes that were there before', () => {
    const verdict = planRebuild({ ...base, presentNodes: new Set(['a']) }, limits);
    expect(verdict).toEqual({ done: false, missing: ['b'] });
  });

  it('does not wait for ever, and says who is missing', () => {
    const verdict = planRebuild(
      { ...base, nowMs: 10_000, lastChangeMs: 9_999, presentNodes: new Set(['a']) },
      limits,
    );
    expect(verdict).toEqual({ done: true, missing: ['b'] });
  });

  it('waits for agents that nobody remembers, and then for what they bring', () => {
    const unknown = { ...base, expectedNodes: undefined };
    expect(planRebuild({ ...unknown, nowMs: 5_999 }, limits).done).toBe(false);
    expect(planRebuild({ ...unknown, nowMs: 6_000 }, limits).done).toBe(true);
    expect(planRebuild({ ...unknown, nowMs: 6_000, lastChangeMs: 5_500 }, limits).done).toBe(false);
  });

  it('ends soon where it is known that there was no node', () => {
    const empty = { ...base, expectedNodes: [], presentNodes: new Set<string>(), lastChangeMs: 0 };
    expect(planRebuild({ ...empty, nowMs: 999 }, limits).done).toBe(false);
    expect(planRebuild({ ...empty, nowMs: 1_000 }, limits).done).toBe(true);
  });
});
