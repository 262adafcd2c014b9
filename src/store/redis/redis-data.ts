/** The data in Redis as all parts of the adapter share it. */
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { History } from '../history.ts';
import type { RedisLink } from './connect.ts';
import type { RedisKeys } from './redis-keys.ts';
import type { StoredObjects } from './stored-objects.ts';

export interface RedisData {
  readonly redis: RedisLink;
  readonly keys: RedisKeys;
  readonly history: History;
  readonly objects: StoredObjects;
  /** Logs and counts what lies in Redis and cannot be read. */
  readonly onUnreadable: OnUnreadable;
}

export type OnUnreadable = (
  about: { readonly resource: ResourceId; readonly key: string; readonly version?: string },
  error: unknown,
) => void;

/** HGETs of the meta hash: absent fields are null. */
export async function readMeta(
  { redis, keys }: Pick<RedisData, 'redis' | 'keys'>,
  ...fields: readonly string[]
): Promise<readonly (string | null | undefined)[]> {
  return (await redis.call('HMGET', keys.meta, ...fields)) as (string | null)[];
}
