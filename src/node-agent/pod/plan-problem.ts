/** The problem that a failed step leaves, the time of its next try, and its event. Pure. */
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { TransientError } from '../../base/errors.ts';
import type { ImageResult } from '../images/types.ts';
import { failureWords } from './failure-words.ts';
import { StepProblem } from '../ports.ts';
import { RuntimeError, type RuntimeErrorCode } from '../runtime/types.ts';
import type { PodStep } from './pod-step.ts';
import { RESTART_BACKOFF } from './plan-restart.ts';
import { CLEANUP, type Problem } from './pod-view.ts';

/** Failures of the engine itself: the first retry comes quickly. */
const TRANSIENT_RETRY = { initialMs: 500, maxMs: 30_000, factor: 2 };
/** A volume's source is often made a moment later, as in a new namespace. Kubelet's. */
const MOUNT_BACKOFF = { initialMs: 500, maxMs: 122_000, factor: 2 };
/** How long a fresh pull error is shown before the back-off is. */
const SHOW_PULL_ERROR_MS = 1_000;
const PASSING: ReadonlySet<RuntimeErrorCode> = new Set([
  'transient',
  'unavailable',
  'conflict',
  'network',
  'address',
]);
/** The back-off of failures that last, by step. */
const LASTING: Partial<Record<PodStep['type'], BackoffPolicy>> = {
  'ensure-volumes': MOUNT_BACKOFF,
  // A container that does not end holds up its pod: it is tried often.
  'stop-container': TRANSIENT_RETRY,
  'kill-container': TRANSIENT_RETRY,
};

export interface StepFailure {
  readonly step: PodStep['type'];
  /** As `subjectOf` has it. */
  readonly subject: string;
  readonly error: unknown;
  readonly before: Problem | undefined;
  readonly nowMs: number;
  /** In [0, 1): pods that failed together do not come back together. */
  readonly jitter?: number;
  readonly ip?: string | undefined;
}

/** A delay is lengthened by at most this share of it. */
const JITTER = 0.2;

export function planStepProblem(failure: StepFailure): Problem {
  const { step, error, before, nowMs, jitter = 0 } = failure;
  const failures = (before?.failures ?? 0) + 1;
  const engine = engineError(error);
  const passes = engine !== undefined && PASSING.has(engine.code);
  const lasting = LASTING[step] ?? RESTART_BACKOFF;
  const backoff = passes || !(error instanceof StepProblem) ? TRANSIENT_RETRY : lasting;
  return {
    reason: reasonOf(failure),
    message: failureWords(error),
    failures,
    retryAtMs: nowMs + Math.round(backoffDelayMs(backoff, failures) * (1 + JITTER * jitter)),
    ...(engine?.code === 'address' ? { refusedIp: failure.ip } : {}),
  };
}

/** The engine refused the network or the address, and no attempt at the container was made. */
export const isOfNetwork = (error: unknown): boolean =>
  error instanceof RuntimeError && (error.code === 'network' || error.code === 'address');

/** The engine's error, also where the step has given it a reason. */
function engineError(error: unknown): RuntimeError | undefined {
  const root = error instanceof StepProblem ? error.cause : error;
  return root instanceof RuntimeError ? root : undefined;
}

function reasonOf({ step, subject, error }: StepFailure): string {
  // A container may bring its sandbox's network. To the user that is the pod's.
  if (isOfNetwork(engineError(error))) return 'FailedCreatePodSandBox';
  if (error instanceof StepProblem) return error.reason;
  if (subject === CLEANUP) return 'FailedKillPod';
  if (step === 'ensure-volumes') return 'FailedMount';
  if (step === 'pull-image') return 'ErrImagePull';
  return subject === '' ? 'FailedCreatePodSandBox' : 'CreateContainerError';
}

export interface FailureEvent {
  readonly reason: string;
  readonly message: string;
  /** About the pod as a whole, not about its container. */
  readonly isOfPod: boolean;
}

const SANDBOX_FAILED = 'Failed to create pod sandbox: ';

/** The event of a failed step, in kubelet's words. An API that does not answer takes no event. */
export function planFailureEvent(step: PodStep['type'], problem: Problem): FailureEvent | undefined {
  const { reason, message } = problem;
  if (step === 'write-final-status') return undefined;
  if (reason === 'FailedCreatePodSandBox') {
    const isSaid = message.startsWith(SANDBOX_FAILED);
    return { reason, message: isSaid ? message : SANDBOX_FAILED + message, isOfPod: true };
  }
  if (reason === 'FailedKillPod') return { reason, message: `error killing pod: ${message}`, isOfPod: true };
  if (step === 'start-container' || step === 'pull-image') {
    return { reason: 'Failed', message: `Error: ${message}`, isOfPod: false };
  }
  // The status shows a volume that can never be mounted as a container's configuration.
  const isOfVolume = step === 'ensure-volumes' && reason === 'CreateContainerConfigError';
  return { reason: isOfVolume ? 'FailedMount' : reason, message, isOfPod: true };
}

/** Whether a failure is of a kind that happens; any other is a bug. */
export const isExpected = (error: unknown): boolean =>
  error instanceof StepProblem || error instanceof RuntimeError || error instanceof TransientError;

/** A result without a time waits for a change of the pod. */
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
