/**
 * A stream of bytes whose end is part of it: each chunk has its length in front, and an empty chunk
 * is the end. A connection that was cut never passes for a complete stream.
 */
import type { Readable } from 'node:stream';

const LENGTH_BYTES = 4;
/** Larger than any chunk that a stream hands out. */
const MAX_CHUNK_BYTES = 16 * 1024 * 1024;

export const END_FRAME: Buffer = Buffer.alloc(LENGTH_BYTES);

export function chunkFrame(chunk: Uint8Array): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeUInt32BE(chunk.length);
  return Buffer.concat([head, chunk]);
}

/**
 * The bytes of the chunks, as they come. Throws where the stream ends before its end. A stream is
 * left open, since its other direction may have an answer to carry.
 */
export async function* readChunkFrames(source: Readable): AsyncGenerator<Buffer, void> {
  let head = Buffer.alloc(0);
  let left = 0;
  for await (const bytes of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    for (let rest = bytes; rest.length > 0; ) {
      if (left > 0) {
        const part = rest.subarray(0, left);
        left -= part.length;
        rest = rest.subarray(part.length);
        yield part;
        continue;
      }
      const missing = LENGTH_BYTES - head.length;
      head = Buffer.concat([head, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (head.length < LENGTH_BYTES) continue;
      left = head.readUInt32BE();
      head = Buffer.alloc(0);
      if (left === 0) return;
      if (left > MAX_CHUNK_BYTES) throw new Error('the stream is damaged: a chunk is too large');
    }
  }
  throw new Error('the stream was cut off before its end');
}
