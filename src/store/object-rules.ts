/** Small pure rules of writing objects: what counts as a change, preconditions, and the names of refusals. */
import { jsonEqual } from '../base/json.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceKind } from '../schemas/resource-kind.ts';
import { alreadyExists, conflict, failure, notFound, type StatusError } from '../schemas/status.ts';
import type { CommitRefused } from './types.ts';

/** An update that changes nothing is not written, so that nobody is woken for it. */
export function sameObject(next: KubeObject, current: KubeObject): boolean {
  const metadata = { ...next.metadata, resourceVersion: current.metadata.resourceVersion };
  return jsonEqual({ ...next, metadata }, current);
}

export function checkPreconditions(
  kind: ResourceKind,
  current: KubeObject,
  preconditions: { readonly uid?: string; readonly resourceVersion?: string } | undefined,
): void {
  const { name, uid, resourceVersion } = current.metadata;
  const failed = (field: string, wanted: string, actual: string | undefined): Error =>
    conflict(
      kind,
      name,
      `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${actual ?? ''}`,
    );
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw failed('UID', preconditions.uid, uid);
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw failed('ResourceVersion', preconditions.resourceVersion, resourceVersion);
  }
}

/** The answer that Kubernetes gives where the store refused a commit. */
export function statusOf(error: CommitRefused, kind: ResourceKind, name: string): StatusError {
  switch (error.reason) {
    case 'exists':
      return alreadyExists(kind, name);
    case 'missing':
      // Read a moment ago, gone now: for a write that named a version this is the loss of a race.
      return notFound(kind, name);
    case 'stale':
      return conflict(kind, name);
    case 'tooLarge':
      return failure(413, 'RequestEntityTooLarge', `${kind.plural} "${name}" is too large for the store`);
  }
}
