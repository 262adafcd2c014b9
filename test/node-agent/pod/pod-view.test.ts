import { expect, it } from 'vitest';
import { attemptsOf } from '../../../src/node-agent/pod/pod-view.ts';
import { type ContainerRecord, labelKeys } from '../../../src/node-agent/runtime/types.ts';

const aRecord = (name: string, attempt: number, onLook: () => void = () => undefined): ContainerRecord => {
  const labels = { [labelKeys.containerName]: name, [labelKeys.attempt]: String(attempt) };
  return {
    id: `${name}-${attempt}`,
    name,
    image: 'busybox',
    imageId: 'sha256:1',
    phase: 'exited',
    createdAtMs: attempt,
    oomKilled: false,
    get labels() {
      onLook();
      return labels;
    },
  };
};

it('the attempts at a container are those of its name, newest first', () => {
  const records = [aRecord('a', 0), aRecord('b', 0), aRecord('a', 2), aRecord('a', 1)];
  expect(attemptsOf(records, 'a').map(({ record }) => record.id)).toEqual(['a-2', 'a-1', 'a-0']);
  expect(attemptsOf(records, 'c')).toEqual([]);
});

it('records are read once for one decision, however many containers the pod has', () => {
  let looks = 0;
  const records = Array.from({ length: 500 }, (_, index) => aRecord(`c${index}`, 0, () => (looks += 1)));
  for (const { name } of records) expect(attemptsOf(records, name)).toHaveLength(1);
  expect(looks).toBeLessThan(10 * records.length);
});
