/**
 * The next step of one pod. Pure. The pod worker executes the step, observes again and asks again,
 * so a step that is lost, repeated or half done leads to the same state. All retries and back-off
 * are decided here and in plan-starts.ts, plan-running.ts, plan-stop.ts and plan-ending.ts.
 *
 * Invariant 4: a container starts only if no attempt of its name is alive. The attempt's number
 * determines its name, so a second start finds the first one's container.
 */
import { isTerminal } from '../../schemas/pods/pod-phase.ts';
import { planEnding, planOver } from './plan-ending.ts';
import { activeDeadlineMs, planRunning } from './plan-running.ts';
import { continueStops } from './plan-stop.ts';
import type { PodStep } from './pod-step.ts';
import type { PodVerdict, PodView } from './pod-view.ts';

export function planPodStep(view: PodView): PodStep {
  /** When the plan may change without news. */
  const timers: number[] = [];
  const stop = continueStops(view, timers);
  if (stop) return stop;
  if (view.endingSinceMs !== undefined) return planEnding(view, timers);
  const isOver = view.verdict !== undefined || isTerminal(view.pod.status);
  if (isOver) return planOver(view, timers);
  const verdict = planVerdict(view);
  return verdict ? { type: 'set-verdict', verdict } : planRunning(view, timers);
}

/** activeDeadlineSeconds is the only end that time alone decides. */
function planVerdict(view: PodView): PodVerdict | undefined {
  const deadlineMs = activeDeadlineMs(view);
  if (deadlineMs === undefined || view.nowMs < deadlineMs) return undefined;
  const message = 'Pod was active on the node longer than the specified deadline';
  return { reason: 'DeadlineExceeded', message };
}
