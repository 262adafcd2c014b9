/** The names of keys. One hash tag keeps all in one slot of a cluster, for the scripts. */
import type { ResourceId } from '../../schemas/resource-kind.ts';

export interface RedisKeys {
  readonly meta: string;
  /** An empty stream: an entry wakes blocked readers, so that they read new resources too. */
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
