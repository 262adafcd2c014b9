/** A change to an object that Git manages is allowed, and recorded with its author. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import { jsonEqual } from '../../base/json.ts';
import { CHANGED_BY_ANNOTATION, managingApplication } from '../../diff/tracking.ts';
import { omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';

export interface GitManagedPlan {
  readonly object: KubeObject;
  /**
   * The application (`namespace/name`) whose next sync reverts the change; undefined when there is
   * nothing to revert.
   */
  readonly application: string | undefined;
}

/** `next` carries its defaults. The client's own value of the annotation does not count. */
export function planGitManaged(
  next: KubeObject,
  current: KubeObject,
  user: string,
  nowMs: number,
): GitManagedPlan {
  const application = managingApplication(current);
  if (application === undefined) return { object: next, application };
  const before = current.metadata.annotations?.[CHANGED_BY_ANNOTATION];
  if (isSameForGit(next, current)) return { object: withChangedBy(next, before), application: undefined };
  return { object: withChangedBy(next, `${toRfc3339(nowMs)} ${printable(user)}`), application };
}

/** Git speaks of everything but the status and what the system keeps in the metadata. */
function isSameForGit(next: KubeObject, current: KubeObject): boolean {
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
