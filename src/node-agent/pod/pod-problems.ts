/** The failed steps of one pod. Each is logged, gets an event, and is kept until it succeeds. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rng } from '../../base/rng.ts';
import type { ImageResult } from '../images/types.ts';
import { StepProblem } from '../ports.ts';
import type { PodState } from './pod-state.ts';
import type { PodStep } from './pod-step.ts';
import { isExpected, planFailureEvent, planPullProblem, planStepProblem } from './plan-problem.ts';
import { CLEANUP, containersOf, type PodView, type Problem, type TellPodEvent } from './pod-view.ts';

export interface PodProblemsOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly event: TellPodEvent;
  /** Failures after its abort are not reported. */
  readonly signal: AbortSignal;
  readonly state: Pick<PodState, 'pod' | 'ip'>;
}

export interface PodProblems {
  readonly all: PodView['problems'];
  fail(step: PodStep['type'], subject: string, error: unknown): void;
  notePull(container: string, result: ImageResult): void;
  over(subject: string, step?: PodStep['type']): void;
  /** Forgets the pod's own failures: it may go on at once. */
  retryPod(): void;
  clear(): void;
}

export function createPodProblems(options: PodProblemsOptions): PodProblems {
  const { clock, logger, event, state } = options;
  const problems = new Map<string, Problem>();

  function tell(step: PodStep['type'], subject: string, problem: Problem, error: unknown): void {
    const told = planFailureEvent(step, problem);
    if (!told) return;
    const item = told.isOfPod
      ? undefined
      : containersOf(state.pod).find(({ container }) => container.name === subject);
    const also = error instanceof StepProblem ? error.also : [];
    for (const message of [told.message, ...also]) event(item, 'Warning', told.reason, message);
  }

  return {
    all: problems,
    fail(step, subject, error) {
      if (options.signal.aborted) return;
      const before = problems.get(subject);
      const [nowMs, jitter] = [clock.now(), options.rng.next()];
      const problem = planStepProblem({ step, subject, error, before, nowMs, jitter, ip: state.ip });
      problems.set(subject, problem);
      tell(step, subject, problem, error);
      const { failures, message } = problem;
      const isBug = !isExpected(error);
      // The event counts repetitions.
      const level = isBug ? 'error' : before?.message === message ? 'debug' : 'info';
      logger[level]({ step, error: isBug ? error : message, failures }, 'Step failed, will try again');
    },
    notePull(name, result) {
      if (result.ok) problems.delete(name);
      else problems.set(name, planPullProblem(result, problems.get(name), clock.now()));
    },
    over(subject, step) {
      // The back-off goes on with the next address, until the sandbox has started.
      const isRefused = problems.get(subject)?.refusedIp !== undefined;
      if (!isRefused || (step !== 'allocate-ip' && step !== 'ensure-volumes')) problems.delete(subject);
    },
    retryPod() {
      // A container may bring the pod's network, and waits for it.
      for (const [subject, { reason }] of problems)
        if (subject === '' || subject === CLEANUP || reason === 'FailedCreatePodSandBox')
          problems.delete(subject);
    },
    clear: () => problems.clear(),
  };
}
