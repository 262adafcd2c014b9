/** Steps of one pod that failed: each is told as an event and in the log, and kept until it is over or tried again. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rng } from '../../base/rng.ts';
import type { ImageResult } from '../images/types.ts';
import { StepProblem } from '../ports.ts';
import type { PodStep } from './plan-pod-step.ts';
import { isExpected, planFailureEvent, planPullProblem, planStepProblem } from './plan-problem.ts';
import { CLEANUP, type PlannedContainer, type PodView, type Problem, type TellPodEvent } from './pod-view.ts';

export interface PodProblemsOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly event: TellPodEvent;
  /** Failures after its abort are the abort's. */
  readonly signal: AbortSignal;
  containers(): readonly PlannedContainer[];
}

export interface PodProblems {
  readonly all: PodView['problems'];
  fail(step: PodStep['type'], subject: string, error: unknown): void;
  notePull(container: string, result: ImageResult): void;
  over(subject: string): void;
  /** The pod as a whole may go on: its failures count no more. */
  retryPod(): void;
  clear(): void;
}

export function createPodProblems(options: PodProblemsOptions): PodProblems {
  const { clock, logger, event } = options;
  const problems = new Map<string, Problem>();

  function tell(step: PodStep['type'], subject: string, problem: Problem, error: unknown): void {
    const told = planFailureEvent(step, problem);
    if (!told) return;
    const item = told.isOfPod
      ? undefined
      : options.containers().find(({ container }) => container.name === subject);
    const also = error instanceof StepProblem ? error.also : [];
    for (const message of [told.message, ...also]) event(item, 'Warning', told.reason, message);
  }

  return {
    all: problems,
    fail(step, subject, error) {
      if (options.signal.aborted) return;
      const before = problems.get(subject);
      const [nowMs, jitter] = [clock.now(), options.rng.next()];
      const problem = planStepProblem({ step, subject, error, before, nowMs, jitter });
      problems.set(subject, problem);
      tell(step, subject, problem, error);
      const { failures, message } = problem;
      const isBug = !isExpected(error);
      // The same again is the event's to count.
      const level = isBug ? 'error' : before?.message === message ? 'debug' : 'info';
      logger[level]({ step, error: isBug ? error : message, failures }, 'Step failed, will try again');
    },
    notePull(name, result) {
      if (result.ok) problems.delete(name);
      else problems.set(name, planPullProblem(result, problems.get(name), clock.now()));
    },
    over: (subject) => void problems.delete(subject),
    retryPod() {
      // A lone container waits for the pod's network, too.
      for (const [subject, { reason }] of problems)
        if (subject === '' || subject === CLEANUP || reason === 'FailedCreatePodSandBox')
          problems.delete(subject);
    },
    clear: () => problems.clear(),
  };
}
