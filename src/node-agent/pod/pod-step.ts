/** The steps that a pod's worker can take. Plain data: every reason and every time is decided. */
import type { ContainerRecord, SandboxRecord } from '../runtime/types.ts';
import { CLEANUP, type PlannedContainer, type PodVerdict, type StopReason, stopSubject } from './pod-view.ts';

/** One part of a container's end: its hook, SIGTERM, SIGKILL. */
export interface StopStep {
  readonly record: ContainerRecord;
  readonly container: PlannedContainer | undefined;
  readonly reason: StopReason;
  /** When SIGKILL is due. */
  readonly deadlineMs: number;
}

export type PodStep =
  | { readonly type: 'set-verdict'; readonly verdict: PodVerdict }
  | { readonly type: 'allocate-ip' }
  | { readonly type: 'release-ip' }
  /** The engine refused the address: the pod takes another one. */
  | { readonly type: 'replace-ip' }
  | { readonly type: 'ensure-volumes' }
  | { readonly type: 'pull-image'; readonly container: PlannedContainer }
  | { readonly type: 'start-sandbox'; readonly attempt: number }
  | { readonly type: 'stop-sandbox'; readonly id: string }
  | { readonly type: 'remove-sandbox'; readonly id: string }
  | {
      readonly type: 'start-container';
      readonly container: PlannedContainer;
      readonly attempt: number;
      readonly backoffLevel: number;
      readonly sandbox: SandboxRecord;
    }
  | { readonly type: 'run-post-start'; readonly container: PlannedContainer; readonly containerId: string }
  | ({ readonly type: 'run-pre-stop'; readonly container: PlannedContainer } & StopStep)
  | ({ readonly type: 'stop-container'; readonly graceSeconds: number } & StopStep)
  | ({ readonly type: 'kill-container' } & StopStep)
  | { readonly type: 'remove-container'; readonly record: ContainerRecord }
  | { readonly type: 'write-final-status' }
  | { readonly type: 'tear-down' }
  | { readonly type: 'wait'; readonly untilMs: number | undefined };

export type PodAction = Exclude<PodStep, { type: 'wait' }>;
export type StepOf<Type extends PodStep['type']> = Extract<PodStep, { type: Type }>;

/** Waits for the first of these times, or for news. */
export const waitFor = (timers: readonly number[] = []): PodStep => ({
  type: 'wait',
  untilMs: timers.length > 0 ? Math.min(...timers) : undefined,
});

/** The key of a step's problem: a container's name, or `''` for the pod. */
export function subjectOf(step: PodStep): string {
  switch (step.type) {
    case 'stop-sandbox':
    case 'remove-sandbox':
    case 'remove-container':
    case 'write-final-status':
    case 'tear-down':
      // Cleaning up fails apart from starting, and neither holds up the other.
      return CLEANUP;
    case 'kill-container':
    case 'stop-container':
      return stopSubject(step.record.id);
    case 'start-container':
    case 'pull-image':
      return step.container.container.name;
    default:
      return '';
  }
}
