/**
 * Cuts a stream of bytes into frames of a fixed header and a payload whose length the header tells: the tunnel's, SPDY's
 * and the Engine's framing differ only in where that length stands. What is incomplete is kept until it is complete, and
 * joined only then, so that a large frame in many small chunks costs one copy.
 */
export interface FrameShape {
  readonly headerBytes: number;
  /** Of the frame that begins at `offset`, whose header is there; throws when it is longer than the protocol allows. */
  payloadBytes(buffer: Buffer, offset: number): number;
}

/** Takes bytes however they are cut, answers the frames (header and payload) that are complete. */
export function createFrameSplitter(shape: FrameShape): (chunk: Buffer) => readonly Buffer[] {
  const { headerBytes } = shape;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let needBytes = headerBytes;
  return (chunk) => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < needBytes) return [];
    const buffer = pending.length === 1 ? chunk : Buffer.concat(pending, pendingBytes);
    const frames: Buffer[] = [];
    let offset = 0;
    needBytes = headerBytes;
    while (buffer.length - offset >= headerBytes) {
      const frameBytes = headerBytes + shape.payloadBytes(buffer, offset);
      if (buffer.length - offset < frameBytes) {
        needBytes = frameBytes;
        break;
      }
      frames.push(buffer.subarray(offset, offset + frameBytes));
      offset += frameBytes;
    }
    const rest = buffer.subarray(offset);
    pending = rest.length > 0 ? [rest] : [];
    pendingBytes = rest.length;
    return frames;
  };
}
