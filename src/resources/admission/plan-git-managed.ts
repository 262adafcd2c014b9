/** A change to an object that Git manages is allowed, and recorded with its author. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import { jsonEqual } from '../../base/json.ts';
import { CHANGED_BY_ANNOTATION } from '../../diff/tracking.ts';
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

/** Git speaks of everything but the status and what the system keeps in the metadata. */
export function isSameForGit(next: KubeObject, current: KubeObject): boolean {
  const part = ({ metadata, ...rest }: KubeObject) => ({
    // `operation` asks an Application to do something now.
    ...omit(rest, 'status', 'operation'),
    labels: metadata.labels ?? {},
    annotations: omit(metadata.annotations ?? {}, CHANGED_BY_ANNOTATION),
  });
  return jsonEqual(part(next), part(current));
}

export function withChangedBy(object: KubeObject, text: string | undefined): KubeObject {
  const { annotations, ...metadata } = object.metadata;
  if (annotations?.[CHANGED_BY_ANNOTATION] === text) return object;
  const others: Record<string, string> = omit(annotations ?? {}, CHANGED_BY_ANNOTATION);
  const next = text === undefined ? others : { ...others, [CHANGED_BY_ANNOTATION]: text };
  if (Object.keys(next).length === 0) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, annotations: next } };
}
