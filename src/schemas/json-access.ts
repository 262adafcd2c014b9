/**
 * Reading of untyped JSON without trust: each function answers with an empty value instead of
 * throwing, so that defaulting and validation are total, whatever a client sends. The structure
 * check is what reports wrong types.
 */
import { isRecord, setMember } from '../base/json.ts';

export type Fields = Readonly<Record<string, unknown>>;

const EMPTY_RECORD: Record<string, unknown> = Object.freeze({});
const EMPTY_LIST: readonly unknown[] = Object.freeze([]);

export const asRecord = (value: unknown): Fields => (isRecord(value) ? value : EMPTY_RECORD);

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : EMPTY_LIST);

/** The elements of a list as records, at their positions. Other types read as empty. */
export const asRecords = (value: unknown): readonly Fields[] => asList(value).map(asRecord);

export const asString = (value: unknown): string => (typeof value === 'string' ? value : '');

export const asNumber = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined;

/** Go cannot tell JSON null from a missing member. */
export const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

/** The value at a path of member names, or undefined. */
export function getPath(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const step of path) {
    if (!isRecord(current) || !Object.hasOwn(current, step)) return undefined;
    current = current[step];
  }
  return current;
}

/** The record without some of its members. Nothing is a record without members. */
export function omit<T extends object>(record: T, ...names: readonly string[]): T {
  // A copy whose members were deleted would be slow to read from then on.
  const copy: Record<string, unknown> = {};
  const members = ((record as T | null | undefined) ?? {}) as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(members)) if (!names.includes(name)) setMember(copy, name, members[name]);
  return copy as T;
}
