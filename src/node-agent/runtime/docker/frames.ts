/**
 * The Engine's stream format for containers without a terminal: frames of an 8-byte header and a
 * payload. The header has the stream's number, three zero bytes and the length as big-endian uint32
 * (Engine API, attach, "Stream format").
 */
import { PassThrough, type Readable } from 'node:stream';
import { createFrameSplitter } from '../../../base/frame-splitter.ts';

export interface Frame {
  readonly stream: 'stdout' | 'stderr';
  readonly payload: Buffer;
}

const HEADER_BYTES = 8;
const STDERR = 2;

/** Feeds on chunks of any size; returns the frames that are complete, and keeps the rest. */
export function createFrameParser(): (chunk: Buffer) => readonly Frame[] {
  const split = createFrameSplitter({
    headerBytes: HEADER_BYTES,
    payloadBytes: (buffer, offset) => buffer.readUInt32BE(offset + 4),
  });
  return (chunk) =>
    split(chunk).map((frame) => ({
      stream: frame[0] === STDERR ? 'stderr' : 'stdout',
      payload: frame.subarray(HEADER_BYTES),
    }));
}

/** Calls `done` once, when the stream ends, closes or fails. */
export function onOver(stream: Readable, done: () => void): void {
  let isOver = false;
  for (const event of ['end', 'close', 'error']) {
    stream.once(event, () => {
      if (!isOver) done();
      isOver = true;
    });
  }
}

/** Splits a framed stream in two; a reader that stops reading either one stops the source. */
export function splitFrames(source: Readable): { readonly stdout: Readable; readonly stderr: Readable } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const parse = createFrameParser();
  const resume = (): void => {
    if (!stdout.writableNeedDrain && !stderr.writableNeedDrain) source.resume();
  };
  stdout.on('drain', resume);
  stderr.on('drain', resume);
  source.on('data', (chunk: Buffer) => {
    let full = false;
    for (const { stream, payload } of parse(chunk)) {
      if (!(stream === 'stdout' ? stdout : stderr).write(payload)) full = true;
    }
    if (full) source.pause();
  });
  onOver(source, () => {
    stdout.end();
    stderr.end();
  });
  return { stdout, stderr };
}
