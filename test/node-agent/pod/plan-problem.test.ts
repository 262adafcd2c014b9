import { describe, expect, it } from 'vitest';
import {
  isExpected,
  planPullProblem,
  planStepProblem,
  type StepFailure,
} from '../../../src/node-agent/pod/plan-problem.ts';
import { StepProblem } from '../../../src/node-agent/ports.ts';
import { RuntimeError } from '../../../src/node-agent/runtime/types.ts';

const plan = (failure: Partial<StepFailure>) =>
  planStepProblem({
    step: 'start-container',
    subject: 'main',
    error: new StepProblem('CreateContainerConfigError', 'no such key'),
    before: undefined,
    nowMs: 1_000,
    ...failure,
  });
const before = (failures: number) => ({ reason: 'x', message: 'y', failures, retryAtMs: 0 });

describe('a step that failed', () => {
  it.each<[string, Partial<StepFailure>, string, readonly number[]]>([
    ['what only users can mend, as slowly as restarts', {}, 'CreateContainerConfigError', [10_000, 20_000]],
    [
      'a volume that is not there yet, soon',
      { step: 'ensure-volumes', subject: '', error: new StepProblem('FailedMount', 'no such secret') },
      'FailedMount',
      [500, 1_000],
    ],
    [
      'trouble of the engine, soon',
      { error: new RuntimeError('unavailable', 'no answer') },
      'CreateContainerError',
      [500, 1_000],
    ],
    [
      "the pod's own sandbox",
      { step: 'start-sandbox', subject: '', error: new RuntimeError('invalid', 'no') },
      'FailedCreatePodSandBox',
      [500, 1_000],
    ],
  ])('tries again %s', (_, failure, reason, delays) => {
    for (const [index, delayMs] of delays.entries()) {
      const failed = index === 0 ? undefined : before(index);
      expect(plan({ ...failure, before: failed })).toMatchObject({
        reason,
        failures: index + 1,
        retryAtMs: 1_000 + delayMs,
      });
    }
  });

  it('is expected of engines and users, and a bug otherwise', () => {
    expect(isExpected(new RuntimeError('conflict', ''))).toBe(true);
    expect(isExpected(new TypeError('x is undefined'))).toBe(false);
  });
});

describe('a pull that failed', () => {
  const result = { ok: false, message: 'no such image' } as const;
  it.each([
    ['is shown for a moment before its back-off', { ...result, reason: 'ErrImagePull' } as const, 2_000],
    [
      'waits as long as the back-off says',
      { ...result, reason: 'ImagePullBackOff', retryAfterMs: 30_000 } as const,
      31_000,
    ],
    [
      'waits for a change of the pod where nothing else can help',
      { ...result, reason: 'ErrImageNeverPull' } as const,
      Number.POSITIVE_INFINITY,
    ],
  ])('%s', (_, failure, retryAtMs) => {
    expect(planPullProblem(failure, before(2), 1_000)).toEqual({
      reason: failure.reason,
      message: 'no such image',
      failures: 3,
      retryAtMs,
    });
  });
});
