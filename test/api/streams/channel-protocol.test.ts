import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, encodeFrame, MAX_FRAME_BYTES } from '../../../src/base/channel-frames.ts';
import {
  channelProtocols,
  encodeMessage,
  failureStatus,
  parseMessage,
  statusText,
  V4,
  V5,
} from '../../../src/api/streams/channel-protocol.ts';

describe('channel messages', () => {
  it('come back as they were sent, in every protocol', () => {
    const protocol = fc.constantFrom(...channelProtocols.session, ...channelProtocols.forward);
    fc.assert(
      fc.property(
        protocol,
        fc.integer({ min: 0, max: 9 }),
        fc.uint8Array({ maxLength: 50 }),
        (spoken, channel, bytes) => {
          const content = Buffer.from(bytes);
          const message = encodeMessage(channel, content, spoken);
          expect(parseMessage(message, spoken)).toEqual({ type: 'data', channel, content });
          if (spoken.base64) expect(message.toString()).toMatch(/^[0-9][A-Za-z0-9+/=]*$/);
        },
      ),
    );
  });

  it('close a channel in v5, and mean nothing of the kind in v4', () => {
    const close = Buffer.from([255, 0]);
    expect(parseMessage(close, V5)).toEqual({ type: 'close', channel: 0 });
    expect(parseMessage(close, V4)).toBeUndefined();
    expect(parseMessage(Buffer.from([255]), V5)).toBeUndefined();
    expect(parseMessage(Buffer.alloc(0), V5)).toBeUndefined();
  });

  it('end a session in plain words where the protocol is older than the Status', () => {
    expect(statusText(failureStatus('it broke')).toString()).toBe('it broke');
    expect(statusText(Buffer.from('{"metadata":{},"status":"Success"}')).toString()).toBe('');
  });
});

describe('frames of the tunnel', () => {
  it('come back whole, wherever the bytes are cut', () => {
    const frame = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.nat(60), { maxLength: 20 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(
            frames.map(([channel, content]) => encodeFrame(channel, Buffer.from(content))),
          );
          const read = createFrameReader();
          const got: { channel: number; content: Buffer }[] = [];
          let at = 0;
          for (const cut of [...cuts, bytes.length]) {
            got.push(...read(bytes.subarray(at, at + cut)));
            at += cut;
          }
          expect(got).toEqual(
            frames.map(([channel, content]) => ({ channel, content: Buffer.from(content) })),
          );
        },
      ),
    );
  });

  it('are refused when they are too long', () => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(MAX_FRAME_BYTES + 1, 1);
    expect(() => createFrameReader()(header)).toThrow('Cannot read frame');
  });
});
