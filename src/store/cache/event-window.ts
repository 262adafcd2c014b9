/**
 * The latest events of a resource, bounded in number and bytes. Watches resume from it, and a list
 * of an older version is made by undoing them.
 */
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { LOG_SLACK } from '../limits.ts';
import { Gone } from '../types.ts';
import type { CacheEvent } from './cache.ts';

export interface WindowLimits {
  readonly events: number;
  /** The objects as text. In memory they take some half as much again (`bench cache`). */
  readonly bytes: number;
}

/** Some minutes in a busy cluster. A client that was away for longer lists again. */
export const DEFAULT_WINDOW: WindowLimits = { events: 5_000, bytes: 16_777_216 };

export interface EventWindow<T extends KubeObject> {
  /** The oldest version that the window reaches back to. */
  readonly floor: number;
  add(event: CacheEvent<T>, size: number): void;
  /** Nothing before `version` can be told any more. */
  restart(version: number): void;
  /** Throws Gone when the window does not reach back to `version`. */
  after(version: number): readonly CacheEvent<T>[];
}

interface Entry<T extends KubeObject> {
  readonly event: CacheEvent<T>;
  readonly version: number;
  readonly size: number;
}

export function createEventWindow<T extends KubeObject>(limits: WindowLimits): EventWindow<T> {
  let entries: Entry<T>[] = [];
  let bytes = 0;
  let floor = 0;

  /** Beyond a limit by the slack, so that not every event moves the others. */
  const isOver = (slack: number): boolean =>
    entries.length > limits.events * slack || bytes > limits.bytes * slack;

  function trim(): void {
    let cut = Math.max(0, entries.length - limits.events);
    let left = bytes - sizeOf(entries.slice(0, cut));
    for (; left > limits.bytes && cut < entries.length; cut += 1) left -= entries[cut]?.size ?? 0;
    const dropped = entries.splice(0, cut);
    bytes = left;
    floor = dropped.at(-1)?.version ?? floor;
  }

  return {
    get floor() {
      return floor;
    },
    add(event, size) {
      entries.push({ event, version: Number(event.version), size });
      bytes += size;
      if (isOver(1 + LOG_SLACK)) trim();
    },
    restart(version) {
      entries = [];
      bytes = 0;
      floor = version;
    },
    after(version) {
      if (version < floor) throw new Gone(`too old resource version: ${version} (${floor})`);
      return entries.slice(firstAfter(entries, version)).map(({ event }) => event);
    },
  };
}

/** The state before the events, made of the state after them. */
export function undone<T extends KubeObject>(
  objects: readonly T[],
  events: readonly CacheEvent<T>[],
): readonly T[] {
  const state = new Map(objects.map((object) => [keyOf(object), object]));
  for (const { key, previous } of [...events].reverse()) {
    if (previous) state.set(key, previous);
    else state.delete(key);
  }
  return [...state.values()];
}

const sizeOf = (entries: readonly { readonly size: number }[]): number =>
  entries.reduce((sum, { size }) => sum + size, 0);

/** Index of the first entry after `version`; entries are in the order of their versions. */
function firstAfter(entries: readonly { readonly version: number }[], version: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.version ?? 0) > version) high = middle;
    else low = middle + 1;
  }
  return low;
}
