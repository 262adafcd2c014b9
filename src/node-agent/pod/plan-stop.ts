/**
 * The end of a container: preStop hook, SIGTERM, SIGKILL at the deadline, and another try after a
 * failure. Pure. An end that has begun keeps its deadline, unless an earlier one is asked for.
 */
import type { ContainerRecord } from '../runtime/types.ts';
import type { PodStep } from './pod-step.ts';
import { type PlannedContainer, type PodView, type StopReason, isLive, stopSubject } from './pod-view.ts';

export interface StopRequest {
  readonly record: ContainerRecord;
  readonly container: PlannedContainer | undefined;
  readonly reason: StopReason;
  readonly deadlineMs: number;
}

/** SIGKILL may be this late before it is sent again. */
const STOP_TOLERANCE_MS = 250;
/** The kubelet's minimum, for a container whose grace a late start or a hook has used up. */
const MINIMUM_GRACE_SECONDS = 2;

/**
 * The next step of a container's end. Undefined: it has to be waited for, until a timer at most.
 */
export function planStop(view: PodView, request: StopRequest, timers: number[]): PodStep | undefined {
  const { nowMs } = view;
  const { record, container, reason } = request;
  const current = view.stopping.get(record.id);
  const deadlineMs = Math.min(request.deadlineMs, current?.deadlineMs ?? request.deadlineMs);
  const step = { record, reason, deadlineMs };
  const until = (atMs: number): undefined => void timers.push(atMs);

  if (!current && hasPreStop(request) && deadlineMs > nowMs) {
    return { type: 'run-pre-stop', ...step, container: request.container };
  }
  if (current?.phase === 'hook' && deadlineMs > nowMs) return until(deadlineMs);
  const isAsked = current?.phase === 'asked';
  if (isAsked && deadlineMs >= current.deadlineMs - STOP_TOLERANCE_MS) return undefined;
  if (isAsked && deadlineMs > nowMs) return until(deadlineMs);
  const retryAtMs = view.problems.get(stopSubject(record.id))?.retryAtMs ?? nowMs;
  if (retryAtMs > nowMs) return until(retryAtMs);
  if (isAsked) return { type: 'kill-container', ...step, container };
  const graceSeconds = Math.max(Math.ceil((deadlineMs - nowMs) / 1_000), MINIMUM_GRACE_SECONDS);
  return { type: 'stop-container', ...step, container, graceSeconds };
}

const hasPreStop = (
  request: StopRequest,
): request is StopRequest & { readonly container: PlannedContainer } =>
  request.reason !== 'duplicate' && request.container?.container.lifecycle?.preStop !== undefined;

/** Ends that have begun go on, whatever else the pod does. */
export function continueStops(view: PodView, timers: number[]): PodStep | undefined {
  for (const record of view.records.filter(isLive)) {
    const current = view.stopping.get(record.id);
    const step = current && planStop(view, { ...current, record }, timers);
    if (step) return step;
  }
  return undefined;
}
