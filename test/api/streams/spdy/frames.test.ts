import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createSpdyReader,
  encodeSpdyFrame,
  MAX_CONTROL_BYTES,
  MAX_DATA_BYTES,
  type SpdyFrame,
} from '../../../../src/api/streams/spdy/frames.ts';

const id = fc.integer({ min: 1, max: 0x7fff_ffff });
const word = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));

const anyFrame: fc.Arbitrary<SpdyFrame> = fc.oneof(
  fc.record({
    type: fc.constant('syn-stream' as const),
    streamId: id,
    fin: fc.boolean(),
    unidirectional: fc.boolean(),
    block: bytes,
  }),
  fc.record({ type: fc.constant('syn-reply' as const), streamId: id, fin: fc.boolean(), block: bytes }),
  fc.record({ type: fc.constant('headers' as const), streamId: id, fin: fc.boolean(), block: bytes }),
  fc.record({ type: fc.constant('rst-stream' as const), streamId: id, status: word }),
  fc.record({ type: fc.constant('ping' as const), id: word }),
  fc.record({ type: fc.constant('go-away' as const), lastStreamId: id, status: word }),
  fc.record({ type: fc.constant('data' as const), streamId: id, fin: fc.boolean(), content: bytes }),
);

describe('frames of SPDY', () => {
  it('come back as they were sent, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }),
        (frames, cuts) => {
          const wire = Buffer.concat(frames.map(encodeSpdyFrame));
          const read = createSpdyReader();
          const got: SpdyFrame[] = [];
          let at = 0;
          for (const cut of [...cuts, wire.length]) {
            got.push(...read(wire.subarray(at, at + cut)));
            at += cut;
          }
          expect(got).toEqual(frames);
        },
      ),
    );
  });

  it('are laid out as the draft draws them', () => {
    const ping = encodeSpdyFrame({ type: 'ping', id: 1 });
    expect(ping.toString('hex')).toBe('80030006' + '00000004' + '00000001');
    const data = encodeSpdyFrame({ type: 'data', streamId: 5, fin: true, content: Buffer.from('hi') });
    expect(data.toString('hex')).toBe('00000005' + '01000002' + '6869');
  });

  it('never bring the reader down otherwise than by an error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
        const read = createSpdyReader();
        try {
          for (const chunk of chunks) read(Buffer.from(chunk));
        } catch (error) {
          expect((error as Error).message).toMatch(/^Cannot read SPDY frame: /);
        }
      }),
    );
  });

  it.each([
    ['an unknown type', '8003007700000001ff'],
    ['SETTINGS', '800300040000000400000000'],
    ['WINDOW_UPDATE', '80030009000000080000000100000001'],
  ])('of %s are passed over', (_, hex) => {
    const ping = encodeSpdyFrame({ type: 'ping', id: 3 });
    const wire = Buffer.concat([Buffer.from(hex, 'hex'), ping]);
    expect(createSpdyReader()(wire)).toEqual([{ type: 'ping', id: 3 }]);
  });

  it.each([
    ['too long a data frame', head('00000001', MAX_DATA_BYTES + 1)],
    ['too long a control frame', head('80030001', MAX_CONTROL_BYTES + 1)],
    ['another version', Buffer.concat([head('80020006', 4), Buffer.alloc(4)])],
    ['a stream without a number', head('00000000', 0)],
    ['a ping of the wrong length', Buffer.concat([head('80030006', 5), Buffer.alloc(5)])],
    ['a stream that is too short', Buffer.concat([head('80030001', 4), Buffer.alloc(4)])],
  ])('refuse %s', (_, wire) => {
    expect(() => createSpdyReader()(wire)).toThrow('Cannot read SPDY frame');
  });
});

function head(first: string, length: number): Buffer {
  const buffer = Buffer.from(`${first}00000000`, 'hex');
  buffer.writeUIntBE(length, 5, 3);
  return buffer;
}
