/**
 * The three-way merge: live object, manifest, and the fields that the last apply set → what the
 * object must become.
 *
 * The manifest wins where it speaks; a field that the last apply set and the manifest no longer
 * names is removed; all else (defaults, status, what others wrote) stays as it is. merge(merge(x))
 * = merge(x).
 */
import { isRecord, ownMember, setMember } from '../base/json.ts';
import { omit } from '../schemas/json-access.ts';
import type { KubeObject } from '../schemas/object.ts';
import {
  type FieldSet,
  appliedFields,
  encodeFields,
  fieldsOf,
  memberOf,
  withoutField,
} from './applied-fields.ts';
import { declaredFields } from './declared-fields.ts';
import { itemsByKey } from './merge-keys.ts';
import { withOwnedOf, withoutOwnedFields } from './owned-fields.ts';
import {
  APPLIED_FIELDS_ANNOTATION,
  TRACKING_ANNOTATION,
  managingApplication,
  trackingId,
} from './tracking.ts';

/** Maps of free keys: of these only the keys that Git set are removed, never the whole map. */
const FREE_MAPS = new Set(['labels', 'annotations', 'data', 'binaryData', 'finalizers', 'ownerReferences']);

/** Unions: naming one member excludes the others, live ones too (patchStrategy `retainKeys`). */
const UNIONS = new Set(['strategy', 'updateStrategy', 'volumes[]']);

/** `desired` is normalised; the result has the marks of `applicationKey` and the live version. */
export function mergeDesired(live: KubeObject, desired: KubeObject, applicationKey: string): KubeObject {
  const known = isTakenOver(live) ? declaredFields(live) : appliedFields(live);
  const applied = handOver(live, desired, withoutOwnedFields(known, desired, live));
  return merge(live, marked(desired, applicationKey, live), applied, '') as KubeObject;
}

/** Argo CD's own mark may name an Application, too; only our record proves an earlier apply. */
function isTakenOver(live: KubeObject): boolean {
  const record = live.metadata.annotations?.[APPLIED_FIELDS_ANNOTATION];
  return record === undefined || managingApplication(live) === undefined;
}

/**
 * `Replace=true`: the manifest as a whole, as `kubectl replace` writes it. What others added goes;
 * the system's part (identity, status, owners and finalizers that the manifest does not name)
 * stays.
 */
export function replaceDesired(live: KubeObject, desired: KubeObject, applicationKey: string): KubeObject {
  const replaced = withOwnedOf(live, marked(desired, applicationKey));
  const kept = omit(live.metadata, 'labels', 'annotations');
  return {
    ...replaced,
    metadata: { ...kept, ...replaced.metadata },
    ...(live['status'] === undefined ? {} : { status: live['status'] }),
  };
}

/** The manifest with the inventory's marks; `live` is the object that it is merged into. */
export function marked(desired: KubeObject, applicationKey: string, live?: KubeObject): KubeObject {
  const named = {
    ...desired.metadata.annotations,
    [TRACKING_ANNOTATION]: trackingId(applicationKey, desired),
  };
  const roomBytes = roomBeside({ ...live?.metadata.annotations, ...named });
  const annotations = { ...named, [APPLIED_FIELDS_ANNOTATION]: encodeFields(fieldsOf(desired), roomBytes) };
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

/** All annotations of an object together have 256 KiB; the API and hooks add short ones. */
const MAX_ANNOTATIONS_BYTES = 255 * 1024;

function roomBeside(annotations: Readonly<Record<string, string>>): number {
  const others = Object.entries({ ...annotations, [APPLIED_FIELDS_ANNOTATION]: '' });
  return others.reduce(
    (room, [key, value]) => room - Buffer.byteLength(key) - Buffer.byteLength(value),
    MAX_ANNOTATIONS_BYTES,
  );
}

/** A manifest that no longer names `replicas` leaves the number to others (an autoscaler). */
function handOver(live: KubeObject, desired: KubeObject, applied: FieldSet): FieldSet {
  const [liveSpec, desiredSpec] = [live['spec'], desired['spec']];
  const handsOver = isRecord(liveSpec) && isRecord(desiredSpec) && desiredSpec['replicas'] === undefined;
  return handsOver ? withoutField(applied, ['spec', 'replicas']) : applied;
}

function merge(live: unknown, desired: unknown, applied: FieldSet | undefined, field: string): unknown {
  if (isRecord(desired) && isRecord(live)) return mergeMaps(live, desired, applied, field);
  if (Array.isArray(desired) && Array.isArray(live)) return mergeLists(live, desired, applied, field);
  return desired;
}

function mergeMaps(
  live: Record<string, unknown>,
  desired: Record<string, unknown>,
  applied: FieldSet | undefined,
  field: string,
): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const key of Object.keys(live)) {
    const was = memberOf(applied, key);
    const wanted = ownMember(desired, key);
    if (wanted !== undefined) setMember(merged, key, merge(live[key], wanted, was, key));
    else if (UNIONS.has(field)) continue;
    else if (was === undefined) setMember(merged, key, live[key]);
    else if (FREE_MAPS.has(key)) {
      const rest = withoutApplied(live[key], was, key);
      if (rest !== undefined) merged[key] = rest;
    }
  }
  for (const key of Object.keys(desired)) {
    if (ownMember(live, key) === undefined && desired[key] !== undefined)
      setMember(merged, key, desired[key]);
  }
  return merged;
}

/** The members of a free map or a shared list that others added; undefined if none are left. */
function withoutApplied(live: unknown, applied: FieldSet, field: string): unknown {
  if (isRecord(live)) {
    const rest = Object.entries(live).filter(([key]) => memberOf(applied, key) === undefined);
    return rest.length === 0 ? undefined : Object.fromEntries(rest);
  }
  if (!Array.isArray(live)) return undefined;
  const items = [...(itemsByKey(field, live) ?? [])].filter(([id]) => memberOf(applied, id) === undefined);
  return items.length === 0 ? undefined : items.map(([, item]) => item);
}

function mergeLists(
  live: readonly unknown[],
  desired: readonly unknown[],
  applied: FieldSet | undefined,
  field: string,
): readonly unknown[] {
  const wanted = itemsByKey(field, desired);
  const existing = itemsByKey(field, live);
  if (!wanted || !existing) return desired;
  const merged: unknown[] = [];
  for (const [id, item] of wanted) {
    const current = existing.get(id);
    merged.push(current === undefined ? item : merge(current, item, memberOf(applied, id), `${field}[]`));
  }
  for (const [id, item] of existing) {
    if (!wanted.has(id) && memberOf(applied, id) === undefined) merged.push(item);
  }
  return merged;
}
