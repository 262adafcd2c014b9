/**
 * The names of keys. All share one hash tag, so that a Redis Cluster keeps them in one slot and
 * scripts may join them.
 */
import type { ResourceId } from '../../schemas/resource-kind.ts';

export interface RedisKeys {
  readonly meta: string;
  /**
   * A stream without content: an entry wakes the readers that block, so that they read new
   * resources too.
   */
  readonly wake: string;
  objects(resource: ResourceId): string;
  log(resource: ResourceId): string;
  lease(name: string): string;
  /** The memory of one commit: there while the commit is remembered. */
  commit(id: string): string;
}

export const DEFAULT_KEY_PREFIX = '{symphony}';

export function redisKeys(prefix = DEFAULT_KEY_PREFIX): RedisKeys {
  return {
    meta: `${prefix}:meta`,
    wake: `${prefix}:wake`,
    objects: (resource) => `${prefix}:o:${resource}`,
    log: (resource) => `${prefix}:log:${resource}`,
    lease: (name) => `${prefix}:lease:${name}`,
    commit: (id) => `${prefix}:commit:${id}`,
  };
}
