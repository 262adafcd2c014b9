import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { CacheEvent, CacheWatcher } from '../../../src/store/cache/cache.ts';
import { DEFAULT_WINDOW, type WindowLimits } from '../../../src/store/cache/event-window.ts';
import { createWatchCache } from '../../../src/store/cache/watch-cache.ts';
import { Gone, type WatchEventType } from '../../../src/store/types.ts';
import { anObject } from '../../contracts/store.ts';

const R = 'configmaps';
const ALL = { type: 'all' } as const;

function setUp(window: WindowLimits = DEFAULT_WINDOW) {
  const versions = () => ({ resource: '0', store: '0' });
  const fed = createWatchCache({ resource: R, logger: silentLogger, window, versions });
  fed.relist({ objects: [], version: '10' });
  const stored = (name: string, version: number, data = {}): KubeObject => {
    const object = anObject(name, data);
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
  };
  const change = (type: WatchEventType, name: string, version: number, size = 10, data = {}): void =>
    fed.apply({
      type,
      resource: R,
      key: `default/${name}`,
      object: stored(name, version, data),
      version: String(version),
      size,
    });
  return { ...fed, stored, change };
}

/** Notes what it was told; `onEvent` runs inside the callback. */
function watcher(onEvent: (event: CacheEvent) => void = () => undefined) {
  const told: string[] = [];
  const ends: unknown[] = [];
  const one: CacheWatcher = {
    event(event) {
      told.push(`${event.type} ${event.key} ${event.version}`);
      onEvent(event);
    },
    end: (error) => void ends.push(error),
  };
  return { ...one, told, ends };
}

describe('a watch that begins inside a callback', () => {
  it.each(['a subscriber', 'a watcher'] as const)('of %s is told an event once', (who) => {
    const { cache, change } = setUp();
    const late = watcher();
    let begun: Disposable | undefined;
    const begin = (): void => void (begun ??= cache.watch(ALL, 10, late));
    if (who === 'a subscriber') cache.subscribe(begin);
    else cache.watch(ALL, 10, watcher(begin));
    change('ADDED', 'a', 11);
    change('MODIFIED', 'a', 12);
    expect(late.told).toEqual(['ADDED default/a 11', 'MODIFIED default/a 12']);
  });

  it('of an end is not ended with the others', () => {
    const { cache, relist } = setUp();
    const next = watcher();
    const first = { event: () => undefined, end: () => void cache.watch(ALL, 20, next) };
    cache.watch(ALL, 10, first);
    relist({ objects: [], version: '20' });
    expect(next.ends).toEqual([]);
  });
});

it('a watcher that another one disposes hears nothing more, neither an event nor an end', () => {
  const { cache, change, relist } = setUp();
  const other = watcher();
  const held: Disposable[] = [];
  const dispose = (): void => {
    for (const one of held.splice(0)) one[Symbol.dispose]();
  };
  cache.watch(ALL, 10, { event: dispose, end: dispose });
  held.push(cache.watch(ALL, 10, other));
  change('ADDED', 'a', 11);
  held.push(cache.watch(ALL, 11, other));
  relist({ objects: [], version: '20' });
  expect([other.told, other.ends]).toEqual([[], []]);
});

it('a watch of an index that was never added is refused, and harms no other', () => {
  const { cache, change } = setUp();
  const index = { type: 'index', index: 'colour', value: 'red' } as const;
  expect(() => cache.watch(index, 10, watcher())).toThrow('"colour": it was never added');
  const all = watcher();
  cache.watch(ALL, 10, all);
  change('ADDED', 'a', 11);
  expect(all.told).toEqual(['ADDED default/a 11']);
});

it('an index that is added late holds what is there, for lists and for watches of the past', () => {
  const { cache, change } = setUp();
  change('ADDED', 'a', 11, 10, { colour: 'red' });
  change('MODIFIED', 'a', 12, 10, { colour: 'blue' });
  cache.addIndex('colour', (object) => [(object['data'] as { colour: string }).colour]);
  const red = watcher();
  cache.watch({ type: 'index', index: 'colour', value: 'red' }, 10, red);
  expect(red.told).toEqual(['ADDED default/a 11', 'MODIFIED default/a 12']);
  expect([cache.byIndex('colour', 'red'), cache.byIndex('colour', 'blue')]).toMatchObject([[], [{}]]);
});

it('an object whose first change could not be read is added by the next one', () => {
  const { cache, change, passOver } = setUp();
  const all = watcher();
  cache.watch(ALL, 10, all);
  passOver('11');
  change('MODIFIED', 'a', 12);
  expect(all.told).toEqual(['ADDED default/a 12']);
  expect(cache.sortedAt(11)).toEqual([]);
});

it('one object that fills the window by itself leaves a window that begins behind it', () => {
  const { cache, change } = setUp({ events: 100, bytes: 1_000_000 });
  const all = watcher();
  cache.watch(ALL, 10, all);
  change('ADDED', 'a', 11);
  change('ADDED', 'b', 12, 1_500_000);
  expect(all.told).toHaveLength(2);
  expect(cache.floor).toBe(12);
  expect(() => cache.watch(ALL, 12, watcher())).not.toThrow();
  expect(() => cache.watch(ALL, 11, watcher())).toThrow(Gone);
  change('DELETED', 'b', 13);
  expect(cache.sortedAt(12).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
});

it('past states are right after deletions and re-creations of one key', () => {
  const { cache, change, passOver } = setUp();
  const states: Record<number, readonly string[]> = {};
  const versions = (objects: readonly KubeObject[]) =>
    objects.map(({ metadata }) => metadata.resourceVersion ?? '');
  const types: readonly WatchEventType[] = ['ADDED', 'DELETED', 'ADDED', 'MODIFIED', 'DELETED', 'ADDED'];
  types.forEach((type, index) => {
    const version = 11 + 2 * index;
    change(type, 'a', version);
    states[version] = versions(cache.sorted(ALL));
    passOver(String(version + 1));
    states[version + 1] = states[version];
  });
  for (const [version, objects] of Object.entries(states)) {
    expect(versions(cache.sortedAt(Number(version)))).toEqual(objects);
    // The pages of a list ask again, between those of others.
    cache.sortedAt(cache.floor);
    expect(versions(cache.sortedAt(Number(version)))).toEqual(objects);
  }
});

it('a relist ends the watches that stand, and subscribers hear a new object of an old name as two', () => {
  const { cache, change, relist, stored } = setUp();
  change('ADDED', 'a', 11);
  const all = watcher();
  cache.watch(ALL, 11, all);
  const told: string[] = [];
  cache.subscribe(({ type, key }) => void told.push(`${type} ${key}`));
  const again = stored('a', 15);
  relist({ objects: [{ ...again, metadata: { ...again.metadata, uid: 'another' } }], version: '20' });
  expect(told).toEqual(['DELETED default/a', 'ADDED default/a']);
  expect(all.told).toEqual([]);
  expect(all.ends).toMatchObject([{ name: 'Gone' }]);
  expect(() => cache.watch(ALL, 20, watcher())).not.toThrow();
});
