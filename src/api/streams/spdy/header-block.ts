/**
 * Header blocks of SPDY/3: names and values in one endless zlib stream per direction. Our blocks
 * are stored, not compressed, which every inflater reads. A block of a client that grows beyond its
 * limit ends the decoder, so that few bytes cannot become many.
 */
import { constants, createInflate } from 'node:zlib';
import { headerDictionary } from './header-dictionary.ts';

export type SpdyHeaders = ReadonlyMap<string, string>;

/** Inflated size of one block: three short headers are usual. */
export const MAX_BLOCK_BYTES = 16 * 1024;
const MAX_HEADERS = 64;

/** deflate, 32 KiB window, no dictionary, and the checksum of these two bytes. */
const ZLIB_HEADER = Buffer.from([0x78, 0x01]);
/** An empty stored block, as Z_SYNC_FLUSH writes: inflaters output everything before it. */
const FLUSH = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

export function createHeaderEncoder(): (headers: SpdyHeaders) => Buffer {
  let begun = false;
  return (headers) => {
    const plain = renderHeaders(headers);
    if (plain.length > MAX_BLOCK_BYTES)
      throw new Error(`Cannot send headers: they have ${plain.length} bytes`);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(plain.length, 1);
    head.writeUInt16LE(~plain.length & 0xffff, 3);
    const block = Buffer.concat([...(begun ? [] : [ZLIB_HEADER]), head, plain, FLUSH]);
    begun = true;
    return block;
  };
}

export interface HeaderDecoder {
  /** One block after the other, in the order of the wire. */
  decode(block: Buffer): Promise<SpdyHeaders>;
  close(): void;
}

export function createHeaderDecoder(): HeaderDecoder {
  const inflate = createInflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });
  let chunks: Buffer[] = [];
  let bytes = 0;
  let failure: Error | undefined;
  let onFailure: (error: Error) => void = () => undefined;
  const fail = (error: Error): void => {
    failure = error;
    onFailure(error);
  };
  inflate.on('error', (cause) => fail(new Error('Cannot read SPDY headers', { cause })));
  inflate.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_BLOCK_BYTES) return void chunks.push(chunk);
    fail(new Error(`Cannot read SPDY headers: they have more than ${MAX_BLOCK_BYTES} bytes`));
    inflate.destroy();
  });
  return {
    decode: (block) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        onFailure = reject;
        chunks = [];
        bytes = 0;
        inflate.write(block, (error) => {
          if (error ?? failure) return;
          try {
            resolve(parseHeaders(Buffer.concat(chunks)));
          } catch (cause) {
            reject(cause instanceof Error ? cause : new Error(String(cause)));
          }
        });
      }),
    close: () => inflate.destroy(),
  };
}

/** Names are in lower case. The protocol joins several values by zeros; our clients send one. */
export function renderHeaders(headers: SpdyHeaders): Buffer {
  const parts: Buffer[] = [uint32(headers.size)];
  for (const [name, value] of headers) {
    for (const text of [Buffer.from(name.toLowerCase()), Buffer.from(value)])
      parts.push(uint32(text.length), text);
  }
  return Buffer.concat(parts);
}

export function parseHeaders(plain: Buffer): SpdyHeaders {
  let at = 0;
  const take = (length: number): Buffer => {
    if (plain.length - at < length) throw new Error('Cannot read SPDY headers: they are cut short');
    at += length;
    return plain.subarray(at - length, at);
  };
  const text = (): string => take(take(4).readUInt32BE(0)).toString('utf8');
  const count = take(4).readUInt32BE(0);
  if (count > MAX_HEADERS) throw new Error(`Cannot read SPDY headers: there are ${count}`);
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    const name = text().toLowerCase();
    if (name === '' || headers.has(name))
      throw new Error('Cannot read SPDY headers: a name is empty or twice there');
    headers.set(name, text());
  }
  if (at !== plain.length) throw new Error('Cannot read SPDY headers: there is something behind them');
  return headers;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}
