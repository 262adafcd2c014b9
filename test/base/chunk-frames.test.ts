import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { chunkFrame, END_FRAME, readChunkFrames } from '../../src/base/chunk-frames.ts';

const read = async (source: Readable): Promise<string> => {
  let text = '';
  for await (const chunk of readChunkFrames(source)) text += chunk.toString();
  return text;
};
const stream = Buffer.concat([chunkFrame(Buffer.from('one ')), chunkFrame(Buffer.from('two')), END_FRAME]);

describe('a stream of chunks', () => {
  it.each([1, 2, 3, 5, 100])('is read whole, in pieces of %i bytes', async (size) => {
    const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
      stream.subarray(index * size, (index + 1) * size),
    );
    expect(await read(Readable.from(pieces))).toBe('one two');
  });

  it('that ends anywhere before its end is cut off', async () => {
    for (let length = 0; length < stream.length; length += 1)
      await expect(read(Readable.from([stream.subarray(0, length)]))).rejects.toThrow('cut off');
  });

  it('with a chunk that is too large is damaged', async () => {
    await expect(read(Readable.from([Buffer.from('ffffffff', 'hex')]))).rejects.toThrow('too large');
  });

  it('stays open after its end, for an answer in the other direction', async () => {
    const duplex = new PassThrough();
    duplex.write(stream);
    expect(await read(duplex)).toBe('one two');
    expect(duplex.destroyed).toBe(false);
  });
});
