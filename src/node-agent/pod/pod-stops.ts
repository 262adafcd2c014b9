/**
 * Executes the ends of a pod's containers: preStop hook, stop, SIGKILL. The hook and the stop run
 * beside the pod's loop, and end in data for the next plan (plan-stop.ts).
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { StepProblem } from '../ports.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { failureWords } from './failure-words.ts';
import type { PodProblems } from './pod-problems.ts';
import { type StepOf, type StopStep, subjectOf } from './pod-step.ts';
import {
  type PlannedContainer,
  type Stopping,
  type StopReason,
  stopSubject,
  type TellPodEvent,
} from './pod-view.ts';

export interface PodStopsOptions {
  readonly runtime: Pick<ContainerRuntime, 'stop' | 'kill'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly problems: Pick<PodProblems, 'fail' | 'over'>;
  readonly event: TellPodEvent;
  runHook(item: PlannedContainer, containerId: string, timeoutMs: number): Promise<void>;
  /** The pod's policy restarts the container after a failure. */
  willRestart(item: PlannedContainer): boolean;
  refresh(containerId: string): Promise<unknown>;
}

export interface PodStops {
  /** By container id. */
  readonly all: ReadonlyMap<string, Stopping>;
  runPreStop(step: StepOf<'run-pre-stop'>): Promise<void>;
  stop(step: StepOf<'stop-container'>): Promise<void>;
  kill(step: StepOf<'kill-container'>): Promise<void>;
  forget(containerId: string): void;
}

export function createPodStops(options: PodStopsOptions): PodStops {
  const { runtime, clock, event, problems } = options;
  const all = new Map<string, Stopping>();

  function enter(phase: Stopping['phase'], { record, container, reason, deadlineMs }: StopStep): void {
    if (!all.has(record.id) && container) {
      const message = killingMessage(container, reason, options.willRestart(container));
      event(container, 'Normal', 'Killing', message);
    }
    all.set(record.id, { container, reason, deadlineMs, phase });
  }

  function leave(phase: Stopping['phase'], id: string): void {
    const current = all.get(id);
    if (current?.phase === phase) all.set(id, { ...current, phase: 'idle' });
  }

  function forget(id: string): void {
    all.delete(id);
    problems.over(stopSubject(id));
  }

  return {
    all,
    forget,
    async runPreStop(step) {
      const { container, record, deadlineMs } = step;
      enter('hook', step);
      try {
        await options.runHook(container, record.id, deadlineMs - clock.now());
      } catch (error) {
        event(container, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${failureWords(error)}`);
      }
      leave('hook', record.id);
    },
    async stop(step) {
      const { id } = step.record;
      enter('asked', step);
      try {
        await runtime.stop(id, step.graceSeconds);
      } catch (error) {
        problems.fail(step.type, subjectOf(step), killProblem(step, error));
        return leave('asked', id);
      }
      // Until its end is seen, the plan must not stop it again.
      await options.refresh(id).catch((error: unknown) => {
        const why = { container: id, error: failureWords(error) };
        options.logger.warn(why, 'Cannot inspect a stopped container');
      });
      forget(id);
    },
    async kill(step) {
      const { id } = step.record;
      try {
        await runtime.kill(id, 'SIGKILL');
      } catch (error) {
        throw killProblem(step, error);
      }
      const current = all.get(id);
      if (current) all.set(id, { ...current, deadlineMs: step.deadlineMs });
    },
  };
}

/** kubelet's words. */
function killProblem({ record, container }: StopStep, error: unknown): StepProblem {
  const name = container?.container.name ?? record.id;
  const words = JSON.stringify(failureWords(error));
  const message = `failed to "KillContainer" for "${name}" with KillContainerError: ${words}`;
  return new StepProblem('FailedKillPod', message, { cause: error });
}

/** kubelet's words. They promise a restart where the policy wants one, except for sidecars. */
function killingMessage(
  { container: { name }, role }: PlannedContainer,
  reason: StopReason,
  willRestart: boolean,
): string {
  const what = role === 'main' ? 'Container' : 'Init container';
  const then = role === 'main' && (willRestart || reason === 'spec-changed') ? ', will be restarted' : '';
  if (reason === 'post-start-hook') return 'FailedPostStartHook';
  const why = FAULTS[reason];
  return why === undefined ? `Stopping container ${name}` : `${what} ${name} ${why}${then}`;
}

/** The reasons for which the container itself is to blame, or its new definition. */
const FAULTS: Partial<Record<StopReason, string>> = {
  'liveness-probe': 'failed liveness probe',
  'startup-probe': 'failed startup probe',
  'spec-changed': 'definition changed',
};
