/**
 * What happens to an object between a request and the store: the rules of Kubernetes' generic registry, pure.
 * The API server, the controllers and the sync worker all write through these three functions.
 */
import { toRfc3339 } from '../base/clock.ts';
import { isRecord, jsonEqual } from '../base/json.ts';
import { asList, asRecord, asString, getPath } from './json-access.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import type { ResourceKind, Subresource } from './resource-kind.ts';
import { conflict } from './status.ts';

export interface CreateContext {
  readonly nowMs: number;
  readonly uid: string;
  /** Five characters for `generateName`. */
  readonly nameSuffix: string;
}

export interface UpdateContext {
  readonly nowMs: number;
  readonly subresource?: Subresource;
}

/** `metav1.DeleteOptions`, the part that decides. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/**
 * What a delete comes to: the object goes now, or is marked and waits for its finalizers or its agent, or nothing
 * changes because it is already on its way. `object` of a removal is its last state, where that differs from the
 * stored one (a pod shows its deletion).
 */
export type DeletePlan =
  | { readonly action: 'remove'; readonly object?: KubeObject }
  | { readonly action: 'mark'; readonly object: KubeObject }
  | { readonly action: 'none' };

export type PrepareCreate = (kind: ResourceKind, input: KubeObject, context: CreateContext) => KubeObject;
export type PrepareUpdate = (
  kind: ResourceKind,
  current: KubeObject,
  next: KubeObject,
  context: UpdateContext,
) => KubeObject;
export type PlanDelete = (
  kind: ResourceKind,
  current: KubeObject,
  options: DeleteOptions,
  nowMs: number,
) => DeletePlan;

/** `metadata.name` of an object with `generateName`: the prefix, cut so that the whole stays a DNS label. */
const MAX_GENERATED_PREFIX = 58;

/** Finalizers by which the garbage collector is asked to handle the dependents. */
export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';
export const NAMESPACE_FINALIZER = 'kubernetes';

/**
 * The object as a create stores it: defaults, system-owned metadata, the kind's own preparation. It does not check
 * anything: validate what comes out.
 */
export const prepareCreate: PrepareCreate = (kind, input, context) => {
  const object = kind.withDefaults(input);
  const given = metadataOf(object);
  const { generation, resourceVersion, deletionTimestamp, deletionGracePeriodSeconds, selfLink, ...kept } =
    given;
  const metadata: ObjectMeta = {
    ...kept,
    name: given.name || generatedName(given.generateName, context.nameSuffix),
    uid: context.uid,
    creationTimestamp: toRfc3339(context.nowMs),
    ...(kind.countsGeneration ? { generation: 1 } : {}),
  };
  if (!kind.namespaced) delete metadata.namespace;
  return kind.prepareForCreate({ ...object, metadata });
};

/** The metadata, or none where it is not an object: the structure check says so. */
function metadataOf(object: KubeObject): ObjectMeta {
  return isRecord(object.metadata) ? object.metadata : { name: '' };
}

function generatedName(prefix: unknown, suffix: string): string {
  const base = asString(prefix);
  return base === '' ? '' : `${base.slice(0, MAX_GENERATED_PREFIX)}${suffix}`;
}

/**
 * The object as an update stores it. The system's fields of the metadata are `current`'s, a write to a subresource
 * changes nothing else, and `resourceVersion` is `current`'s: the caller compares the one of the request.
 * The very same `current` comes back when nothing changes.
 */
export const prepareUpdate: PrepareUpdate = (kind, current, next, context) => {
  const updated =
    context.subresource === undefined || context.subresource === 'scale'
      ? updateMain(kind, current, next)
      : updateSubresource(kind, current, next, context.subresource);
  return jsonEqual(updated, current) ? current : updated;
};

function updateMain(kind: ResourceKind, current: KubeObject, next: KubeObject): KubeObject {
  const defaulted = kind.withDefaults(next);
  const prepared = kind.prepareForUpdate(
    { ...defaulted, metadata: keepSystemMetadata(metadataOf(defaulted), current.metadata) },
    current,
  );
  if (!kind.countsGeneration || !isNewGeneration(kind, prepared, current)) return prepared;
  return withGeneration(prepared, current);
}

function withGeneration(object: KubeObject, current: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, generation: (current.metadata.generation ?? 0) + 1 } };
}

const SYSTEM_METADATA = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'namespace',
  'generateName',
] as const;

function keepSystemMetadata(next: ObjectMeta, current: ObjectMeta): ObjectMeta {
  const { selfLink, ...metadata } = next;
  const kept: Record<string, unknown> = { ...metadata };
  for (const field of SYSTEM_METADATA) {
    if (current[field] === undefined) delete kept[field];
    else kept[field] = current[field];
  }
  if (next.managedFields === undefined && current.managedFields)
    kept['managedFields'] = current.managedFields;
  return { ...kept, name: next.name || current.name };
}

/** Everything but metadata and status counts; a Deployment's annotations count too, as they always have. */
function isNewGeneration(kind: ResourceKind, next: KubeObject, current: KubeObject): boolean {
  if (kind.kind === 'Deployment' && !jsonEqual(next.metadata.annotations, current.metadata.annotations)) {
    return true;
  }
  const { metadata: nextMetadata, status: nextStatus, ...nextRest } = next;
  const { metadata, status, ...rest } = current;
  return !jsonEqual(nextRest, rest);
}

function updateSubresource(
  kind: ResourceKind,
  current: KubeObject,
  next: KubeObject,
  subresource: Subresource,
): KubeObject {
  switch (subresource) {
    case 'status':
      return updateStatus(kind, current, next);
    case 'finalize': {
      const finalizers = getPath(next, 'spec', 'finalizers');
      const { finalizers: old, ...spec } = asRecord(current['spec']);
      const keep = Array.isArray(finalizers) && finalizers.length > 0;
      return { ...current, spec: keep ? { ...spec, finalizers } : spec };
    }
    case 'binding':
      return {
        ...current,
        metadata: keepSystemMetadata(metadataOf(next), current.metadata),
        spec: { ...asRecord(current['spec']), nodeName: getPath(next, 'spec', 'nodeName') },
        status: next['status'] ?? current['status'],
      };
    case 'ephemeralcontainers':
      return bumpIfChanged(current, specMember(kind.withDefaults(next), current, 'ephemeralContainers'));
    case 'resize':
      return bumpIfChanged(current, resizeContainers(kind.withDefaults(next), current));
    default:
      return current;
  }
}

function bumpIfChanged(current: KubeObject, next: KubeObject): KubeObject {
  return jsonEqual(next, current) ? current : withGeneration(next, current);
}

function specMember(next: KubeObject, current: KubeObject, member: string): KubeObject {
  return { ...current, spec: { ...asRecord(current['spec']), [member]: getPath(next, 'spec', member) } };
}

function resizeContainers(next: KubeObject, current: KubeObject): KubeObject {
  const wanted = new Map(
    asList(getPath(next, 'spec', 'containers')).map((item) => [asRecord(item)['name'], asRecord(item)]),
  );
  const containers = asList(getPath(current, 'spec', 'containers')).map((item) => {
    const container = asRecord(item);
    const resources = wanted.get(container['name'])?.['resources'];
    return resources === undefined ? container : { ...container, resources };
  });
  return { ...current, spec: { ...asRecord(current['spec']), containers } };
}

/** Labels, annotations and finalizers may come with a status, except where upstream keeps them too. */
function updateStatus(kind: ResourceKind, current: KubeObject, next: KubeObject): KubeObject {
  const metadata = keepSystemMetadata(metadataOf(next), current.metadata);
  const { ownerReferences } = current.metadata;
  delete metadata.ownerReferences;
  if (ownerReferences) metadata.ownerReferences = ownerReferences;
  if (kind.kind === 'Deployment') {
    delete metadata.labels;
    if (current.metadata.labels) metadata.labels = current.metadata.labels;
  }
  const custom = kind.group === 'argoproj.io';
  const updated: KubeObject = { ...current, metadata: custom ? current.metadata : metadata };
  if (next['status'] === undefined) delete updated['status'];
  else updated['status'] = next['status'];
  return updated;
}

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
  if (kind.kind === 'Namespace' && kind.group === '') return planNamespaceDelete(current, options, nowMs);
  const finalizers = finalizersFor(current.metadata, options);
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

/** The finalizers as the propagation policy wants them; without a policy they stay. */
function finalizersFor(metadata: ObjectMeta, { propagationPolicy }: DeleteOptions): readonly string[] {
  const finalizers = metadata.finalizers ?? [];
  if (propagationPolicy === undefined) return finalizers;
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

function withFinalizers(object: KubeObject, finalizers: readonly string[]): KubeObject {
  if (finalizers === object.metadata.finalizers) return object;
  const { finalizers: old, ...metadata } = object.metadata;
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
  if (deletionTimestamp !== undefined) {
    return shortenGrace(current, deletionTimestamp, oldGrace ?? 0, options);
  }
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
  if (grace === undefined || grace >= oldGrace) {
    return oldGrace === 0 && !held ? { action: 'remove' } : { action: 'none' };
  }
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

/** A namespace stays until its controller has emptied it and taken `kubernetes` out of `spec.finalizers`. */
function planNamespaceDelete(current: KubeObject, options: DeleteOptions, nowMs: number): DeletePlan {
  const finalizers = finalizersFor(current.metadata, options);
  const isFirst = current.metadata.deletionTimestamp === undefined;
  const marked = isFirst ? markDeleted(withFinalizers(current, finalizers), nowMs, undefined) : current;
  const object = { ...marked, status: { ...asRecord(marked['status']), phase: 'Terminating' } };
  const held = asList(getPath(object, 'spec', 'finalizers')).length > 0 || finalizers.length > 0;
  return held ? markOrNothing(current, object) : { action: 'remove', object };
}
