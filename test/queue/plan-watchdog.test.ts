import { describe, expect, it } from 'vitest';
import { INITIAL_WATCHDOG, planWatchdog, type WorkerObservation } from '../../src/queue/plan-watchdog.ts';

const STUCK_AFTER_MS = 30;
const idle: WorkerObservation = { nowMs: 0, concurrency: 2, active: 0, started: 0, waiting: 5 };

/** The verdicts on a series of observations. */
function verdicts(...observations: readonly Partial<WorkerObservation>[]): readonly string[] {
  let state = INITIAL_WATCHDOG;
  return observations.map((observation) => {
    const plan = planWatchdog(state, { ...idle, ...observation }, STUCK_AFTER_MS);
    state = plan.state;
    return plan.verdict;
  });
}

describe('the watchdog', () => {
  it('calls a worker stuck that starts nothing for long enough though jobs wait', () => {
    expect(verdicts({ nowMs: 0 }, { nowMs: 29 }, { nowMs: 30 })).toEqual(['suspect', 'suspect', 'stuck']);
  });

  it('gives the next worker as much time', () => {
    expect(verdicts({ nowMs: 0 }, { nowMs: 30 }, { nowMs: 59 }, { nowMs: 60 })).toEqual([
      'suspect',
      'stuck',
      'suspect',
      'stuck',
    ]);
  });

  it('begins anew with every job that is started', () => {
    expect(verdicts({ nowMs: 0 }, { nowMs: 20, started: 1 }, { nowMs: 40, started: 1 })).toEqual([
      'suspect',
      'well',
      'suspect',
    ]);
  });

  it('leaves a worker alone that is busy or has nothing to do', () => {
    expect(verdicts({ active: 2 }, { nowMs: 100, active: 2 })).toEqual(['well', 'well']);
    expect(verdicts({ waiting: 0 }, { nowMs: 100, waiting: 0 })).toEqual(['well', 'well']);
  });

  it('suspects a worker that is busy with less than it could be', () => {
    expect(verdicts({ active: 1 }, { nowMs: 30, active: 1 })).toEqual(['suspect', 'stuck']);
  });
});
