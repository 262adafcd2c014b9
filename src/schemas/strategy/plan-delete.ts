/**
 * Plans a delete (`BeforeDelete` and the generic store's graceful deletion upstream):
 * preconditions, finalizers by propagation policy, the grace of pods, the emptying of namespaces.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, getPath, omit } from '../json-access.ts';
import type { KubeObject, ObjectMeta } from '../object.ts';
import type { ResourceKind } from '../resource-kind.ts';
import { conflict } from '../errors/status.ts';
import type { DeleteOptions, DeletePlan, PlanDelete } from './types.ts';

/** Finalizers by which the garbage collector is asked to handle the dependents. */
export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';
/** In `spec.finalizers` of a namespace, until its controller has emptied it. */
export const NAMESPACE_FINALIZER = 'kubernetes';

/** Whether nothing holds a deleted object any more: whoever made this so removes it. */
export function isFullyReleased(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (deletionTimestamp === undefined || (deletionGracePeriodSeconds ?? 0) > 0) return false;
  if ((finalizers ?? []).length > 0) return false;
  const isNamespace = object.kind === 'Namespace' && object.apiVersion === 'v1';
  return !isNamespace || asList(getPath(object, 'spec', 'finalizers')).length === 0;
}

export const planDelete: PlanDelete = (kind, current, options, nowMs) => {
  checkPreconditions(kind, current, options);
  if (kind.kind === 'Namespace' && kind.group === '')
    return planNamespaceDelete(kind, current, options, nowMs);
  const finalizers = withOwnFinalizer(kind, current, finalizersFor(kind, current.metadata, options));
  const isPod = kind.kind === 'Pod' && kind.group === '';
  if (isPod) return planPodDelete(current, options, finalizers, nowMs);
  if (finalizers.length === 0) return { action: 'remove' };
  return markOrNothing(current, markDeleted(withFinalizers(current, finalizers), nowMs, 0));
};

function checkPreconditions(kind: ResourceKind, current: KubeObject, { preconditions }: DeleteOptions): void {
  const { name, uid = '', resourceVersion = '' } = current.metadata;
  // Upstream names the kind here, not the resource.
  const resource = { group: kind.group, plural: kind.kind };
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    const why = `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(resource, name, why);
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(resource, name, why);
  }
}

/** The finalizers by the propagation policy; without one they stay, or get the kind's default. */
function finalizersFor(
  { orphansByDefault = false }: ResourceKind,
  metadata: ObjectMeta,
  { propagationPolicy }: DeleteOptions,
): readonly string[] {
  const finalizers = asList(metadata.finalizers) as readonly string[];
  if (propagationPolicy === undefined) {
    const isSettled = finalizers.includes(ORPHAN_FINALIZER) || finalizers.includes(FOREGROUND_FINALIZER);
    return orphansByDefault && !isSettled ? [...finalizers, ORPHAN_FINALIZER] : finalizers;
  }
  const wanted =
    propagationPolicy === 'Orphan'
      ? ORPHAN_FINALIZER
      : propagationPolicy === 'Foreground'
        ? FOREGROUND_FINALIZER
        : undefined;
  const others = finalizers.filter((name) => name !== ORPHAN_FINALIZER && name !== FOREGROUND_FINALIZER);
  if (wanted === undefined) return others.length === finalizers.length ? finalizers : others;
  return finalizers.includes(wanted) && others.length === finalizers.length - 1
    ? finalizers
    : [...others, wanted];
}

/** The first deletion adds the kind's own finalizer; once removed, it does not come back. */
function withOwnFinalizer(
  { deletionFinalizer: own }: ResourceKind,
  { metadata }: KubeObject,
  finalizers: readonly string[],
): readonly string[] {
  const isFirst = metadata.deletionTimestamp === undefined;
  if (own === undefined || !isFirst || finalizers.includes(own)) return finalizers;
  return [...finalizers, own];
}

function withFinalizers(object: KubeObject, finalizers: readonly string[]): KubeObject {
  if (finalizers === object.metadata.finalizers) return object;
  const metadata = omit(object.metadata, 'finalizers');
  return {
    ...object,
    metadata: finalizers.length > 0 ? { ...metadata, finalizers: [...finalizers] } : metadata,
  };
}

/** Sets the deletion's time and grace; the first time counts as a new generation. */
function markDeleted(object: KubeObject, nowMs: number, graceSeconds: number | undefined): KubeObject {
  const { metadata } = object;
  const isFirst = metadata.deletionTimestamp === undefined;
  const at = toRfc3339(nowMs + (graceSeconds ?? 0) * 1000);
  const keep = metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp <= at;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(isFirst && metadata.generation !== undefined ? { generation: metadata.generation + 1 } : {}),
      deletionTimestamp: keep ? (metadata.deletionTimestamp ?? at) : at,
      ...(graceSeconds === undefined ? {} : { deletionGracePeriodSeconds: graceSeconds }),
    },
  };
}

function markOrNothing(current: KubeObject, object: KubeObject): DeletePlan {
  return jsonEqual(object, current) ? { action: 'none' } : { action: 'mark', object };
}

/** Longer graces would overflow dates; a year is more than anyone means. */
const MAX_GRACE_SECONDS = 366 * 24 * 3600;

function requestedGrace(pod: KubeObject, options: DeleteOptions): number {
  const spec = asRecord(pod['spec']);
  const phase = getPath(pod, 'status', 'phase');
  if (!spec['nodeName'] || phase === 'Failed' || phase === 'Succeeded') return 0;
  const own = spec['terminationGracePeriodSeconds'];
  const seconds = options.gracePeriodSeconds ?? (typeof own === 'number' ? own : 0);
  return seconds < 0 ? 1 : Math.min(seconds, MAX_GRACE_SECONDS);
}

function planPodDelete(
  current: KubeObject,
  options: DeleteOptions,
  finalizers: readonly string[],
  nowMs: number,
): DeletePlan {
  const { deletionTimestamp, deletionGracePeriodSeconds: oldGrace } = current.metadata;
  if (deletionTimestamp !== undefined)
    return shortenGrace(current, deletionTimestamp, oldGrace ?? 0, options);
  const grace = requestedGrace(current, options);
  const marked = markDeleted(withFinalizers(current, finalizers), nowMs, grace);
  if (grace === 0 && finalizers.length === 0) return { action: 'remove', object: marked };
  return { action: 'mark', object: marked };
}

/** A pending deletion may come sooner, never later. */
function shortenGrace(
  current: KubeObject,
  deletionTimestamp: string,
  oldGrace: number,
  options: DeleteOptions,
): DeletePlan {
  const held = (current.metadata.finalizers ?? []).length > 0;
  const asked = options.gracePeriodSeconds;
  const grace = asked === undefined ? undefined : asked < 0 ? 1 : asked;
  if (grace === undefined || grace >= oldGrace)
    return oldGrace === 0 && !held ? { action: 'remove' } : { action: 'none' };
  const requestedAt = Date.parse(deletionTimestamp) - oldGrace * 1000;
  const object = {
    ...current,
    metadata: {
      ...current.metadata,
      deletionTimestamp: toRfc3339(requestedAt + grace * 1000),
      deletionGracePeriodSeconds: grace,
    },
  };
  return grace === 0 && !held ? { action: 'remove', object } : { action: 'mark', object };
}

/** A namespace stays until its controller has emptied it and removed `kubernetes`. */
function planNamespaceDelete(
  kind: ResourceKind,
  current: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): DeletePlan {
  const finalizers = finalizersFor(kind, current.metadata, options);
  const isFirst = current.metadata.deletionTimestamp === undefined;
  const marked = isFirst ? markDeleted(withFinalizers(current, finalizers), nowMs, undefined) : current;
  const object = { ...marked, status: { ...asRecord(marked['status']), phase: 'Terminating' } };
  const held = asList(getPath(object, 'spec', 'finalizers')).length > 0 || finalizers.length > 0;
  return held ? markOrNothing(current, object) : { action: 'remove', object };
}
