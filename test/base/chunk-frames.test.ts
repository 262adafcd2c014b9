import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { chunkFrame, END_FRAME, failureFrame, readChunkFrames } from '../../src/base/chunk-frames.ts';

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
    await expect(read(Readable.from([Buffer.from('fffffffe', 'hex')]))).rejects.toThrow('too large');
  });

  it.each([1, 3, 100])('of a sender that failed gives its reason, in pieces of %i bytes', async (size) => {
    const bytes = Buffer.concat([chunkFrame(Buffer.from('one')), failureFrame('the disk is gone')]);
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );
    await expect(read(Readable.from(pieces))).rejects.toThrow(/^the disk is gone$/);
    await expect(read(Readable.from([bytes.subarray(0, -1)]))).rejects.toThrow('cut off');
    const tooLong = Buffer.concat([failureFrame('').subarray(0, 4), chunkFrame(Buffer.alloc(100_000))]);
    await expect(read(Readable.from([tooLong]))).rejects.toThrow('too large');
  });

  it('stays open after its end, for an answer in the other direction', async () => {
    const duplex = new PassThrough();
    duplex.write(stream);
    expect(await read(duplex)).toBe('one two');
    expect(duplex.destroyed).toBe(false);
  });
});
