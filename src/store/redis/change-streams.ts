/** The resources whose logs are read, with their watchers. A slow watcher gets Gone. */
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { Gone, type StoreChange } from '../types.ts';
import type { RedisData } from './redis-data.ts';
import { changeOf, type RawEntry, versionOfEntry } from './redis-log.ts';

export interface ChangeWatcher {
  /** False when it cannot take more. */
  push(change: StoreChange): boolean;
  fail(error: Error): void;
}

/** How far the log of a resource was read. */
export interface ChangeStream {
  readonly resource: ResourceId;
  readonly position: number;
}

interface Stream extends ChangeStream {
  position: number;
  readonly watchers: Set<ChangeWatcher>;
}

export interface ChangeStreams {
  readonly all: () => readonly ChangeStream[];
  /** `isNew` where the resource was not read before. */
  add(
    resource: ResourceId,
    position: number,
    watcher: ChangeWatcher,
  ): Disposable & { readonly isNew: boolean };
  /** Decodes each change once for all watchers, unless the stream has ended. */
  deliver(stream: ChangeStream, entries: readonly RawEntry[]): void;
  drop(stream: ChangeStream, error: Error): void;
  clear(): void;
}

export function createChangeStreams(data: Pick<RedisData, 'objects' | 'onUnreadable'>): ChangeStreams {
  const streams = new Map<ResourceId, Stream>();

  function current(stream: ChangeStream): Stream | undefined {
    const found = streams.get(stream.resource);
    return found === stream ? found : undefined;
  }

  function forgetUnwatched(stream: Stream): void {
    if (stream.watchers.size === 0 && current(stream)) streams.delete(stream.resource);
  }

  return {
    all: () => [...streams.values()],
    add(resource, position, watcher) {
      const known = streams.get(resource);
      const stream = known ?? { resource, position, watchers: new Set() };
      streams.set(resource, stream);
      stream.watchers.add(watcher);
      return {
        isNew: !known,
        [Symbol.dispose]() {
          stream.watchers.delete(watcher);
          forgetUnwatched(stream);
        },
      };
    },
    deliver(target, entries) {
      const stream = current(target);
      if (!stream) return;
      for (const entry of entries) {
        stream.position = Number(versionOfEntry(entry[0]));
        const change = changeOf(data, stream.resource, entry);
        for (const watcher of stream.watchers) {
          if (watcher.push(change)) continue;
          stream.watchers.delete(watcher);
          watcher.fail(new Gone(`Cannot watch ${stream.resource}: the consumer is too slow`));
        }
      }
      forgetUnwatched(stream);
    },
    drop(target, error) {
      const stream = current(target);
      if (!stream) return;
      streams.delete(stream.resource);
      for (const watcher of stream.watchers) watcher.fail(error);
      stream.watchers.clear();
    },
    clear() {
      for (const { watchers } of streams.values()) watchers.clear();
      streams.clear();
    },
  };
}
