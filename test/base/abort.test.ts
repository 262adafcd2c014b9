import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { anySignal, createAbort } from '../../src/base/abort.ts';

const waiting = (...signals: AbortSignal[]): number[] =>
  signals.map((signal) => getEventListeners(signal, 'abort').length);

it('combines signals: the first that aborts decides, with its reason, and the others are let go', () => {
  const [a, b] = [createAbort(), createAbort()];
  const both = anySignal(a.signal, b.signal);
  expect([both.aborted, waiting(a.signal, b.signal)]).toEqual([false, [1, 1]]);
  b.abort('enough');
  expect([both.aborted, both.reason, waiting(a.signal, b.signal)]).toEqual([true, 'enough', [0, 0]]);
  a.abort('late');
  expect(both.reason).toBe('enough');
});

it('is aborted at once when a source is, and listens to none', () => {
  const [a, b] = [createAbort(), createAbort()];
  b.abort('before');
  const both = anySignal(a.signal, b.signal);
  expect([both.aborted, both.reason, waiting(a.signal)]).toEqual([true, 'before', [0]]);
});

it('leaves nothing with a long-lived source once it is disposed', () => {
  const long = createAbort();
  for (let round = 0; round < 100; round += 1) {
    const both = anySignal(long.signal, createAbort().signal);
    both[Symbol.dispose]();
  }
  expect(waiting(long.signal)).toEqual([0]);
});
