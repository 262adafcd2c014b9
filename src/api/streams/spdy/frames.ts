/**
 * Frames of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, section 2), as Kubernetes' older clients use
 * it for exec, attach and port-forward. Pure: bytes in, frames out. Header blocks stay as they are
 * on the wire, since their compression has a state of its own (header-block.ts). A violation of the
 * protocol throws. Control frames of other types are ignored, SETTINGS and WINDOW_UPDATE included.
 */
import { createFrameSplitter } from '../../../base/frame-splitter.ts';

export type SpdyFrame =
  | {
      readonly type: 'syn-stream';
      readonly streamId: number;
      readonly fin: boolean;
      readonly unidirectional: boolean;
      readonly block: Buffer;
    }
  | { readonly type: 'syn-reply'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'headers'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'rst-stream'; readonly streamId: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'go-away'; readonly lastStreamId: number; readonly status: number }
  | { readonly type: 'data'; readonly streamId: number; readonly fin: boolean; readonly content: Buffer };

/** Reasons of RST_STREAM that we give. */
export const resetStatus = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

/** Clients send reads of 32 KiB; a longer frame is a broken peer's. */
export const MAX_DATA_BYTES = 1024 * 1024;
/** Headers of a stream are three short lines. */
export const MAX_CONTROL_BYTES = 16 * 1024;

const HEADER_BYTES = 8;
const VERSION = 3;
const CONTROL = 0x8000;
const FIN = 0x01;
const UNIDIRECTIONAL = 0x02;
const ID_MASK = 0x7fff_ffff;

const types = {
  'syn-stream': 1,
  'syn-reply': 2,
  'rst-stream': 3,
  ping: 6,
  'go-away': 7,
  headers: 8,
} as const;

/** Takes bytes in any pieces, and returns the complete frames. */
export function createSpdyReader(): (chunk: Buffer) => readonly SpdyFrame[] {
  const split = createFrameSplitter({ headerBytes: HEADER_BYTES, payloadBytes: payloadLength });
  return (chunk) => split(chunk).flatMap((frame) => parseFrame(frame) ?? []);
}

function payloadLength(buffer: Buffer, offset: number): number {
  const isControl = (buffer.readUInt16BE(offset) & CONTROL) !== 0;
  const length = buffer.readUIntBE(offset + 5, 3);
  if (length > (isControl ? MAX_CONTROL_BYTES : MAX_DATA_BYTES)) throw broken(`a frame has ${length} bytes`);
  return length;
}

function parseFrame(frame: Buffer): SpdyFrame | undefined {
  const head = frame.readUInt16BE(0);
  const flags = frame.readUInt8(4);
  const body = frame.subarray(HEADER_BYTES);
  const fin = (flags & FIN) !== 0;
  if ((head & CONTROL) === 0) {
    return { type: 'data', streamId: streamIdOf(frame, 0), fin, content: body };
  }
  if ((head & ~CONTROL) !== VERSION) throw broken(`version ${head & ~CONTROL} is not spoken`);
  const type = frame.readUInt16BE(2);
  switch (type) {
    case types['syn-stream']:
      atLeast(body, 10);
      return {
        type: 'syn-stream',
        streamId: streamIdOf(body, 0),
        fin,
        unidirectional: (flags & UNIDIRECTIONAL) !== 0,
        block: body.subarray(10),
      };
    case types['syn-reply']:
    case types.headers:
      atLeast(body, 4);
      return {
        type: type === types.headers ? 'headers' : 'syn-reply',
        streamId: streamIdOf(body, 0),
        fin,
        block: body.subarray(4),
      };
    case types['rst-stream']:
      exactly(body, 8);
      return { type: 'rst-stream', streamId: streamIdOf(body, 0), status: body.readUInt32BE(4) };
    case types.ping:
      exactly(body, 4);
      return { type: 'ping', id: body.readUInt32BE(0) };
    case types['go-away']:
      exactly(body, 8);
      return {
        type: 'go-away',
        lastStreamId: body.readUInt32BE(0) & ID_MASK,
        status: body.readUInt32BE(4),
      };
    default:
      return undefined;
  }
}

function streamIdOf(buffer: Buffer, at: number): number {
  const id = buffer.readUInt32BE(at) & ID_MASK;
  if (id === 0) throw broken('a stream has the number 0');
  return id;
}

function atLeast(body: Buffer, length: number): void {
  if (body.length < length) throw broken('a control frame is too short');
}

function exactly(body: Buffer, length: number): void {
  if (body.length !== length) throw broken('a control frame has the wrong length');
}

const broken = (why: string): Error => new Error(`Cannot read SPDY frame: ${why}`);

export function encodeSpdyFrame(frame: SpdyFrame): Buffer {
  switch (frame.type) {
    case 'data': {
      const head = Buffer.alloc(HEADER_BYTES);
      head.writeUInt32BE(frame.streamId, 0);
      head.writeUInt8(frame.fin ? FIN : 0, 4);
      head.writeUIntBE(frame.content.length, 5, 3);
      return Buffer.concat([head, frame.content]);
    }
    case 'syn-stream': {
      // The streams that clients open have no other stream that they belong to, and no priority.
      const fixed = words(frame.streamId, 0, 0).subarray(0, 10);
      const flags = (frame.fin ? FIN : 0) | (frame.unidirectional ? UNIDIRECTIONAL : 0);
      return control(frame.type, flags, Buffer.concat([fixed, frame.block]));
    }
    case 'syn-reply':
    case 'headers':
      return control(frame.type, frame.fin ? FIN : 0, Buffer.concat([words(frame.streamId), frame.block]));
    case 'rst-stream':
      return control(frame.type, 0, words(frame.streamId, frame.status));
    case 'ping':
      return control(frame.type, 0, words(frame.id));
    case 'go-away':
      return control(frame.type, 0, words(frame.lastStreamId, frame.status));
  }
}

function control(type: keyof typeof types, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(CONTROL | VERSION, 0);
  head.writeUInt16BE(types[type], 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

function words(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index);
  return buffer;
}
