/**
 * Which fields an apply has set, without their values: `{"spec":{"replicas":0,"template":{…}}}`.
 *
 * This is what a three-way compare needs of "last applied": a field that Git set then and does not set now is removed,
 * a field that Git never set belongs to somebody else. Values are not kept, so nothing of a Secret is.
 */
import { isRecord, ownMember, setMember } from '../base/json.ts';
import type { KubeObject } from '../schemas/object.ts';
import { itemsByKey } from './merge-keys.ts';
import { APPLIED_FIELDS_ANNOTATION, TRACKING_ANNOTATION } from './tracking.ts';
import { without } from './without.ts';

/** `0`: a value as a whole. Otherwise the members of an object, or of a list by the identity of its items. */
export type FieldSet = 0 | { readonly [member: string]: FieldSet };

/** Members that say which object it is; they are never removed. */
const IDENTITY = new Set(['apiVersion', 'kind']);

export function fieldsOf(object: KubeObject): FieldSet {
  const fields: Record<string, FieldSet> = {};
  for (const key of Object.keys(object).sort()) {
    if (!IDENTITY.has(key) && object[key] !== undefined)
      setMember(fields, key, fieldsOfValue(object[key], key));
  }
  const { metadata } = fields;
  if (typeof metadata === 'object') {
    const rest = without(metadata, 'name', 'namespace') as Record<string, FieldSet>;
    const annotations = rest['annotations'];
    if (typeof annotations === 'object') {
      const own = [TRACKING_ANNOTATION, APPLIED_FIELDS_ANNOTATION];
      rest['annotations'] = Object.fromEntries(
        Object.entries(annotations).filter(([key]) => !own.includes(key)),
      );
    }
    fields['metadata'] = rest;
  }
  return fields;
}

function fieldsOfValue(value: unknown, field: string): FieldSet {
  if (Array.isArray(value)) {
    const items = value.length === 0 ? undefined : itemsByKey(field, value);
    if (!items) return 0;
    return Object.fromEntries([...items].map(([id, item]) => [id, fieldsOfValue(item, '')]));
  }
  if (!isRecord(value)) return 0;
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  if (keys.length === 0) return 0;
  return Object.fromEntries(keys.sort().map((key) => [key, fieldsOfValue(value[key], key)]));
}

/** What the live object says was applied; nothing for an object that nobody applied, or a damaged annotation. */
export function appliedFields(live: KubeObject): FieldSet {
  const text = live.metadata.annotations?.[APPLIED_FIELDS_ANNOTATION];
  if (text === undefined) return 0;
  try {
    return checkedFieldSet(JSON.parse(text));
  } catch {
    return 0;
  }
}

function checkedFieldSet(value: unknown): FieldSet {
  if (!isRecord(value)) return 0;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, checkedFieldSet(member)]));
}

export function memberOf(fields: FieldSet | undefined, member: string): FieldSet | undefined {
  return typeof fields === 'object' ? ownMember(fields, member) : undefined;
}
