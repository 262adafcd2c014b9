/** The stored object as it would be stored today. */
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import type { ResourceKind } from '../resource-kind.ts';

const known = new WeakMap<KubeObject, { readonly kind: ResourceKind; readonly object: KubeObject }>();

/**
 * A stored object with the defaults of this version, which may have more of them than the one that
 * wrote it. Kubernetes fills them in when it reads. Stored and desired are compared in this form
 * only: a new default is no change. Metadata is kept, and the status where it is the system's. The
 * very same object comes back when nothing is added.
 */
export function withStoredDefaults(kind: ResourceKind, stored: KubeObject): KubeObject {
  const before = known.get(stored);
  if (before?.kind === kind) return before.object;
  const object = defaulted(kind, stored);
  known.set(stored, { kind, object });
  return object;
}

function defaulted(kind: ResourceKind, stored: KubeObject): KubeObject {
  const filled: KubeObject = { ...kind.withDefaults(stored), metadata: stored.metadata };
  const ownsStatus = kind.subresources.includes('status');
  const { status } = stored;
  const object = !ownsStatus ? filled : status === undefined ? omit(filled, 'status') : { ...filled, status };
  return jsonEqual(object, stored) ? stored : object;
}
