import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFrameSplitter } from '../../src/base/frame-splitter.ts';

const shape = {
  headerBytes: 3,
  payloadBytes: (buffer: Buffer, offset: number) => buffer.readUInt16BE(offset + 1),
};

const frameOf = (mark: number, payload: Uint8Array): Buffer => {
  const header = Buffer.from([mark, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([header, payload]);
};

it('gives back every frame once and in order, however the bytes are cut', () => {
  const frames = fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 })), { maxLength: 20 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (parts, sizes) => {
      const sent = parts.map(([mark, payload]) => frameOf(mark, payload));
      const wire = Buffer.concat(sent);
      const split = createFrameSplitter(shape);
      const heard: Buffer[] = [];
      let offset = 0;
      for (let turn = 0; offset < wire.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        heard.push(...split(wire.subarray(offset, offset + size)));
        offset += size;
      }
      expect(heard).toEqual(sent);
    }),
  );
});

it('keeps an incomplete frame to itself, and goes on with it', () => {
  const split = createFrameSplitter(shape);
  const frame = frameOf(7, Buffer.from('content'));
  expect(split(frame.subarray(0, 2))).toEqual([]);
  expect(split(frame.subarray(2, 9))).toEqual([]);
  expect(split(frame.subarray(9))).toEqual([frame]);
});

it('leaves the judgement of a length to its protocol', () => {
  const split = createFrameSplitter({
    headerBytes: 1,
    payloadBytes() {
      throw new Error('too long');
    },
  });
  expect(() => split(Buffer.from([1]))).toThrow('too long');
});
