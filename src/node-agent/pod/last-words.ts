/**
 * Reads the last words of ended containers: the termination log, or the end of the output if the
 * container asks for that. A container that failed without either gives the last line of its
 * output, which commit statuses show (docs/adr/0007-last-words-of-failed-containers.md).
 *
 * The pod's status waits for them, so that the end and its cause appear together. An engine that
 * does not answer delays a status only for a bounded time.
 */
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { cutMiddle, lastTellingLine } from '../../base/text.ts';
import type { Pod } from '../../schemas/types.ts';
import type { PodResources } from '../ports.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import type { Attempt, PlannedContainer } from './pod-view.ts';

export interface LastWordsOptions {
  readonly runtime: Pick<ContainerRuntime, 'logs'>;
  readonly resources: Pick<PodResources, 'terminationLog'>;
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
/** kubelet's limits: 4096 bytes of message; of a log at most 80 lines or 2048 bytes. */
const MAX_MESSAGE_BYTES = 4_096;
const MAX_LOG_LINES = 80;
const MAX_LOG_BYTES = 2_048;
/** At most this much of a last line is kept: its beginning and end name the cause. */
const MAX_LAST_LINE_CHARS = 256;

export function createLastWords({ runtime, resources, clock, wake }: LastWordsOptions): LastWords {
  const messages = new Map<string, string>();
  const waiting = new Map<string, Promise<void>>();
  /** Containers that are still there; what is read of others comes too late. */
  const wanted = new Map<string, AbortController>();

  async function readTail(id: string, signal: AbortSignal): Promise<string> {
    const options = { follow: false, timestamps: false, tailLines: MAX_LOG_LINES };
    let tail = Buffer.alloc(0);
    for await (const chunk of await runtime.logs(id, options, signal)) {
      tail = Buffer.concat([tail, chunk]).subarray(-MAX_LOG_BYTES);
    }
    return tail.toString('utf8');
  }

  async function messageOf(
    pod: Pod,
    { container }: PlannedContainer,
    { attempt, record: { id, exitCode } }: Attempt,
    signal: AbortSignal,
  ): Promise<string> {
    const written = (await resources.terminationLog(pod, container.name, attempt)) ?? '';
    // The end is kept, as in kubelet.
    if (written !== '') return Buffer.from(written).subarray(-MAX_MESSAGE_BYTES).toString('utf8');
    if (exitCode === 0) return '';
    const tail = await readTail(id, signal);
    if (container.terminationMessagePolicy === 'FallbackToLogsOnError') return tail;
    return cutMiddle(lastTellingLine(tail).trim(), MAX_LAST_LINE_CHARS);
  }

  async function keep(id: string, reading: Promise<string>): Promise<void> {
    const message = await reading.catch(() => '');
    if (message === '' || !wanted.has(id)) return;
    messages.set(id, message);
    wake();
  }

  return {
    messages,
    get pending() {
      return waiting.size > 0;
    },
    read(pod, item, ended) {
      const { id } = ended.record;
      const reading = createAbort();
      wanted.set(id, reading);
      const patience = createAbort();
      const kept = keep(id, messageOf(pod, item, ended, reading.signal));
      const wait = Promise.race([kept, sleep(clock, PATIENCE_MS, patience.signal)]).then(() => {
        patience.abort();
        waiting.delete(id);
        wake();
      });
      waiting.set(id, wait);
    },
    async settled() {
      await Promise.all(waiting.values());
    },
    forget(id) {
      wanted.get(id)?.abort();
      wanted.delete(id);
      messages.delete(id);
    },
  };
}
