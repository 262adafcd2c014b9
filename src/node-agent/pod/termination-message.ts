/** What a container said last: its termination log, or (when it asks for that) the end of its output. */
import type { Container, Pod } from '../../schemas/types.ts';
import type { PodResources } from '../ports.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import type { Attempt } from './pod-view.ts';

/** kubelet's limits: 4096 bytes of message; of a log at most 80 lines or 2048 bytes. */
const MAX_MESSAGE_BYTES = 4_096;
const MAX_LOG_LINES = 80;
const MAX_LOG_BYTES = 2_048;

export async function readTerminationMessage(input: {
  readonly runtime: ContainerRuntime;
  readonly resources: PodResources;
  readonly pod: Pod;
  readonly container: Container;
  readonly ended: Attempt;
}): Promise<string | undefined> {
  const { container, ended } = input;
  const written = await input.resources.terminationLog(input.pod, container.name, ended.attempt);
  if (written !== undefined && written !== '') return cutTail(written, MAX_MESSAGE_BYTES);
  if (container.terminationMessagePolicy !== 'FallbackToLogsOnError' || ended.record.exitCode === 0) {
    return undefined;
  }
  const options = { follow: false, timestamps: false, tailLines: MAX_LOG_LINES };
  let tail = Buffer.alloc(0);
  for await (const chunk of await input.runtime.logs(
    ended.record.id,
    options,
    new AbortController().signal,
  )) {
    tail = Buffer.concat([tail, chunk]).subarray(-MAX_LOG_BYTES);
  }
  return tail.toString('utf8');
}

function cutTail(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  return bytes.length <= maxBytes ? text : bytes.subarray(0, maxBytes).toString('utf8');
}
