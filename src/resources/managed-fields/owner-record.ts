/** `metadata.managedFields` as a map of its entries. Pure. */
import { isRecord } from '../../base/json.ts';
import { decodeFields, encodeFields, type FieldSet, isEmptySet } from './field-set.ts';

export interface Entry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

export type Managed = ReadonlyMap<string, Entry>;

/** Appliers are the same whatever version they apply. */
export function idOf(
  entry: Pick<Entry, 'manager' | 'operation' | 'apiVersion'> & { subresource?: string | undefined },
): string {
  const { manager, operation, apiVersion, subresource } = entry;
  return JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource ?? '']);
}

export const isReset = (entries: readonly unknown[]): boolean =>
  entries.length === 1 && isRecord(entries[0]) && Object.keys(entries[0]).length === 0;

export function decodeRecord(entries: unknown): Managed | undefined {
  const managed = new Map<string, Entry>();
  for (const entry of Array.isArray(entries) ? (entries as unknown[]) : []) {
    if (!isRecord(entry)) return undefined;
    const { manager, operation, apiVersion, subresource, time } = entry;
    const fields = decodeFields(entry['fieldsV1'] ?? {});
    const known = operation === 'Apply' || operation === 'Update';
    if (!known || !fields || entry['fieldsType'] !== 'FieldsV1') return undefined;
    const text = (value: unknown): string | undefined =>
      typeof value === 'string' && value !== '' ? value : undefined;
    const decoded: Entry = {
      manager: text(manager) ?? '',
      operation,
      apiVersion: text(apiVersion) ?? '',
      subresource: text(subresource),
      time: text(time),
      fields,
    };
    managed.set(idOf(decoded), decoded);
  }
  return managed;
}

/** Appliers first, then by time, manager and subresource. */
export function encodeRecord(managed: Managed): unknown[] {
  const key = (entry: Entry): string =>
    [entry.operation, entry.time ?? '', entry.manager, entry.subresource ?? ''].join('\u0000');
  const entries = [...managed.values()].filter(({ fields }) => !isEmptySet(fields));
  entries.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return entries.map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: encodeFields(fields),
    ...(subresource === undefined ? {} : { subresource }),
  }));
}
