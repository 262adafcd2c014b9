/** The object that an update stores, of the main resource or of one of its subresources. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, getPath, omit } from '../json-access.ts';
import type { KubeObject, ObjectMeta } from '../object.ts';
import { isPod, withMarksOf } from '../pods/pod-marks.ts';
import type { ResourceKind, Subresource } from '../resource-kind.ts';
import { metadataOf } from './metadata.ts';
import type { PrepareUpdate } from './types.ts';

/**
 * The object as an update stores it. The system's fields of the metadata are `current`'s, a write
 * to a subresource changes nothing else, and `resourceVersion` is `current`'s: the caller compares
 * the one of the request. The very same `current` comes back when nothing changes. It has its
 * defaults: reading filled them in.
 */
export const prepareUpdate: PrepareUpdate = (kind, current, next, context) => {
  const { subresource, nowMs } = context;
  const isMain = subresource === undefined || subresource === 'scale';
  const changed = isMain
    ? updateMain(kind, current, next)
    : updateSubresource(kind, current, next, subresource, nowMs);
  const updated = isPod(kind) ? withMarksOf(changed, current) : changed;
  return jsonEqual(untimed(updated), untimed(current)) ? current : updated;
};

/**
 * The object without the times in its record of owners. A time alone is no change: an apply writes
 * a new one whenever its configuration differs from the live object, and defaults may take the
 * difference away again.
 */
function untimed(object: KubeObject): KubeObject {
  const { managedFields } = object.metadata;
  if (managedFields === undefined) return object;
  const entries = managedFields.map((entry) => omit(asRecord(entry), 'time'));
  return { ...object, metadata: { ...object.metadata, managedFields: entries } };
}

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
  const kept: Record<string, unknown> = { ...omit(next, 'selfLink') };
  for (const field of SYSTEM_METADATA) {
    if (current[field] === undefined) delete kept[field];
    else kept[field] = current[field];
  }
  if (next.managedFields === undefined && current.managedFields)
    kept['managedFields'] = current.managedFields;
  // One empty entry says that nobody is tracked from now on.
  if (jsonEqual(next.managedFields, [{}])) delete kept['managedFields'];
  return { ...kept, name: next.name || current.name };
}

/** Everything but metadata and status counts; so do a Deployment's annotations. */
function isNewGeneration(kind: ResourceKind, next: KubeObject, current: KubeObject): boolean {
  if (kind.kind === 'Deployment' && !jsonEqual(next.metadata.annotations, current.metadata.annotations))
    return true;
  // Without a subresource of its own, the status of a custom object is a part like any other.
  const apart = kind.custom && !kind.subresources.includes('status') ? ['metadata'] : ['metadata', 'status'];
  return !jsonEqual(omit(next, ...apart), omit(current, ...apart));
}

function updateSubresource(
  kind: ResourceKind,
  current: KubeObject,
  next: KubeObject,
  subresource: Subresource,
  nowMs: number,
): KubeObject {
  switch (subresource) {
    case 'status':
    case 'approval': {
      if (!kind.prepareStatus) return updateStatus(kind, current, next);
      const status = kind.prepareStatus(next, current, subresource, nowMs);
      return updateStatus(kind, current, { ...next, status });
    }
    case 'finalize': {
      const finalizers = getPath(next, 'spec', 'finalizers');
      const spec = omit(asRecord(current['spec']), 'finalizers');
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
      return bumpIfChanged(
        current,
        specMember(kind.withDefaults(next), current, 'ephemeralContainers'),
        next,
      );
    case 'resize':
      return bumpIfChanged(current, resizeContainers(kind.withDefaults(next), current), next);
    default:
      return current;
  }
}

/** With the record of owners that came with the request, where there is anything to own. */
function bumpIfChanged(current: KubeObject, next: KubeObject, { metadata }: KubeObject): KubeObject {
  if (jsonEqual(next, current)) return current;
  const { managedFields } = metadata;
  const owned = managedFields ? { ...next, metadata: { ...next.metadata, managedFields } } : next;
  return withGeneration(owned, current);
}

function specMember(next: KubeObject, current: KubeObject, member: string): KubeObject {
  return { ...current, spec: { ...asRecord(current['spec']), [member]: getPath(next, 'spec', member) } };
}

function resizeContainers(next: KubeObject, current: KubeObject): KubeObject {
  const wanted = new Map(
    ['containers', 'initContainers']
      .flatMap((list) => asList(getPath(next, 'spec', list)))
      .map((item) => [asRecord(item)['name'], asRecord(item)]),
  );
  const resized = (list: string): unknown[] =>
    asList(getPath(current, 'spec', list)).map((item) => {
      const container = asRecord(item);
      const next = wanted.get(container['name']);
      if (!next) return container;
      // The policy cannot change, which validation says.
      const resized = { ...container };
      for (const field of ['resources', 'resizePolicy'])
        if (next[field] === undefined) delete resized[field];
        else resized[field] = next[field];
      return resized;
    });
  const spec = omit(asRecord(current['spec']), 'resources');
  const init = spec['initContainers'] === undefined ? {} : { initContainers: resized('initContainers') };
  const resources = getPath(next, 'spec', 'resources');
  const podLevel = resources === undefined ? {} : { resources };
  return { ...current, spec: { ...spec, containers: resized('containers'), ...init, ...podLevel } };
}

/** Nothing of a custom object's metadata comes with its status but the record of who owns it. */
function withRecord(metadata: ObjectMeta, managedFields: ObjectMeta['managedFields']): ObjectMeta {
  const { managedFields: before, ...rest } = metadata;
  if (managedFields === before) return metadata;
  return managedFields === undefined ? rest : { ...rest, managedFields };
}

/** Workloads whose own labels default to those of their template. */
const LABELLED_BY_TEMPLATE: ReadonlySet<string> = new Set(['Job', 'ReplicationController']);

function withLabels(kind: ResourceKind, next: KubeObject): KubeObject {
  const isLabelled = Object.keys(asRecord(asRecord(next.metadata)['labels'])).length > 0;
  return isLabelled || !LABELLED_BY_TEMPLATE.has(kind.kind) ? next : kind.withDefaults(next);
}

/** Labels, annotations and finalizers come with a status, except where upstream keeps them. */
function updateStatus(kind: ResourceKind, current: KubeObject, next: KubeObject): KubeObject {
  const metadata = keepSystemMetadata(metadataOf(withLabels(kind, next)), current.metadata);
  const { ownerReferences } = current.metadata;
  delete metadata.ownerReferences;
  if (ownerReferences) metadata.ownerReferences = ownerReferences;
  if (kind.kind === 'Deployment') {
    delete metadata.labels;
    if (current.metadata.labels) metadata.labels = current.metadata.labels;
  }
  const custom = kind.custom !== undefined || kind.group === 'argoproj.io';
  const updated: KubeObject = {
    ...current,
    metadata: custom ? withRecord(current.metadata, metadata.managedFields) : metadata,
  };
  if (next['status'] === undefined) delete updated['status'];
  else updated['status'] = next['status'];
  return updated;
}
