import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { asSoleWriter, DISTRUST_MS, TRUST_MS } from '../../../src/store/embedded/sole-writer.ts';
import { type CommitResult, type Store, type StoreOp, StoreUnavailable } from '../../../src/store/types.ts';
import { anObject } from '../../contracts/store.ts';
import { createMemoryStore, type MemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let ticksMs: number;
let memory: MemoryStore;
let asked: string[];
/** Stands between the adapter and Redis. */
let hold: (ops: readonly StoreOp[]) => Promise<void>;
let warnings: number;
let store: Store;

beforeEach(() => {
  ticksMs = 0;
  asked = [];
  warnings = 0;
  hold = async () => undefined;
  memory = createMemoryStore({ clock: createFakeClock() });
  const redis: Store = Object.assign(Object.create(memory) as Store, {
    versions(resource: string) {
      asked.push(resource);
      return memory.versions(resource);
    },
    async commit(ops: readonly StoreOp[]) {
      const result = await memory.commit(ops);
      await hold(ops);
      return result;
    },
  });
  const logger = { ...silentLogger, warn: () => void (warnings += 1) };
  store = asSoleWriter(redis, { logger, ticksMs: () => ticksMs });
});

const create = (name: string, resource = 'pods'): StoreOp => ({
  type: 'create',
  resource,
  key: `default/${name}`,
  object: anObject(name),
});
const newest = (resource: string, version: string) => ({ resource: version, store: version });
const commit = (name: string, resource?: string): Promise<CommitResult> =>
  store.commit([create(name, resource)]);

it('asks once for each resource, and then knows its own changes', async () => {
  const first = await commit('a');
  expect(await store.versions('pods')).toEqual(newest('pods', first.version));
  const second = await commit('b');
  expect(store.versions('pods')).toEqual(newest('pods', second.version));
  expect(store.versions('secrets')).toBeInstanceOf(Promise);
  expect(asked).toEqual(['pods', 'secrets']);
});

it('a change of another resource makes the store newer, and nothing else', async () => {
  const first = await commit('a');
  await store.versions('pods');
  const { version } = await commit('a', 'secrets');
  expect(store.versions('pods')).toEqual({ resource: first.version, store: version });
});

describe('asks again', () => {
  let known: string;
  beforeEach(async () => {
    known = (await commit('a')).version;
    await store.versions('pods');
    asked = [];
  });

  it('when it last asked too long ago, so that lost data is noticed', async () => {
    ticksMs += TRUST_MS;
    memory.wipe();
    await expect(store.versions('pods')).rejects.toThrow('not the data that was opened');
  });

  it('while one of its commits is on its way', async () => {
    let answer: () => void = () => undefined;
    hold = () => new Promise((resolve) => (answer = resolve));
    const committing = commit('b');
    const between = store.versions('pods');
    expect(between).toBeInstanceOf(Promise);
    const seen = await between;
    expect(Number(seen.resource)).toBeGreaterThan(Number(known));
    answer();
    const { version } = await committing;
    expect(store.versions('pods')).toEqual(newest('pods', version));
  });

  it('after a commit of unknown outcome, and not after one that changed nothing', async () => {
    await expect(commit('a')).rejects.toThrow('exists');
    expect(store.versions('pods')).toEqual(newest('pods', known));
    hold = () => Promise.reject(new StoreUnavailable('lost', { isUnanswered: true }));
    await expect(commit('b')).rejects.toThrow('lost');
    const answer = await store.versions('pods');
    expect(asked).toEqual(['pods']);
    expect(Number(answer.resource)).toBeGreaterThan(Number(known));
  });

  it('after it goes on under another epoch', async () => {
    const state = await store.clusterState();
    await store.setClusterState({ epoch: 'other', phase: 'normal' }, state);
    await store.versions('pods');
    expect(asked).toEqual(['pods']);
  });
});

it('learns nothing from an answer that a change of its own overtook', async () => {
  await commit('a');
  const answer = store.versions('pods');
  const { version } = await commit('b');
  await answer;
  expect(await store.versions('pods')).toEqual(newest('pods', version));
  expect(asked).toEqual(['pods', 'pods']);
});

it('trusts nothing for a while after a change of somebody else', async () => {
  await commit('a');
  await store.versions('pods');
  await memory.commit([create('b')]);
  ticksMs += TRUST_MS;
  await store.versions('pods');
  expect(warnings).toBe(1);
  asked = [];
  await store.versions('pods');
  expect(asked).toEqual(['pods']);
  ticksMs += DISTRUST_MS;
  await store.versions('pods');
  await store.versions('pods');
  expect(asked).toEqual(['pods', 'pods']);
});

it('sees a change of somebody else within its time, although a commit of its own is newer', async () => {
  await commit('a');
  await store.versions('pods');
  await store.versions('secrets');
  const { version } = await memory.commit([create('b')]);
  await commit('c', 'secrets');
  ticksMs += TRUST_MS;
  await store.versions('secrets');
  expect((await store.versions('pods')).resource).toBe(version);
  expect(warnings).toBe(1);
});

it('keeps everything else of the store', async () => {
  await store.acquireLease('l', 'h', 1_000);
  expect(store.leasedAtMs).toBe(memory.leasedAtMs);
});
