/**
 * Reads the last words of ended containers (termination-message.ts). The pod's status waits for
 * them, so that the end and its cause appear together. An engine that does not answer delays a
 * status only for a bounded time.
 */
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Pod } from '../../schemas/types.ts';
import type { PodResources } from '../ports.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import type { Attempt, PlannedContainer } from './pod-view.ts';
import { readTerminationMessage } from './termination-message.ts';

export interface LastWordsOptions {
  readonly runtime: ContainerRuntime;
  readonly resources: PodResources;
  readonly clock: Clock;
  /** Something was read, or will not be waited for any longer. */
  wake(): void;
}

export interface LastWords {
  /** By container id. */
  readonly messages: ReadonlyMap<string, string>;
  /** Some are still being read. */
  readonly pending: boolean;
  read(pod: Pod, item: PlannedContainer, ended: Attempt): void;
  settled(): Promise<void>;
  forget(containerId: string): void;
}

/** A log tail takes milliseconds. An engine that needs longer does not work. */
const PATIENCE_MS = 5_000;

export function createLastWords({ runtime, resources, clock, wake }: LastWordsOptions): LastWords {
  const messages = new Map<string, string>();
  const waiting = new Map<string, Promise<void>>();
  /** Containers that are still there; what is read of others comes too late. */
  const wanted = new Set<string>();

  async function keep(pod: Pod, { container }: PlannedContainer, ended: Attempt): Promise<void> {
    const input = { runtime, resources, pod, container, ended };
    const message = await readTerminationMessage(input).catch(() => undefined);
    if (message === undefined || !wanted.has(ended.record.id)) return;
    messages.set(ended.record.id, message);
    wake();
  }

  return {
    messages,
    get pending() {
      return waiting.size > 0;
    },
    read(pod, item, ended) {
      const { id } = ended.record;
      wanted.add(id);
      const patience = createAbort();
      const wait = Promise.race([keep(pod, item, ended), sleep(clock, PATIENCE_MS, patience.signal)]).then(
        () => {
          patience.abort();
          waiting.delete(id);
          wake();
        },
      );
      waiting.set(id, wait);
    },
    async settled() {
      await Promise.all(waiting.values());
    },
    forget(id) {
      wanted.delete(id);
      messages.delete(id);
    },
  };
}
