/**
 * The framing of exec and attach over the tunnel: channel (1 byte), length (4 bytes, big endian),
 * content. Channels are Kubernetes' (remotecommand): 0 stdin, 1 stdout, 2 stderr, 3 status as JSON,
 * 4 terminal size as JSON. An empty frame of stdin is its end.
 */
import { createFrameSplitter } from './frame-splitter.ts';

export const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4 } as const;

export interface Frame {
  readonly channel: number;
  readonly content: Buffer;
}

const HEADER_BYTES = 5;
/** Bytes in flight on a stream of the tunnel: enough for 20 MB/s to a node 10 ms away. */
export const TUNNEL_WINDOW_BYTES = 256 * 1024;
/** Larger frames are a broken peer. */
export const MAX_FRAME_BYTES = 1024 * 1024;

export function encodeFrame(channel: number, content: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(channel, 0);
  header.writeUInt32BE(content.length, 1);
  return Buffer.concat([header, content]);
}

/** Returns the frames that are complete. Throws on one that is too long. */
export function createFrameReader(): (chunk: Buffer) => readonly Frame[] {
  const split = createFrameSplitter({ headerBytes: HEADER_BYTES, payloadBytes: contentBytes });
  return (chunk) =>
    split(chunk).map((frame) => ({ channel: frame.readUInt8(0), content: frame.subarray(HEADER_BYTES) }));
}

function contentBytes(buffer: Buffer, offset: number): number {
  const length = buffer.readUInt32BE(offset + 1);
  if (length > MAX_FRAME_BYTES) throw new Error(`Cannot read frame: it has ${length} bytes`);
  return length;
}
