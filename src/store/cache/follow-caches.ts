/**
 * The caches of every stored resource, opened as kinds come. A kind that goes leaves its cache: it
 * shows the truth, also when the kind comes back.
 */
import type { Registry, ResourceId, ResourceKind } from '../../schemas/resource-kind.ts';
import { storageIdOf } from '../../schemas/resource-kind.ts';
import type { CacheSet, ResourceCache } from './cache.ts';

export interface FollowedCaches extends Disposable {
  readonly opened: ReadonlyMap<ResourceId, ResourceCache>;
  /** Resolves once the caches of all kinds that the registry has now are open. */
  ready(): Promise<void>;
}

export interface FollowOptions {
  readonly caches: CacheSet;
  readonly registry: Registry;
  accepts(kind: ResourceKind): boolean;
  /** Called once for each cache, before `ready` resolves. Its result is disposed with the rest. */
  opened(kind: ResourceKind, cache: ResourceCache): Disposable;
}

/** Resolves once everything that is registered now is open. */
export async function followCaches(options: FollowOptions): Promise<FollowedCaches> {
  const { caches, registry } = options;
  const opened = new Map<ResourceId, ResourceCache>();
  const opening = new Map<ResourceId, Promise<void>>();
  const held: Disposable[] = [];
  let disposed = false;

  async function open(resource: ResourceId, kind: ResourceKind): Promise<void> {
    const cache = await caches.open(resource);
    if (disposed) return;
    opened.set(resource, cache);
    held.push(options.opened(kind, cache));
  }

  function openMissing(): void {
    for (const kind of registry.stored) {
      const resource = storageIdOf(kind);
      if (opening.has(resource) || !options.accepts(kind)) continue;
      const task = open(resource, kind);
      // A cache fails to open only when the caches are closed; `ready` rejects then.
      task.catch(() => undefined);
      opening.set(resource, task);
    }
  }

  async function ready(): Promise<void> {
    openMissing();
    await Promise.all(opening.values());
  }

  function dispose(): void {
    disposed = true;
    for (const item of held) item[Symbol.dispose]();
  }

  held.push(registry.subscribe(openMissing));
  try {
    await ready();
  } catch (error) {
    dispose();
    throw error;
  }
  return { opened, ready, [Symbol.dispose]: dispose };
}
