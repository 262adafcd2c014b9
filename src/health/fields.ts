/** Reading numbers and conditions out of a status that may be missing, half-written or wrong. */
import { isRecord } from '../base/json.ts';
import { asList, asNumber, asString, getPath } from '../schemas/json-access.ts';

export const numberAt = (value: unknown, key: string, fallback = 0): number =>
  asNumber(getPath(value, key)) ?? fallback;

export const textAt = (value: unknown, key: string): string => asString(getPath(value, key));

export const listAt = (value: unknown, key: string): readonly unknown[] => asList(getPath(value, key));

/** The records of a list. Anything else in it is left out. */
export const recordsAt = (value: unknown, key: string): readonly Record<string, unknown>[] =>
  listAt(value, key).filter(isRecord);

export function recordAt(value: unknown, key: string): Record<string, unknown> | undefined {
  const member = getPath(value, key);
  return isRecord(member) ? member : undefined;
}

export const conditionOf = (status: unknown, type: string): Record<string, unknown> | undefined =>
  recordsAt(status, 'conditions').find((condition) => condition['type'] === type);

/** Epoch milliseconds of a time; 0 if there is none. */
export const timeAt = (value: unknown, key: string): number => Date.parse(textAt(value, key)) || 0;
