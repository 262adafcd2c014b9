/**
 * The framing of exec and attach over the tunnel: one byte of channel, four bytes of length (big endian), then the content.
 * Channels are Kubernetes' (remotecommand): 0 stdin, 1 stdout, 2 stderr, 3 status as JSON, 4 terminal size as JSON.
 * An empty frame of stdin is its end.
 */
export const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4 } as const;

export interface Frame {
  readonly channel: number;
  readonly content: Buffer;
}

const HEADER_BYTES = 5;
/** Larger frames are a broken peer. */
export const MAX_FRAME_BYTES = 1024 * 1024;

export function encodeFrame(channel: number, content: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(channel, 0);
  header.writeUInt32BE(content.length, 1);
  return Buffer.concat([header, content]);
}

/** Takes bytes as they come, answers the frames that are complete; throws on a frame that is too long. */
export function createFrameReader(): (chunk: Buffer) => readonly Frame[] {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const frames: Frame[] = [];
    while (pending.length >= HEADER_BYTES) {
      const length = pending.readUInt32BE(1);
      if (length > MAX_FRAME_BYTES) throw new Error(`Cannot read frame: it has ${length} bytes`);
      if (pending.length < HEADER_BYTES + length) break;
      frames.push({
        channel: pending.readUInt8(0),
        content: Buffer.from(pending.subarray(HEADER_BYTES, HEADER_BYTES + length)),
      });
      pending = pending.subarray(HEADER_BYTES + length);
    }
    return frames;
  };
}
