/** The differences of two objects, field by field, for people. */
import { isRecord, jsonEqual, ownMember } from '../base/json.ts';
import { words } from '../base/words.ts';
import { omit } from '../schemas/json-access.ts';
import type { KubeObject } from '../schemas/object.ts';
import { itemsByKey } from './merge-keys.ts';
import { APPLIED_FIELDS_ANNOTATION, TRACKING_ANNOTATION } from './tracking.ts';

export interface FieldChange {
  /** `spec.template.spec.containers[api].image`. */
  readonly path: string;
  /** Undefined where the field is not there. */
  readonly before: unknown;
  readonly after: unknown;
}

const SYSTEM_METADATA = new Set(
  words('resourceVersion uid generation creationTimestamp managedFields selfLink'),
);
const OWN_ANNOTATIONS = new Set([APPLIED_FIELDS_ANNOTATION, TRACKING_ANNOTATION]);

/** Status, system metadata and our own marks are left out: they are not what a person changed. */
export function fieldChanges(before: KubeObject, after: KubeObject): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  compare(readable(before), readable(after), '', '', changes);
  return changes;
}

function readable(object: KubeObject): Record<string, unknown> {
  const { metadata } = object;
  const kept = Object.entries(metadata).filter(([key]) => !SYSTEM_METADATA.has(key));
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => !OWN_ANNOTATIONS.has(key));
  const shown: Record<string, unknown> = {
    ...Object.fromEntries(kept),
    annotations: Object.fromEntries(annotations),
  };
  if (annotations.length === 0) delete shown['annotations'];
  return { ...omit(object, 'status'), metadata: shown };
}

function compare(before: unknown, after: unknown, path: string, field: string, out: FieldChange[]): void {
  if (jsonEqual(before, after)) return;
  if (isRecord(before) && isRecord(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort())
      compare(ownMember(before, key), ownMember(after, key), memberPath(path, key), key, out);
    return;
  }
  const [left, right] = [itemsOf(before, field), itemsOf(after, field)];
  const reordered = left && right && [...left.keys()].join() !== [...right.keys()].join();
  if (left && right) {
    const ids = [...new Set([...left.keys(), ...right.keys()])];
    const size = out.length;
    for (const id of ids) compare(left.get(id), right.get(id), `${path}[${id}]`, '', out);
    if (out.length > size || !reordered) return;
  }
  out.push({ path, before, after });
}

function itemsOf(value: unknown, field: string): ReadonlyMap<string, unknown> | undefined {
  return Array.isArray(value) ? itemsByKey(field, value) : undefined;
}

function memberPath(path: string, key: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(key)) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
