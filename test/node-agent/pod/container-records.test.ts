import { beforeEach, expect, it } from 'vitest';
import {
  type ContainerRecords,
  createContainerRecords,
} from '../../../src/node-agent/pod/container-records.ts';
import type { ContainerRecord } from '../../../src/node-agent/runtime/types.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

const aRecord = (phase: ContainerRecord['phase'], startedAtMs = 10): ContainerRecord => ({
  id: 'a',
  name: 'k8s_a',
  labels: {},
  image: 'busybox',
  imageId: 'sha256:1',
  phase,
  createdAtMs: 0,
  startedAtMs,
  oomKilled: false,
});

let clock: FakeClock;
let records: ContainerRecords;
let told: string[];
beforeEach(() => {
  clock = createFakeClock();
  told = [];
  records = createContainerRecords({
    clock,
    onEnded: ({ id }) => told.push(`${id} ended`),
    onGone: (id) => told.push(`${id} is gone`),
    onChange: () => undefined,
  });
});

it('tells the end of a container once', () => {
  records.observe(aRecord('running'));
  records.observe(aRecord('exited'));
  records.observe(aRecord('exited'));
  expect(told).toEqual(['a ended']);
});

it('does not believe in a life after the end, but in another start', () => {
  records.observe(aRecord('exited'));
  records.observe(aRecord('running'));
  expect(records.get('a')?.phase).toBe('exited');
  records.observe(aRecord('running', 20));
  expect(records.get('a')?.phase).toBe('running');
});

it('believes a list only about what was not seen since it began', async () => {
  const listedAtMs = clock.now();
  await clock.advance(5);
  records.observe(aRecord('running'));
  records.observeAll([], listedAtMs);
  expect(records.all).toHaveLength(1);
  records.observeAll([], clock.now() + 1);
  expect(records.all).toEqual([]);
  expect(told).toEqual(['a is gone']);
});
