/** A change to an object that Git manages is allowed, and recorded with its author. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import { isRecord, jsonEqual } from '../../base/json.ts';
import { appliedFields, type FieldSet, memberOf } from '../../diff/applied-fields.ts';
import { itemsByKey } from '../../diff/merge-keys.ts';
import { CHANGED_BY_ANNOTATION, managingApplication } from '../../diff/tracking.ts';
import { omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';

/** `next` carries its defaults. The client's own value of the annotation does not count. */
export function planGitManaged(
  next: KubeObject,
  current: KubeObject,
  user: string,
  nowMs: number,
): KubeObject {
  const before = current.metadata.annotations?.[CHANGED_BY_ANNOTATION];
  const isSame = isSameForGit(next, current);
  return withChangedBy(next, isSame ? before : `${toRfc3339(nowMs)} ${printable(user)}`);
}

const isSameForGit = (next: KubeObject, current: KubeObject): boolean =>
  jsonEqual(gitPart(next), gitPart(current));

/** Git speaks of everything but the status and what the system keeps in the metadata. */
const gitPart = ({ metadata, ...rest }: KubeObject) => ({
  // `operation` asks an Application to do something now.
  ...omit(rest, 'status', 'operation'),
  metadata: {
    labels: metadata.labels ?? {},
    annotations: omit(metadata.annotations ?? {}, CHANGED_BY_ANNOTATION),
  },
});

/**
 * Whether the next sync undoes the change: it leaves fields alone that Git does not set, such as the
 * annotation of `kubectl rollout restart`.
 */
export function isUndone(next: KubeObject, current: KubeObject): boolean {
  const applied = appliedFields(current);
  const isOurs = managingApplication(next) === managingApplication(current);
  return applied === 0 || !isOurs
    ? !isSameForGit(next, current)
    : changesFields(gitPart(current), gitPart(next), applied, '');
}

function changesFields(before: unknown, after: unknown, set: FieldSet | undefined, field: string): boolean {
  if (set === undefined || jsonEqual(before, after)) return false;
  const [left, right] = [membersOf(before, field), membersOf(after, field)];
  if (set === 0 || !left || !right) return true;
  return [...new Set([...left.keys(), ...right.keys()])].some((key) =>
    changesFields(left.get(key), right.get(key), memberOf(set, key), isRecord(before) ? key : ''),
  );
}

/** Of an object, or of a list whose items have an identity. */
function membersOf(value: unknown, field: string): ReadonlyMap<string, unknown> | undefined {
  if (Array.isArray(value)) return itemsByKey(field, value);
  return isRecord(value) ? new Map(Object.entries(value)) : undefined;
}

export function withChangedBy(object: KubeObject, text: string | undefined): KubeObject {
  const { annotations, ...metadata } = object.metadata;
  if (annotations?.[CHANGED_BY_ANNOTATION] === text) return object;
  const others: Record<string, string> = omit(annotations ?? {}, CHANGED_BY_ANNOTATION);
  const next = text === undefined ? others : { ...others, [CHANGED_BY_ANNOTATION]: text };
  if (Object.keys(next).length === 0) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, annotations: next } };
}
