import { PassThrough, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { chunkFrame, END_FRAME, failureFrame } from '../../../src/base/chunk-frames.ts';
import { TransientError, UserError } from '../../../src/base/errors.ts';
import { receiveArchive } from '../../../src/cli/cluster/volume-archive.ts';

const nothing = (): void => undefined;
const socketWith = (...frames: readonly Buffer[]): PassThrough => {
  const socket = new PassThrough();
  for (const frame of frames) socket.write(frame);
  return socket.end();
};
const data = chunkFrame(Buffer.from('data'));

it('counts a whole archive', async () => {
  const output = new PassThrough();
  expect(await receiveArchive(socketWith(data, data, END_FRAME), output, nothing)).toBe(8);
  expect(output.read()).toEqual(Buffer.from('datadata'));
});

it.each([
  ['the connection is cut', [data], TransientError, '(4 bytes arrived); do not use the file: the stream was'],
  [
    'the node cannot read on',
    [data, failureFrame('"x": permission denied')],
    UserError,
    '(4 bytes arrived); do not use the file: "x": permission denied',
  ],
] as const)('is not complete when %s', async (_what, frames, kind, message) => {
  const received = receiveArchive(socketWith(...frames), new PassThrough(), nothing);
  await expect(received).rejects.toBeInstanceOf(kind);
  await expect(received).rejects.toThrow(message);
});

it('is not complete when its reader goes away', async () => {
  const output = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
  const received = receiveArchive(socketWith(data, END_FRAME), output, nothing);
  await expect(received).rejects.toBeInstanceOf(UserError);
  await expect(received).rejects.toThrow('The backup is not complete');
});
