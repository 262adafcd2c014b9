/**
 * The last words of a container: its termination log, or the end of its output if it asks for that.
 * A container that failed without either gives the last line of its output, which commit statuses
 * show (docs/adr/0007-last-words-of-failed-containers.md).
 */
import { createAbort } from '../../base/abort.ts';
import { cutMiddle, lastTellingLine } from '../../base/text.ts';
import type { Container, Pod } from '../../schemas/types.ts';
import type { PodResources } from '../ports.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import type { Attempt } from './pod-view.ts';

/** kubelet's limits: 4096 bytes of message; of a log at most 80 lines or 2048 bytes. */
const MAX_MESSAGE_BYTES = 4_096;
const MAX_LOG_LINES = 80;
const MAX_LOG_BYTES = 2_048;
/** At most this much of a last line is kept: its beginning and end name the cause. */
const MAX_LAST_LINE_CHARS = 256;

export async function readTerminationMessage(input: {
  readonly runtime: ContainerRuntime;
  readonly resources: PodResources;
  readonly pod: Pod;
  readonly container: Container;
  readonly ended: Attempt;
}): Promise<string | undefined> {
  const { container, ended } = input;
  const written = await input.resources.terminationLog(input.pod, container.name, ended.attempt);
  if (written !== undefined && written !== '') return lastBytes(written, MAX_MESSAGE_BYTES);
  if (ended.record.exitCode === 0) return undefined;
  if (container.terminationMessagePolicy === 'FallbackToLogsOnError') {
    return readTail(input.runtime, ended.record.id, MAX_LOG_LINES);
  }
  return lastLine(await readTail(input.runtime, ended.record.id, MAX_LOG_LINES));
}

async function readTail(runtime: ContainerRuntime, id: string, tailLines: number): Promise<string> {
  const options = { follow: false, timestamps: false, tailLines };
  let tail = Buffer.alloc(0);
  for await (const chunk of await runtime.logs(id, options, createAbort().signal)) {
    tail = Buffer.concat([tail, chunk]).subarray(-MAX_LOG_BYTES);
  }
  return tail.toString('utf8');
}

function lastLine(text: string): string | undefined {
  const line = lastTellingLine(text).trim();
  return line === '' ? undefined : cutMiddle(line, MAX_LAST_LINE_CHARS);
}

/** The end is kept, as in kubelet. */
const lastBytes = (text: string, maxBytes: number): string =>
  Buffer.from(text).subarray(-maxBytes).toString('utf8');
