import { constants, createDeflate, type Deflate } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createHeaderDecoder,
  createHeaderEncoder,
  MAX_BLOCK_BYTES,
  parseHeaders,
  renderHeaders,
} from '../../../../src/api/streams/spdy/header-block.ts';
import { headerDictionary } from '../../../../src/api/streams/spdy/header-dictionary.ts';

const anyHeaders = fc
  .array(fc.tuple(fc.stringMatching(/^[a-z-]{1,12}$/), fc.string({ maxLength: 30 })), { maxLength: 6 })
  .map((entries) => new Map(entries));

/** A client's end: one compressor for the whole connection, flushed after each block. */
function clientCompressor(): (plain: Buffer) => Promise<Buffer> {
  const deflate: Deflate = createDeflate({ level: 9, dictionary: headerDictionary });
  const chunks: Buffer[] = [];
  deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
  return (plain) =>
    new Promise((resolve) => {
      deflate.write(plain);
      deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(chunks.splice(0))));
    });
}

describe('header blocks of SPDY', () => {
  it('are compressed with the dictionary that the draft prints', async () => {
    const first = await clientCompressor()(renderHeaders(new Map([['streamtype', 'error']])));
    // CMF, FLG with a preset dictionary, and the dictionary's Adler-32.
    expect(first.subarray(0, 2).toString('hex')).toMatch(/^78(bb|f9)$/);
    expect(first.subarray(2, 6).toString('hex')).toBe('e3c6a7c2');
  });

  it('come back as they were written', () => {
    fc.assert(
      fc.property(anyHeaders, (headers) => {
        expect(parseHeaders(renderHeaders(headers))).toEqual(headers);
      }),
    );
  });

  it('are understood one after the other, each building on the one before', async () => {
    const compress = clientCompressor();
    const decoder = createHeaderDecoder();
    for (let stream = 0; stream < 50; stream += 1) {
      const headers = new Map([
        ['streamtype', stream % 2 === 0 ? 'error' : 'data'],
        ['port', '8080'],
        ['requestid', String(stream)],
      ]);
      expect(await decoder.decode(await compress(renderHeaders(headers)))).toEqual(headers);
    }
    decoder.close();
  });

  it('of ours are understood by an inflater with and without headers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyHeaders, { maxLength: 5 }), async (blocks) => {
        const encode = createHeaderEncoder();
        const decoder = createHeaderDecoder();
        for (const headers of blocks) expect(await decoder.decode(encode(headers))).toEqual(headers);
        decoder.close();
      }),
    );
  });

  it('that would grow beyond the limit end the decoder', async () => {
    const decoder = createHeaderDecoder();
    const bomb = await clientCompressor()(Buffer.alloc(50 * MAX_BLOCK_BYTES));
    expect(bomb.length).toBeLessThan(MAX_BLOCK_BYTES);
    await expect(decoder.decode(bomb)).rejects.toThrow('more than');
    await expect(decoder.decode(Buffer.alloc(1))).rejects.toThrow('more than');
  });

  it('that are not compressed, cut, doubled or too many are refused', async () => {
    const decoder = createHeaderDecoder();
    await expect(decoder.decode(Buffer.from('no zlib at all'))).rejects.toThrow('Cannot read SPDY headers');
    const good = renderHeaders(new Map([['a', 'b']]));
    expect(() => parseHeaders(good.subarray(0, -1))).toThrow('cut short');
    expect(() => parseHeaders(Buffer.concat([good, good]))).toThrow('behind them');
    const twice = Buffer.concat([Buffer.from([0, 0, 0, 2]), good.subarray(4), good.subarray(4)]);
    expect(() => parseHeaders(twice)).toThrow('twice');
    expect(() => parseHeaders(Buffer.from('ffffffff', 'hex'))).toThrow('there are');
  });
});
