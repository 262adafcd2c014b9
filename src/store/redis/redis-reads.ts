/**
 * Reading objects and versions. Data that is gone, or went back in time, is refused with
 * EpochChanged: it never looks like "there are no objects".
 */
import { errorMessage } from '../../base/errors.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { ListResult, Versions } from '../types.ts';
import { parseVersion } from '../version.ts';
import { UnknownKey } from './payload-codec.ts';
import { type RedisData, readMeta } from './redis-data.ts';
import { LIST } from './redis-scripts.ts';
import { runScript } from './script-runner.ts';

export async function readObjects(
  data: RedisData,
  resource: ResourceId,
  wanted: readonly string[],
): Promise<readonly (KubeObject | undefined)[]> {
  if (wanted.length === 0) return [];
  const check = data.history.expect();
  // Redis answers one connection in order: the state is read after the objects.
  const [values, [epoch, last]] = await Promise.all([
    data.redis.call('HMGET', data.keys.objects(resource), ...wanted),
    readMeta(data, 'epoch', 'last'),
  ]);
  check(epoch, last);
  return (values as (string | null)[]).map((value, index) =>
    value === null ? undefined : decodeNamed(data, resource, wanted[index] ?? '', value),
  );
}

export async function listObjects(data: RedisData, resource: ResourceId): Promise<ListResult> {
  const { redis, keys, history } = data;
  const check = history.expect();
  const reply = await runScript(redis, LIST, [keys.meta, keys.objects(resource)], []);
  const [[epoch, last], values] = reply as [(string | null)[], readonly string[]];
  check(epoch, last);
  return { ...decodeAll(data, resource, values), version: last ?? '0' };
}

export async function readVersions(data: RedisData, resource: ResourceId): Promise<Versions> {
  const check = data.history.expect();
  const [epoch, last, epochFloor, own] = await readMeta(
    data,
    'epoch',
    'last',
    'epochFloor',
    `last:${resource}`,
  );
  check(epoch, last);
  return { resource: String(Math.max(Number(own ?? 0), Number(epochFloor ?? 0))), store: last ?? '0' };
}

function decode({ objects }: RedisData, resource: ResourceId, key: string, value: string): KubeObject {
  const space = value.indexOf(' ');
  const version = value.slice(0, space);
  if (parseVersion(version) === undefined) throw new Error('It has no version');
  return objects.decode(resource, key, value.slice(space + 1), version);
}

/** The error names the object, as its reader asked for it by name. */
function decodeNamed(data: RedisData, resource: ResourceId, key: string, value: string): KubeObject {
  try {
    return decode(data, resource, key, value);
  } catch (error) {
    if (error instanceof UnknownKey) throw error;
    throw new Error(`Cannot read ${resource} "${key}": ${errorMessage(error)}`, { cause: error });
  }
}

/**
 * One bad object never stops the others. A key that opens no sealed object is the wrong key: going
 * on as without Secrets would do harm.
 */
function decodeAll(
  data: RedisData,
  resource: ResourceId,
  values: readonly string[],
): Omit<ListResult, 'version'> {
  const entries: (readonly [string, KubeObject])[] = [];
  const unreadable: string[] = [];
  let unknownKey: UnknownKey | undefined;
  for (let index = 0; index < values.length; index += 2) {
    const key = values[index] ?? '';
    try {
      entries.push([key, decode(data, resource, key, values[index + 1] ?? '')]);
    } catch (error) {
      if (error instanceof UnknownKey) unknownKey = error;
      unreadable.push(key);
      data.onUnreadable({ resource, key }, error);
    }
  }
  if (unknownKey && entries.length === 0) throw unknownKey;
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const objects = entries.map(([, object]) => object);
  return unreadable.length > 0 ? { objects, unreadable } : { objects };
}
