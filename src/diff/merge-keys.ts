/**
 * Lists whose items have an identity, by the name of the field that holds them (the map keys in
 * the schemas of all kinds). Every other list is one value.
 */
import { isRecord, ownMember } from '../base/json.ts';
import { mergeKeys } from '../schemas/generated/derived.js';

const MERGE_KEYS: Readonly<Record<string, readonly string[]>> = {
  ...mergeKeys,
  conditions: ['type'],
  // Upstream replaces the taints of a node as a whole; several controllers write them here.
  taints: ['key', 'effect'],
};

/** Values of key fields that are left out in a manifest and filled in by defaulting. */
const KEY_DEFAULTS: Readonly<Record<string, string>> = { protocol: 'TCP' };

/** Lists of plain strings that several writers share. */
const SETS = new Set(['finalizers']);

/**
 * The items of a list by their identity, in order; undefined when the list is one value (it has no
 * merge key, an item lacks it, or two items share it).
 */
export function itemsByKey(
  field: string,
  list: readonly unknown[],
): ReadonlyMap<string, unknown> | undefined {
  const items = new Map<string, unknown>();
  const set = SETS.has(field);
  const keys = set ? [] : mergeKeysOf(field, list);
  if (!keys) return undefined;
  for (const item of list) {
    const id = set ? (typeof item === 'string' ? item : undefined) : identityOf(item, keys);
    if (id === undefined || items.has(id)) return undefined;
    items.set(id, item);
  }
  return items;
}

/** How an item of the list is told from others; undefined for a list that is one value. */
export function identityIn(field: string, item: unknown): string | undefined {
  const keys = mergeKeysOf(field, [item]);
  return keys && identityOf(item, keys);
}

function mergeKeysOf(field: string, list: readonly unknown[]): readonly string[] | undefined {
  if (field !== 'ports') return ownMember(MERGE_KEYS, field);
  // Both a container's and a Service's ports are called `ports`.
  const container = list.some((item) => isRecord(item) && item['containerPort'] !== undefined);
  return [container ? 'containerPort' : 'port', 'protocol'];
}

function identityOf(item: unknown, keys: readonly string[]): string | undefined {
  if (!isRecord(item)) return undefined;
  const parts = keys.map((key) => item[key] ?? KEY_DEFAULTS[key]);
  return parts.every((part) => typeof part === 'string' || typeof part === 'number')
    ? parts.join('/')
    : undefined;
}
