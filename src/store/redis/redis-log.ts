/**
 * Reading the change log: pages, and the meaning of entries.
 *
 * A page is valid only if, *after* it was read, the epoch was the same and the log began before it.
 * So the state is read behind the page on one connection, which Redis answers in order.
 */
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { StoreChange, WatchEventType } from '../types.ts';
import type { RedisLink } from './connect.ts';
import type { RedisData } from './redis-data.ts';
import type { RedisKeys } from './redis-keys.ts';

/** An entry as Redis sends it: id, then field and value. */
export type RawEntry = readonly [id: string, fields: readonly string[]];

export interface LogState {
  readonly epoch: string | undefined;
  readonly last: number;
  readonly epochFloor: number;
  /** Per resource asked for: a reader from before this version may have missed changes. */
  readonly floors: readonly number[];
}

const TYPES: Readonly<Record<string, WatchEventType>> = { A: 'ADDED', M: 'MODIFIED', D: 'DELETED' };

export const versionOfEntry = (id: string): string => id.slice(0, id.indexOf('-'));

/** An entry that cannot be read keeps its version: nobody waits for it in vain. */
export function changeOf(
  { objects, onUnreadable }: Pick<RedisData, 'objects' | 'onUnreadable'>,
  resource: ResourceId,
  [id, fields]: RawEntry,
): StoreChange {
  const [field = '', payload = ''] = fields;
  const key = field.slice(1);
  const version = versionOfEntry(id);
  const type = Object.hasOwn(TYPES, field.charAt(0)) ? TYPES[field.charAt(0)] : undefined;
  try {
    if (!type) throw new Error('Unknown type of change');
    const change = { type, resource, key, version, size: payload.length };
    const own = objects.written(resource, key, payload, version);
    if (own) return { ...change, object: own, isSound: true };
    return { ...change, object: objects.decode(resource, key, payload, version) };
  } catch (error) {
    onUnreadable({ resource, key, version }, error);
    return { type: 'UNREADABLE', resource, key, version, isDeletion: type === 'DELETED' };
  }
}

export async function readLogState(
  redis: RedisLink,
  keys: RedisKeys,
  resources: readonly ResourceId[],
): Promise<LogState> {
  const fields = ['epoch', 'last', 'epochFloor', ...resources.map((resource) => `floor:${resource}`)];
  const reply = (await redis.call('HMGET', keys.meta, ...fields)) as (string | null)[];
  const [epoch, last, epochFloor, ...floors] = reply;
  return {
    epoch: epoch ?? undefined,
    last: Number(last ?? 0),
    epochFloor: Number(epochFloor ?? 0),
    floors: floors.map((floor) => Number(floor ?? 0)),
  };
}

export interface LogPage {
  readonly entries: readonly RawEntry[];
  readonly state: LogState;
}

export async function readPage(
  { redis, keys }: Pick<RedisData, 'redis' | 'keys'>,
  resource: ResourceId,
  after: number,
  limit: number,
): Promise<LogPage> {
  const [entries, state] = await Promise.all([
    redis.call('XRANGE', keys.log(resource), `(${after}-0`, '+', 'COUNT', limit),
    readLogState(redis, keys, [resource]),
  ]);
  return { entries: (entries ?? []) as RawEntry[], state };
}
