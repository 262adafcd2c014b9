/** What people are told of a step that failed, and when it is tried again. Pure. */
import { backoffDelayMs } from '../../base/backoff.ts';
import { errorMessage } from '../../base/errors.ts';
import type { ImageResult } from '../images/create-image-manager.ts';
import { StepProblem } from '../ports.ts';
import { RuntimeError, type RuntimeErrorCode } from '../runtime/types.ts';
import type { PodStep } from './plan-pod-step.ts';
import { RESTART_BACKOFF } from './plan-restart.ts';
import type { Problem } from './pod-view.ts';

/** Of the engine's own troubles the first retry comes quickly. */
const TRANSIENT_RETRY = { initialMs: 500, maxMs: 30_000, factor: 2 };
/** What a volume waits for is often made a moment later (a new namespace's ConfigMap); upstream's. */
const MOUNT_BACKOFF = { initialMs: 500, maxMs: 122_000, factor: 2 };
/** How long a fresh pull error is shown before the back-off is. */
const SHOW_PULL_ERROR_MS = 1_000;
const PASSING: ReadonlySet<RuntimeErrorCode> = new Set(['transient', 'unavailable', 'conflict']);

export interface StepFailure {
  readonly step: PodStep['type'];
  /** As `subjectOf` has it. */
  readonly subject: string;
  readonly error: unknown;
  readonly before: Problem | undefined;
  readonly nowMs: number;
  /** In [0, 1): pods that failed together do not come back together. */
  readonly jitter?: number;
}

/** A delay is lengthened by at most this share of it. */
const JITTER = 0.2;

export function planStepProblem(failure: StepFailure): Problem {
  const { step, subject, error, before, nowMs, jitter = 0 } = failure;
  const failures = (before?.failures ?? 0) + 1;
  const passes = error instanceof RuntimeError && PASSING.has(error.code);
  const lasting = step === 'ensure-volumes' ? MOUNT_BACKOFF : RESTART_BACKOFF;
  const backoff = passes || !(error instanceof StepProblem) ? TRANSIENT_RETRY : lasting;
  return {
    reason: reasonOf(error, subject),
    message: errorMessage(error),
    failures,
    retryAtMs: nowMs + Math.round(backoffDelayMs(backoff, failures) * (1 + JITTER * jitter)),
  };
}

function reasonOf(error: unknown, subject: string): string {
  if (error instanceof StepProblem) return error.reason;
  return subject === '' ? 'FailedCreatePodSandBox' : 'CreateContainerError';
}

/** Whether a failure is of a kind that happens; any other is a bug. */
export const isExpected = (error: unknown): boolean =>
  error instanceof StepProblem || error instanceof RuntimeError;

/** The image manager turns a fresh failure into a back-off when it is asked again; without a time only the user can help. */
export function planPullProblem(
  { reason, message, retryAfterMs }: Extract<ImageResult, { ok: false }>,
  before: Problem | undefined,
  nowMs: number,
): Problem {
  const delayMs = reason === 'ErrImagePull' ? SHOW_PULL_ERROR_MS : retryAfterMs;
  return {
    reason,
    message,
    failures: (before?.failures ?? 0) + 1,
    retryAtMs: delayMs === undefined ? Number.POSITIVE_INFINITY : nowMs + delayMs,
  };
}
