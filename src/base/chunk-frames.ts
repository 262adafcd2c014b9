/**
 * A stream of bytes whose end is part of it: each chunk has its length in front, and an empty chunk
 * is the end. A connection that was cut never passes for a complete stream. A sender that cannot go
 * on says why: the largest length, then a chunk with the reason.
 */
import type { Readable } from 'node:stream';

const LENGTH_BYTES = 4;
/** Larger than any chunk that a stream hands out. */
const MAX_CHUNK_BYTES = 16 * 1024 * 1024;
/** In place of a length. */
const FAILURE = 0xffff_ffff;
const MAX_REASON_BYTES = 4_096;

/** The sender's reason to break off. */
export class SenderFailed extends Error {}

export const END_FRAME: Buffer = Buffer.alloc(LENGTH_BYTES);

export function chunkFrame(chunk: Uint8Array): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeUInt32BE(chunk.length);
  return Buffer.concat([head, chunk]);
}

export function failureFrame(reason: string): Buffer {
  const mark = Buffer.alloc(LENGTH_BYTES);
  mark.writeUInt32BE(FAILURE);
  return Buffer.concat([mark, chunkFrame(Buffer.from(reason).subarray(0, MAX_REASON_BYTES))]);
}

/**
 * The bytes of the chunks, as they come. Throws where the stream ends before its end. A stream is
 * left open, since its other direction may have an answer to carry.
 */
export async function* readChunkFrames(source: Readable): AsyncGenerator<Buffer, void> {
  let head = Buffer.alloc(0);
  let left = 0;
  let reason: Buffer | undefined;
  for await (const bytes of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    for (let rest = bytes; rest.length > 0; ) {
      if (left > 0) {
        const part = rest.subarray(0, left);
        left -= part.length;
        rest = rest.subarray(part.length);
        if (!reason) yield part;
        else reason = Buffer.concat([reason, part]);
        if (reason && left === 0) throw new SenderFailed(reason.toString());
        continue;
      }
      const missing = LENGTH_BYTES - head.length;
      head = Buffer.concat([head, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (head.length < LENGTH_BYTES) continue;
      left = head.readUInt32BE();
      head = Buffer.alloc(0);
      if (left === 0) return;
      if (left === FAILURE && !reason) {
        [reason, left] = [Buffer.alloc(0), 0];
      } else if (left > (reason ? MAX_REASON_BYTES : MAX_CHUNK_BYTES))
        throw new Error('the stream is damaged: a chunk is too large');
    }
  }
  throw new Error('the stream was cut off before its end');
}
