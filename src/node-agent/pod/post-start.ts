/** The postStart hooks of one pod's containers. */
import { failureWords } from './failure-words.ts';
import type { HookState, PlannedContainer, TellPodEvent } from './pod-view.ts';

export interface PostStart {
  readonly all: ReadonlyMap<string, HookState>;
  expect(item: PlannedContainer, containerId: string): void;
  /** Reports `running` from the call on. */
  run(item: PlannedContainer, containerId: string): Promise<void>;
  forget(containerId: string): void;
}

/** Kubernetes has no time-out for postStart. Ours is a day. */
const POST_START_TIMEOUT_MS = 86_400_000;

export function createPostStart(
  event: TellPodEvent,
  runHook: (item: PlannedContainer, containerId: string, timeoutMs: number) => Promise<void>,
): PostStart {
  const all = new Map<string, HookState>();
  return {
    all,
    expect({ container }, id) {
      if (container.lifecycle?.postStart) all.set(id, 'pending');
    },
    async run(item, id) {
      all.set(id, 'running');
      try {
        await runHook(item, id, POST_START_TIMEOUT_MS);
        all.set(id, 'done');
      } catch (error) {
        all.set(id, 'failed');
        event(item, 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${failureWords(error)}`);
      }
    },
    forget: (id) => void all.delete(id),
  };
}
