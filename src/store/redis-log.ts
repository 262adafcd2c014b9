/**
 * Reading the change log: pages for catching up, and what the entries mean.
 *
 * A page is only valid if, *after* it was read, the epoch was still the same and the log still began before it; so the
 * state is read behind the page on the same connection, which Redis answers in that order.
 */
import type { Logger } from '../base/logger.ts';
import type { ResourceId } from '../schemas/resource-kind.ts';
import type { RedisLink } from './connect.ts';
import { soundObjectOf } from './limits.ts';
import { type PayloadCodec, UnknownKey } from './payload-codec.ts';
import type { RedisKeys } from './redis-keys.ts';
import type { StoreEvent, WatchEventType } from './types.ts';

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

/** Undefined (and a line in the log) for an entry that cannot be read: one bad object never stops the others. */
export function eventOf(
  resource: ResourceId,
  [id, fields]: RawEntry,
  codec: PayloadCodec,
  logger: Logger,
): StoreEvent | undefined {
  const [field = '', payload = ''] = fields;
  const key = field.slice(1);
  const version = versionOfEntry(id);
  try {
    const type = TYPES[field.charAt(0)];
    if (!type) throw new Error(`Unknown change "${field}"`);
    const object = soundObjectOf(key, codec.decode(resource, key, payload), version);
    return { type, resource, key, object, version };
  } catch (error) {
    if (error instanceof UnknownKey) throw error;
    logger.error({ error, resource, key, version }, 'Cannot read a change; it is left out');
    return undefined;
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
  redis: RedisLink,
  keys: RedisKeys,
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
