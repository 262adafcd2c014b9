/**
 * Newline-delimited JSON, as a watch answers it: bytes in, values out, one at a time, so that a
 * slow consumer holds back the socket and not the memory. Lines are bounded. A line cut off at the
 * end of the stream is dropped: the watcher goes on from the version it has.
 */
import { TransientError } from '../base/errors.ts';

/** Objects are at most 1.5 MiB in the store; a line also carries the event around it. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

const NEWLINE = 10;

export async function* parseJsonLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<unknown, void, undefined> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...pending, chunk.subarray(from, end)]).toString('utf8');
      pending = [];
      pendingBytes = 0;
      from = end + 1;
      if (line.trim() !== '') yield parseLine(line);
    }
    const rest = chunk.subarray(from);
    if (rest.length === 0) continue;
    pending.push(rest);
    pendingBytes += rest.length;
    if (pendingBytes > maxLineBytes)
      throw new TransientError(`Cannot read watch: a line is longer than ${maxLineBytes} bytes`);
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw new TransientError('Cannot read watch: a line is not JSON', { cause });
  }
}
