/**
 * What every adapter of the store must do. An adapter's test opens new, empty data and calls this:
 * `open` gives one more adapter on the same data, `wipe` loses everything that is in it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMapKind } from '../../src/schemas/kinds/config-map.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { ResourceKind } from '../../src/schemas/resource-kind.ts';
import { createStorageFormat, type StorageFormat } from '../../src/schemas/strategy/index.ts';
import {
  CommitRefused,
  type CreateOp,
  EpochChanged,
  FenceLost,
  Gone,
  type Store,
  type StoreEvent,
  type StoreOp,
} from '../../src/store/types.ts';

/** The adapters under test keep this many changes per resource, and this many bytes of them. */
export const LOG_LIMIT = 400;
export const LOG_BYTES = 400_000;

export interface StoreBackend extends AsyncDisposable {
  /** `format`: how the program reads and writes what is stored; as it is unless given. */
  open(format?: StorageFormat): Promise<Store>;
  /** Loses all data. */
  wipe(): Promise<void>;
  /** Sets the store's clock back by an hour. */
  setClockBack(): Promise<void>;
}

export function anObject(name: string, data: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data };
}

const RESOURCE = 'configmaps';
const create = (name: string, data?: Record<string, unknown>): CreateOp => ({
  type: 'create',
  resource: RESOURCE,
  key: `default/${name}`,
  object: anObject(name, data),
});
const update = (name: string, expectedVersion: string, data?: Record<string, unknown>): StoreOp => ({
  ...create(name, data),
  type: 'update',
  expectedVersion,
});
const remove = (name: string, expectedVersion: string): StoreOp => ({
  type: 'delete',
  resource: RESOURCE,
  key: `default/${name}`,
  expectedVersion,
});
const check = (name: string, expectedVersion: string | undefined): StoreOp => ({
  type: 'check',
  resource: RESOURCE,
  key: `default/${name}`,
  expectedVersion,
});
const versionOf = (object: KubeObject | undefined): string => object?.metadata.resourceVersion ?? '';

/** Reads events until `until` holds, then ends the watch. */
async function collect(
  store: Store,
  from: string,
  until: (events: readonly StoreEvent[]) => boolean,
  resource = RESOURCE,
): Promise<readonly StoreEvent[]> {
  const abort = new AbortController();
  const events: StoreEvent[] = [];
  if (until(events)) return events;
  for await (const event of store.watch(resource, from, abort.signal)) {
    if (event.type === 'UNREADABLE') throw new Error(`Cannot read ${event.key}`);
    events.push(event);
    if (until(events)) abort.abort();
  }
  return events;
}

const count =
  (wanted: number) =>
  (events: readonly StoreEvent[]): boolean =>
    events.length >= wanted;

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  const iterator = events[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
}

export function storeContract(name: string, createBackend: () => Promise<StoreBackend>): void {
  describe(`the store's contract: ${name}`, () => {
    let backend: StoreBackend;
    let store: Store;

    beforeEach(async () => {
      backend = await createBackend();
      store = await backend.open();
      await store.setClusterState({ epoch: 'first', phase: 'normal' }, undefined);
    });
    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    });

    const write = async (op: StoreOp): Promise<KubeObject> => {
      const { objects } = await store.commit([op]);
      return objects[0] as KubeObject;
    };
    const refusal = async (ops: readonly StoreOp[]): Promise<CommitRefused> => {
      const error: unknown = await store.commit(ops).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CommitRefused);
      return error as CommitRefused;
    };

    describe('storage versions', () => {
      const opened: Store[] = [];
      afterEach(async () => {
        for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
      });
      const program = async (changes: Partial<ResourceKind>): Promise<Store> => {
        const kind = { ...configMapKind, ...changes };
        const one = await backend.open(createStorageFormat({ byId: () => kind }));
        opened.push(one);
        return one;
      };
      const dataOf = (object: KubeObject | undefined): unknown => object?.['data'];
      /** The default of a later version, for objects that do not say their colour. */
      const coloured = (object: KubeObject): KubeObject => ({
        ...object,
        data: { colour: 'red', ...(object['data'] as object) },
      });
      /** Version 2 calls the size its length. */
      const migrate = (object: KubeObject, from: number): KubeObject => {
        const { size, ...rest } = object['data'] as Record<string, unknown>;
        return { ...object, data: { ...rest, length: size, from } };
      };

      /** The object in every way that there is to read it. */
      const everyRead = async (one: Store, key: string): Promise<readonly (KubeObject | undefined)[]> => {
        const { objects, version } = await one.list(RESOURCE);
        const [event] = await collect(
          one,
          String(Number(objects[0]?.metadata.resourceVersion) - 1),
          count(1),
        );
        expect(Number(version)).toBeGreaterThan(0);
        return [
          await one.get(RESOURCE, key),
          ...(await one.getMany(RESOURCE, [key])),
          objects[0],
          event?.object,
        ];
      };

      it('a default that came later is there on every read, and changes no version', async () => {
        const written = await write(create('a', { n: '1' }));
        const before = (await store.list(RESOURCE)).version;
        const later = await program({ withDefaults: coloured });
        for (const object of await everyRead(later, 'default/a')) {
          expect(dataOf(object)).toEqual({ n: '1', colour: 'red' });
          expect(object?.metadata).toEqual(written.metadata);
        }
        expect((await store.list(RESOURCE)).version).toBe(before);
        expect(dataOf(await store.get(RESOURCE, 'default/a'))).toEqual({ n: '1' });
      });

      it('an object of an older version is migrated on every read, until it is written', async () => {
        const written = await write(create('a', { size: '1' }));
        const later = await program({ storageVersion: 2, migrate });
        for (const object of await everyRead(later, 'default/a'))
          expect(dataOf(object)).toEqual({ length: '1', from: 1 });
        await later.commit([update('a', versionOf(written), { length: '2' })]);
        for (const object of await everyRead(later, 'default/a'))
          expect(dataOf(object)).toEqual({ length: '2' });
      });

      it('an object of a newer version is read as it is, can be deleted, and is never rewritten', async () => {
        const later = await program({ storageVersion: 2, migrate });
        const { objects } = await later.commit([create('a', { length: '1' }), create('b', {})]);
        const earlier = await program({ withDefaults: coloured });
        expect(dataOf(await earlier.get(RESOURCE, 'default/a'))).toEqual({ length: '1' });
        const version = versionOf(objects[0]);
        const refused: unknown = await earlier
          .commit([update('a', version, { size: '1' })])
          .catch((thrown: unknown) => thrown);
        expect(refused).toMatchObject({ name: 'CommitRefused', reason: 'newer', actualVersion: version });
        expect(dataOf(await later.get(RESOURCE, 'default/a'))).toEqual({ length: '1' });
        await earlier.commit([remove('b', versionOf(objects[1]))]);
        expect((await later.list(RESOURCE)).objects).toHaveLength(1);
      });
    });

    describe('commit ids', () => {
      const id = 'one:1';

      it('does a commit once, however often it is asked for', async () => {
        const first = await store.commit([create('a'), create('b')], { id });
        const { version } = await store.list(RESOURCE);
        expect(await store.commit([create('a'), create('b')], { id })).toEqual(first);
        expect((await store.list(RESOURCE)).version).toBe(version);
      });

      it('answers as it did the first time, also when things have changed since', async () => {
        const before = await write(create('a', { n: 1 }));
        const pod = { ...create('p'), resource: 'pods' };
        const ops = [check('b', undefined), remove('a', versionOf(before)), pod];
        const first = await store.commit(ops, { id });
        await store.commit([create('a'), create('b')]);
        expect(await store.commit(ops, { id })).toEqual(first);
        expect(first.objects[1]?.['data']).toEqual({ n: 1 });
      });

      it('remembers for every adapter, and for a leader whose lease has passed on', async () => {
        const held = await store.acquireLease('leader', 'a', 60_000);
        const fence = { lease: 'leader', token: held?.token ?? 0 };
        const first = await store.commit([create('a')], { id, fence });
        await store.releaseLease('leader', 'a');
        const other = await backend.open();
        expect(await other.commit([create('a')], { id, fence })).toEqual(first);
        await other[Symbol.asyncDispose]();
      });

      it('does not remember a commit that was refused', async () => {
        const a = await write(create('a'));
        await expect(store.commit([create('a')], { id })).rejects.toThrow(CommitRefused);
        await store.commit([remove('a', versionOf(a))]);
        await store.commit([create('a')], { id });
        expect((await store.list(RESOURCE)).objects).toHaveLength(1);
      });

      it('takes another commit under another id', async () => {
        await store.commit([create('a')], { id });
        await expect(store.commit([create('a')], { id: 'one:2' })).rejects.toThrow('exists');
      });

      it('forgets with the data', async () => {
        await store.commit([create('a')], { id });
        await backend.wipe();
        await store.setClusterState({ epoch: 'second', phase: 'normal' }, undefined);
        const { objects } = await store.commit([create('a')], { id });
        expect(await store.get(RESOURCE, 'default/a')).toEqual(objects[0]);
      });
    });

    describe('checks', () => {
      it('refuse the whole commit when the object has changed, is gone, or has come', async () => {
        const a = await write(create('a'));
        const changed = await refusal([create('b'), check('a', '5')]);
        expect(changed).toMatchObject({ reason: 'stale', opIndex: 1, actualVersion: versionOf(a) });
        expect(await refusal([create('b'), check('x', '5')])).toMatchObject({
          reason: 'missing',
          opIndex: 1,
        });
        expect(await refusal([create('b'), check('a', undefined)])).toMatchObject({ reason: 'exists' });
        expect(await store.get(RESOURCE, 'default/b')).toBeUndefined();
      });

      it('see what was there before the commit, of another resource too', async () => {
        const a = await write(create('a'));
        const pod = { ...create('p'), resource: 'pods' };
        await store.commit([check('a', versionOf(a)), pod, update('a', versionOf(a), { n: 2 })]);
        expect((await store.get(RESOURCE, 'default/a'))?.['data']).toEqual({ n: 2 });
        const late = { ...pod, key: 'default/q' };
        expect(await refusal([late, check('a', versionOf(a))])).toMatchObject({ reason: 'stale' });
      });
    });

    describe('objects', () => {
      it('gives back what was created, with its version', async () => {
        const created = await write(create('a', { text: 'ünï → "quoted"\n', list: [], nothing: {} }));
        expect(created).toEqual({
          ...anObject('a', { text: 'ünï → "quoted"\n', list: [], nothing: {} }),
          metadata: { name: 'a', namespace: 'default', resourceVersion: versionOf(created) },
        });
        expect(versionOf(created)).toMatch(/^[1-9]\d+$/);
        expect(await store.get(RESOURCE, 'default/a')).toEqual(created);
        expect(await store.get(RESOURCE, 'default/b')).toBeUndefined();
        expect(await store.get('pods', 'default/a')).toBeUndefined();
      });

      it('reads many keys at once, in their order', async () => {
        const { objects } = await store.commit([create('a'), create('b')]);
        expect(await store.getMany(RESOURCE, ['default/b', 'default/x', 'default/a'])).toEqual([
          objects[1],
          undefined,
          objects[0],
        ]);
        expect(await store.getMany(RESOURCE, [])).toEqual([]);
      });

      it('lists sorted by key, at a version that is at least that of every object', async () => {
        const { objects, version } = await store.commit([create('b'), create('a'), create('a-b')]);
        const list = await store.list(RESOURCE);
        expect(list.objects).toEqual([objects[1], objects[2], objects[0]]);
        expect(list.version).toBe(version);
        const empty = await store.list('pods');
        expect(empty).toEqual({ objects: [], version });
      });

      it('ignores the version that the object of an op carries', async () => {
        const object = anObject('a');
        object.metadata.resourceVersion = '5';
        const created = await write({ ...create('a'), object });
        expect(versionOf(created)).not.toBe('5');
        expect(versionOf(await store.get(RESOURCE, 'default/a'))).toBe(versionOf(created));
      });

      it('does not see changes made to an object after it was committed', async () => {
        const object = anObject('a', { key: 'before' });
        await write({ ...create('a'), object });
        (object['data'] as Record<string, string>)['key'] = 'after';
        expect((await store.get(RESOURCE, 'default/a'))?.['data']).toEqual({ key: 'before' });
      });
    });

    describe('expectations', () => {
      it('refuses to create what exists', async () => {
        const created = await write(create('a'));
        const refused = await refusal([create('a')]);
        expect(refused).toMatchObject({ reason: 'exists', opIndex: 0, actualVersion: versionOf(created) });
      });

      it('refuses a write on an older version, and tells the actual one', async () => {
        const first = await write(create('a'));
        const second = await write(update('a', versionOf(first), { n: 2 }));
        for (const op of [update('a', versionOf(first)), remove('a', versionOf(first))]) {
          expect(await refusal([op])).toMatchObject({ reason: 'stale', actualVersion: versionOf(second) });
        }
        expect(await store.get(RESOURCE, 'default/a')).toEqual(second);
      });

      it('refuses to update and delete what is missing', async () => {
        expect((await refusal([update('a', '1')])).reason).toBe('missing');
        expect((await refusal([remove('a', '1')])).reason).toBe('missing');
      });

      it('checks without changing anything', async () => {
        const a = await write(create('a'));
        const before = await store.versions(RESOURCE);
        const result = await store.commit([check('a', versionOf(a)), check('b', undefined)]);
        expect(result).toEqual({ objects: [undefined, undefined], version: before.store });
        expect(await store.versions(RESOURCE)).toEqual(before);
        expect((await refusal([check('a', undefined), create('c')])).reason).toBe('exists');
        expect((await refusal([check('a', '1'), create('c')])).reason).toBe('stale');
        expect(await refusal([create('c'), check('b', '1')])).toMatchObject({
          reason: 'missing',
          opIndex: 1,
        });
        expect(await store.get(RESOURCE, 'default/c')).toBeUndefined();
      });

      it('refuses an object above the size limit', async () => {
        const refused = await refusal([create('small'), create('big', { text: 'x'.repeat(1_600_000) })]);
        expect(refused).toMatchObject({ reason: 'tooLarge', opIndex: 1 });
        expect(await store.get(RESOURCE, 'default/small')).toBeUndefined();
      });

      it('refuses a batch that writes one object twice', async () => {
        await expect(store.commit([create('a'), update('a', '1')])).rejects.toThrow('appears twice');
      });
    });

    describe('batches', () => {
      it('writes all or nothing', async () => {
        const a = await write(create('a'));
        const before = await store.versions(RESOURCE);
        const ops = [update('a', versionOf(a), { n: 2 }), create('b'), create('a')];
        await expect(store.commit(ops)).rejects.toThrow('appears twice');
        const refused = await refusal([create('b'), remove('missing', '1'), update('a', versionOf(a))]);
        expect(refused.opIndex).toBe(1);
        expect((await store.list(RESOURCE)).objects).toEqual([a]);
        expect(await store.versions(RESOURCE)).toEqual(before);
      });

      it('takes 5,000 ops in one commit, and gives each its own version in order', async () => {
        const ops = Array.from({ length: 5000 }, (_, index) =>
          create(`n${index}`, { text: 'x'.repeat(100) }),
        );
        const { objects, version } = await store.commit(ops);
        const versions = objects.map((object) => Number(versionOf(object)));
        expect(new Set(versions).size).toBe(5000);
        expect([...versions].sort((a, b) => a - b)).toEqual(versions);
        expect(String(versions.at(-1))).toBe(version);
        expect((await store.list(RESOURCE)).objects).toHaveLength(5000);
      });

      it('changes several resources in one commit', async () => {
        const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' } };
        const { objects } = await store.commit([
          create('a'),
          { type: 'create', resource: 'pods', key: 'default/p', object: pod },
        ]);
        expect(Number(versionOf(objects[1]))).toBeGreaterThan(Number(versionOf(objects[0])));
        expect(await store.versions('pods')).toEqual({
          resource: versionOf(objects[1]),
          store: versionOf(objects[1]),
        });
        expect((await store.versions(RESOURCE)).resource).toBe(versionOf(objects[0]));
      });

      it('takes an empty commit', async () => {
        const { store: version } = await store.versions(RESOURCE);
        expect(await store.commit([])).toEqual({ objects: [], version });
      });
    });

    describe('watch', () => {
      it('gives every change after the version of a list, in order', async () => {
        await write(create('before'));
        const { version } = await store.list(RESOURCE);
        const a = await write(create('a', { n: 1 }));
        const b = await write(update('a', versionOf(a), { n: 2 }));
        await write(remove('a', versionOf(b)));
        const events = await collect(store, version, count(3));
        expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
        expect(events.map(({ key }) => key)).toEqual(['default/a', 'default/a', 'default/a']);
        expect(events.slice(0, 2).map(({ object }) => object)).toEqual([a, b]);
      });

      it('gives a deletion the last state and its own version', async () => {
        const a = await write(create('a', { n: 1 }));
        const deleted = await write(remove('a', versionOf(a)));
        expect(deleted['data']).toEqual({ n: 1 });
        expect(Number(versionOf(deleted))).toBeGreaterThan(Number(versionOf(a)));
        const [event] = await collect(store, versionOf(a), count(1));
        expect(event).toEqual({
          type: 'DELETED',
          resource: RESOURCE,
          key: 'default/a',
          object: deleted,
          version: versionOf(deleted),
          size: expect.any(Number),
        });
      });

      it('gives changes made while it waits, and only those of its resource', async () => {
        const { version } = await store.list(RESOURCE);
        const watching = collect(store, version, count(2));
        const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' } };
        await store.commit([{ type: 'create', resource: 'pods', key: 'default/p', object: pod }]);
        const a = await write(create('a'));
        const b = await write(create('b'));
        expect((await watching).map(({ object }) => object)).toEqual([a, b]);
      });

      it('misses nothing between list and watch under concurrent writes', async () => {
        const writer = (async () => {
          for (let n = 0; n < 150; n += 1) await write(create(`w${n}`));
        })();
        const readers = Array.from({ length: 8 }, async () => {
          const list = await store.list(RESOURCE);
          const events = await collect(
            store,
            list.version,
            (seen) => list.objects.length + seen.length >= 150,
          );
          return [...list.objects, ...events.map(({ object }) => object)].map(
            ({ metadata }) => metadata.name,
          );
        });
        const expected = Array.from({ length: 150 }, (_, n) => `w${n}`).sort();
        for (const names of await Promise.all(readers)) expect([...names].sort()).toEqual(expected);
        await writer;
      });

      it('ends when its signal aborts, also before it begins', async () => {
        const { version } = await store.list(RESOURCE);
        const abort = new AbortController();
        const ended = drain(store.watch(RESOURCE, version, abort.signal));
        await write(create('a'));
        abort.abort();
        await ended;
        await drain(store.watch(RESOURCE, version, abort.signal));
      });

      it('ends when the store is disposed', async () => {
        const other = await backend.open();
        const { version } = await other.list(RESOURCE);
        const ended = drain(other.watch(RESOURCE, version, new AbortController().signal));
        await other[Symbol.asyncDispose]();
        await ended;
      });

      it('is Gone from a version that the log no longer holds, and whole from one that it does', async () => {
        const start = versionOf(await write(create('a')));
        let version = start;
        const versions: string[] = [];
        for (let n = 0; n < LOG_LIMIT * 2; n += 100) {
          const { objects } = await store.commit(
            Array.from({ length: 100 }, (_, index) => create(`n${n + index}`)),
          );
          versions.push(...objects.map(versionOf));
        }
        version = versions.at(-(LOG_LIMIT - 50)) ?? '';
        const events = await collect(store, version, count(LOG_LIMIT - 51));
        expect(events.map((event) => event.version)).toEqual(versions.slice(-(LOG_LIMIT - 51)));
        await expect(collect(store, start, count(1))).rejects.toThrow(Gone);
      });

      it('bounds the bytes of its log, and is Gone from before what it holds', async () => {
        const { version } = await store.list(RESOURCE);
        const big = { text: 'x'.repeat(LOG_BYTES / 10) };
        let last = await write(create('a', big));
        const versions = [versionOf(last)];
        for (let n = 0; n < 30; n += 1) {
          last = await write(update('a', versionOf(last), { ...big, n }));
          versions.push(versionOf(last));
        }
        await expect(collect(store, version, count(1))).rejects.toThrow(Gone);
        // Of 31 changes, ten fit (with the slack eleven); a quarter may be cut at a time.
        await expect(collect(store, versions.at(-12) ?? '', count(1))).rejects.toThrow(Gone);
        expect(await collect(store, versions.at(-7) ?? '', count(6))).toHaveLength(6);
      });

      it('is Gone from a version newer than the store, older than the epoch, or malformed', async () => {
        await write(create('a'));
        const { version } = await store.list(RESOURCE);
        for (const from of [String(Number(version) + 1_000_000_000), '1', '', '01', '1e3', '-1', 'x']) {
          await expect(collect(store, from, count(1))).rejects.toThrow(Gone);
        }
      });
    });

    describe('many writers', () => {
      it('loses no update, and shows every watcher one order, that of the versions', async () => {
        const stores = await Promise.all(Array.from({ length: 4 }, () => backend.open()));
        const keys = ['k0', 'k1', 'k2'];
        await store.commit(keys.map((key) => create(key, { n: 0 })));
        const { version } = await store.list(RESOURCE);
        const total = 4 * 3 * 20;
        const watching = [...stores, store].map((watcher) => collect(watcher, version, count(total)));
        const increment = async (writer: Store, key: string): Promise<void> => {
          for (;;) {
            const current = (await writer.get(RESOURCE, `default/${key}`)) as KubeObject;
            const n = (current['data'] as { n: number }).n + 1;
            try {
              await writer.commit([update(key, versionOf(current), { n })]);
              return;
            } catch (error) {
              if (!(error instanceof CommitRefused)) throw error;
            }
          }
        };
        await Promise.all(
          stores.flatMap((writer) =>
            keys.map(async (key) => {
              for (let round = 0; round < 20; round += 1) await increment(writer, key);
            }),
          ),
        );
        for (const key of keys) {
          expect((await store.get(RESOURCE, `default/${key}`))?.['data']).toEqual({ n: 80 });
        }
        const [first, ...others] = await Promise.all(watching);
        const versions = (first ?? []).map((event) => Number(event.version));
        expect(versions).toHaveLength(total);
        expect([...versions].sort((a, b) => a - b)).toEqual(versions);
        for (const other of others) expect(other).toEqual(first);
        for (const each of stores) await each[Symbol.asyncDispose]();
      });
    });

    describe('epochs', () => {
      it('has no cluster state at first, and takes no commit until it has one', async () => {
        await backend.wipe();
        const fresh = await backend.open();
        expect(await fresh.clusterState()).toBeUndefined();
        await expect(fresh.commit([create('a')])).rejects.toThrow(EpochChanged);
        expect(await fresh.setClusterState({ epoch: 'second', phase: 'rebuilding' }, undefined)).toBe(true);
        expect(await fresh.clusterState()).toEqual({ epoch: 'second', phase: 'rebuilding' });
        await fresh.commit([create('a')]);
        await fresh[Symbol.asyncDispose]();
      });

      it('changes its state only from the expected one', async () => {
        const next = { epoch: 'first', phase: 'rebuilding' } as const;
        expect(await store.setClusterState(next, undefined)).toBe(false);
        expect(await store.setClusterState(next, { epoch: 'other', phase: 'normal' })).toBe(false);
        expect(await store.setClusterState(next, next)).toBe(false);
        expect(await store.clusterState()).toEqual({ epoch: 'first', phase: 'normal' });
        expect(await store.setClusterState(next, { epoch: 'first', phase: 'normal' })).toBe(true);
        expect(await store.clusterState()).toEqual(next);
        await write(create('a'));
      });

      it('keeps versions and watches over a change of phase', async () => {
        const { version } = await store.list(RESOURCE);
        const watching = collect(store, version, count(1));
        const normal = { epoch: 'first', phase: 'normal' } as const;
        await store.setClusterState({ epoch: 'first', phase: 'rebuilding' }, normal);
        const a = await write(create('a'));
        expect((await watching)[0]?.object).toEqual(a);
      });

      it('tells the state with the newest version, and what another process made of it', async () => {
        const a = await write(create('a'));
        expect(await store.checkState()).toEqual({ epoch: 'first', phase: 'normal', version: versionOf(a) });
        const other = await backend.open();
        const next = { epoch: 'second', phase: 'rebuilding' } as const;
        await other.setClusterState(next, await other.clusterState());
        expect(await store.checkState()).toMatchObject(next);
        await backend.wipe();
        expect(await store.checkState()).toBeUndefined();
        await other[Symbol.asyncDispose]();
      });

      it('refuses reads and writes once the data is lost, rather than show it empty', async () => {
        await write(create('a'));
        const { version } = await store.list(RESOURCE);
        await backend.wipe();
        await expect(store.commit([create('b')])).rejects.toThrow(EpochChanged);
        await expect(store.list(RESOURCE)).rejects.toThrow(EpochChanged);
        await expect(store.get(RESOURCE, 'default/a')).rejects.toThrow(EpochChanged);
        await expect(store.getMany(RESOURCE, ['default/a'])).rejects.toThrow(EpochChanged);
        await expect(store.versions(RESOURCE)).rejects.toThrow(EpochChanged);
        await expect(collect(store, version, count(1))).rejects.toThrow(EpochChanged);
      });

      it('ends a running watch when the data is lost', async () => {
        await write(create('a'));
        const { version } = await store.list(RESOURCE);
        const watching = drain(store.watch(RESOURCE, version, new AbortController().signal));
        const outcome = expect(watching).rejects.toThrow(EpochChanged);
        await write(create('b'));
        await backend.wipe();
        await outcome;
      });

      it('goes on with higher versions under a new epoch, and knows the old ones as Gone', async () => {
        const old = await write(create('a'));
        await backend.wipe();
        expect(await store.setClusterState({ epoch: 'second', phase: 'rebuilding' }, undefined)).toBe(true);
        const again = await write(create('a'));
        expect(Number(versionOf(again))).toBeGreaterThan(Number(versionOf(old)));
        await expect(collect(store, versionOf(old), count(1))).rejects.toThrow(Gone);
      });

      it('lets an adapter follow an epoch that another one has set', async () => {
        const other = await backend.open();
        await backend.wipe();
        const state = { epoch: 'second', phase: 'rebuilding' } as const;
        expect(await other.setClusterState(state, undefined)).toBe(true);
        expect(await store.setClusterState(state, undefined)).toBe(false);
        await expect(store.commit([create('a')])).rejects.toThrow(EpochChanged);
        expect(await store.setClusterState(state, state)).toBe(true);
        await write(create('a'));
        await other[Symbol.asyncDispose]();
      });

      it('never goes back in versions when the clock does', async () => {
        const before = await write(create('a'));
        await backend.setClockBack();
        const after = await write(create('b'));
        expect(Number(versionOf(after))).toBeGreaterThan(Number(versionOf(before)));
        await backend.wipe();
        await store.setClusterState({ epoch: 'second', phase: 'normal' }, undefined);
        expect(Number(versionOf(await write(create('c'))))).toBeGreaterThan(Number(versionOf(after)));
      });
    });

    describe('leases', () => {
      it('has one holder at a time, who may renew it', async () => {
        const first = await store.acquireLease('leader', 'a', 60_000);
        expect(first).toBeDefined();
        expect(await store.acquireLease('leader', 'b', 60_000)).toBeUndefined();
        expect((await store.acquireLease('leader', 'a', 60_000))?.token).toBe(first?.token);
        expect(await store.acquireLease('other', 'b', 60_000)).toBeDefined();
      });

      it('remembers when it last took or renewed one', async () => {
        expect(store.leasedAtMs).toBe(Number.NEGATIVE_INFINITY);
        await store.acquireLease('leader', 'a', 60_000);
        const taken = store.leasedAtMs;
        expect(taken).toBeGreaterThan(0);
        await store.acquireLease('leader', 'b', 60_000);
        expect(store.leasedAtMs).toBe(taken);
      });

      it('gives each new holder a higher token', async () => {
        const first = await store.acquireLease('leader', 'a', 60_000);
        await store.releaseLease('leader', 'b');
        expect(await store.acquireLease('leader', 'b', 60_000)).toBeUndefined();
        await store.releaseLease('leader', 'a');
        const second = await store.acquireLease('leader', 'b', 60_000);
        expect(second?.token).toBeGreaterThan(first?.token ?? Number.NaN);
      });

      it('passes on a lease that has expired', async () => {
        const first = await store.acquireLease('leader', 'a', 0);
        const second = await store.acquireLease('leader', 'b', 60_000);
        expect(second?.token).toBeGreaterThan(first?.token ?? Number.NaN);
        expect(await store.acquireLease('leader', 'a', 60_000)).toBeUndefined();
      });

      it('refuses the commits of a holder whose lease has expired or passed on', async () => {
        const first = await store.acquireLease('leader', 'a', 60_000);
        const fence = { lease: 'leader', token: first?.token ?? 0 };
        await store.commit([create('a')], { fence });
        await store.acquireLease('leader', 'a', 0);
        await expect(store.commit([create('b')], { fence })).rejects.toThrow(FenceLost);
        const second = await store.acquireLease('leader', 'b', 60_000);
        await expect(store.commit([create('b')], { fence })).rejects.toThrow(FenceLost);
        await store.commit([create('c')], { fence: { lease: 'leader', token: second?.token ?? 0 } });
        await store.releaseLease('leader', 'b');
        await expect(
          store.commit([create('d')], { fence: { lease: 'leader', token: second?.token ?? 0 } }),
        ).rejects.toThrow(FenceLost);
        await expect(store.commit([create('d')], { fence: { lease: 'no', token: 1 } })).rejects.toThrow(
          FenceLost,
        );
        const names = (await store.list(RESOURCE)).objects.map(({ metadata }) => metadata.name);
        expect(names).toEqual(['a', 'c']);
      });
    });
  });
}
