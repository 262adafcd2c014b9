import { beforeEach, describe, expect, it } from 'vitest';
import {
  createReadPromise,
  type Look,
  PROMISE_MS,
  type ReadPromise,
} from '../../../src/store/redis/read-promise.ts';
import type { CommitResult, StoreOp } from '../../../src/store/types.ts';

let nowMs: number;
let ticksMs: number;
let ids: number;
let promise: ReadPromise;

beforeEach(() => {
  nowMs = 1_000_000;
  ticksMs = 0;
  ids = 0;
  promise = createReadPromise({
    clock: { now: () => nowMs },
    newId: () => `writer-${(ids += 1)}`,
    ticksMs: () => ticksMs,
  });
});

const look = (resource: number, store: number, changes: Partial<Look> = {}): Look => ({
  resource,
  store,
  promisedUntilMs: nowMs + PROMISE_MS,
  renewed: false,
  ...changes,
});

const update = (resource: string, version: number): { op: StoreOp; result: CommitResult } => {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', resourceVersion: String(version) },
  };
  return {
    op: { type: 'update', resource, key: 'a', object, expectedVersion: '1' },
    result: { objects: [object], version: String(version) },
  };
};

it('knows what a look has brought, of the resource that was looked at', () => {
  promise.looking('pods')(look(5, 9));
  expect(promise.versions('pods')).toEqual({ resource: '5', store: '9' });
  expect(promise.versions('secrets')).toBeUndefined();
});

it('knows nothing without a promise', () => {
  promise.looking('pods')(look(5, 9, { promisedUntilMs: 0 }));
  expect(promise.versions('pods')).toBeUndefined();
});

describe('the end of a promise', () => {
  beforeEach(() => promise.looking('pods')(look(5, 9)));

  it('comes before Redis lets anybody else in', () => {
    nowMs += PROMISE_MS - 1;
    expect(promise.versions('pods')).toBeUndefined();
  });

  it('comes, too, when the clock was set back', () => {
    nowMs -= 10_000;
    ticksMs += PROMISE_MS;
    expect(promise.versions('pods')).toBeUndefined();
  });

  it('makes everything else forgotten that was known under it', () => {
    nowMs += PROMISE_MS;
    ticksMs += PROMISE_MS;
    promise.looking('secrets')(look(7, 12));
    expect(promise.versions('secrets')).toEqual({ resource: '7', store: '12' });
    expect(promise.versions('pods')).toBeUndefined();
  });

  it('is put off by a look in time', () => {
    nowMs += 100;
    ticksMs += 100;
    promise.looking('secrets')(look(7, 12, { renewed: true }));
    expect(promise.versions('pods')).toEqual({ resource: '5', store: '12' });
  });
});

describe('a change of its own', () => {
  beforeEach(() => promise.looking('pods')(look(5, 9)));

  it('makes it ask for as long as it is on its way', () => {
    const { op, result } = update('pods', 20);
    const over = promise.committing([op]);
    expect(promise.versions('pods')).toBeUndefined();
    over(result);
    expect(promise.versions('pods')).toEqual({ resource: '20', store: '20' });
  });

  it('of another resource makes the store newer, and nothing else', () => {
    const { op, result } = update('secrets', 20);
    promise.committing([op])(result);
    expect(promise.versions('pods')).toEqual({ resource: '5', store: '20' });
  });

  it('that was refused changed nothing', () => {
    promise.committing([update('pods', 20).op])('refused');
    expect(promise.versions('pods')).toEqual({ resource: '5', store: '9' });
  });

  it('of which nobody knows what became can no longer be made under the same name', () => {
    const before = promise.writer;
    promise.committing([update('pods', 20).op])(undefined);
    expect(promise.writer).not.toBe(before);
    expect(promise.versions('pods')).toBeUndefined();
  });

  it.each(['before', 'after'])('makes a look worth nothing that is answered %s it', (order) => {
    const looked = promise.looking('pods');
    const { op, result } = update('pods', 20);
    const over = promise.committing([op]);
    const stale = look(5, 9);
    if (order === 'before') looked(stale);
    over(result);
    if (order === 'after') looked(stale);
    expect(promise.versions('pods')).toEqual({ resource: '20', store: '20' });
  });
});
