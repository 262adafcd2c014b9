import { expect, it } from 'vitest';
import { createWorkQueue, type Requeue } from '../../src/base/work-queue.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const unexpected = (_key: string, error: unknown): never => {
  throw error;
};

it('looks once at a key that changes often while it is worked on, and rests as long as it worked', async () => {
  const clock = createFakeClock();
  const seen: number[] = [];
  await using queue = createWorkQueue({
    clock,
    onError: unexpected,
    async process() {
      seen.push(clock.now());
      await new Promise<void>((resolve) => clock.setTimer(resolve, 50));
    },
  });
  const beganMs = clock.now();
  queue.add('a');
  for (let change = 0; change < 20; change += 1) {
    await clock.advance(10);
    queue.add('a');
  }
  await clock.advance(1_000);
  expect(seen.map((ms) => ms - beganMs)).toEqual([0, 100, 200, 300]);
});

it('does not rest where the work asks to go on, nor after quick work', async () => {
  const clock = createFakeClock();
  const seen: number[] = [];
  await using queue = createWorkQueue({
    clock,
    onError: unexpected,
    async process(): Promise<Requeue | undefined> {
      seen.push(clock.now());
      await new Promise<void>((resolve) => clock.setTimer(resolve, seen.length === 1 ? 50 : 2));
      return seen.length === 1 ? { requeueAfterMs: 0 } : undefined;
    },
  });
  const beganMs = clock.now();
  queue.add('a');
  await clock.advance(10);
  queue.add('a');
  await clock.advance(41);
  queue.add('a');
  await clock.advance(100);
  expect(seen.map((ms) => ms - beganMs)).toEqual([0, 50, 52]);
});

it('takes up a key whose time passed when the clock was set forward, and keeps its next time', async () => {
  const clock = createFakeClock();
  let jumpMs = 0;
  const seen: string[] = [];
  await using queue = createWorkQueue({
    clock: { now: () => clock.now() + jumpMs, setTimer: (task, delayMs) => clock.setTimer(task, delayMs) },
    onError: unexpected,
    process: async (key) => void seen.push(key),
  });
  queue.addAfter('a', 3_600_000);
  jumpMs = 86_400_000;
  queue.addAfter('a', 60_000);
  await clock.advance(1);
  expect(seen).toEqual(['a']);
  await clock.advance(60_000);
  expect(seen).toEqual(['a', 'a']);
});
