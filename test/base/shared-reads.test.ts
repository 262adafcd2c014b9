import { expect, it } from 'vitest';
import { createSharedReads } from '../../src/base/shared-reads.ts';

/** A read whose answers are given by hand; each tells how many had begun before it. */
function createSource() {
  const waiting: { resolve(value: number): void; reject(error: Error): void }[] = [];
  let begun = 0;
  return {
    read: () => {
      begun += 1;
      return new Promise<number>((resolve, reject) => waiting.push({ resolve, reject }));
    },
    answer: () => waiting.shift()?.resolve(begun),
    fail: () => waiting.shift()?.reject(new Error('away')),
    get begun() {
      return begun;
    },
  };
}
const turn = async (): Promise<void> => {
  for (let index = 0; index < 10; index += 1) await Promise.resolve();
};

it('those who ask while a read is under way share the next one', async () => {
  const [source, reads] = [createSource(), createSharedReads()];
  const first = reads.read('a', source.read);
  const later = [1, 2, 3].map(() => reads.read('a', source.read));
  expect(source.begun).toBe(1);
  source.answer();
  expect(await first).toBe(1);
  await turn();
  expect(source.begun).toBe(2);
  const last = reads.read('a', source.read);
  source.answer();
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  await turn();
  source.answer();
  expect(await last).toBe(3);
  const alone = reads.read('a', source.read);
  source.answer();
  expect(await alone).toBe(4);
});

it('other keys do not wait, and a failure is only of those who shared it', async () => {
  const [source, other, reads] = [createSource(), createSource(), createSharedReads()];
  const failing = reads.read('a', source.read);
  const next = reads.read('a', source.read);
  const elsewhere = reads.read('b', other.read);
  other.answer();
  expect(await elsewhere).toBe(1);
  source.fail();
  await expect(failing).rejects.toThrow('away');
  await turn();
  source.answer();
  expect(await next).toBe(2);
});

it('those who ask at once share the first read where it gathers, and a later one gets another', async () => {
  const [source, reads] = [createSource(), createSharedReads({ gathers: true })];
  const together = [1, 2, 3].map(() => reads.read('a', source.read));
  await turn();
  const later = reads.read('a', source.read);
  source.answer();
  expect(await Promise.all(together)).toEqual([1, 1, 1]);
  await turn();
  source.answer();
  expect(await later).toBe(2);
});
