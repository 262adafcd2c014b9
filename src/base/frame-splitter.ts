/**
 * Cuts a stream of bytes into frames of a fixed header and a payload. Framings differ in the place
 * of the length. Incomplete frames are joined once, so that many small chunks cost one copy.
 */
export interface FrameShape {
  readonly headerBytes: number;
  /** Reads the header at `offset`. Throws when the payload is longer than the protocol allows. */
  payloadBytes(buffer: Buffer, offset: number): number;
}

/** Takes bytes in any pieces and returns the complete frames, header and payload. */
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
