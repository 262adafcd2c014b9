/** One op of a commit on the memory store: what it expects, and what it does. */
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { StorageFormat } from '../../../src/schemas/strategy/index.ts';
import { jsonOf, objectOf } from '../../../src/store/payload.ts';
import { CommitRefused, type StoreOp } from '../../../src/store/types.ts';
import { appendEvent, deepFreeze, type MemoryData, memoryResource, nextVersion } from './memory-data.ts';

export interface PreparedOp {
  readonly op: StoreOp;
  readonly json: string;
  readonly storageVersion: number;
}

export function prepare(op: StoreOp, index: number, format: StorageFormat): PreparedOp {
  const json = 'object' in op ? jsonOf(op, index) : '';
  return { op, json, storageVersion: format.versionOf(op.resource) };
}

export function checkOp(data: MemoryData, { op, storageVersion }: PreparedOp, index: number): void {
  const stored = data.resources.get(op.resource)?.objects.get(op.key);
  const actual = stored?.metadata.resourceVersion;
  const expected = op.type === 'create' ? undefined : op.expectedVersion;
  if (actual !== expected) {
    if (actual === undefined) throw new CommitRefused('missing', index, op);
    throw new CommitRefused(expected === undefined ? 'exists' : 'stale', index, op, actual);
  }
  const isNewer = stored !== undefined && (data.storageVersions.get(stored) ?? 1) > storageVersion;
  if (op.type === 'update' && isNewer) throw new CommitRefused('newer', index, op, actual);
}

export function execute(
  data: MemoryData,
  { op, json, storageVersion }: PreparedOp,
  floor: number,
): KubeObject | undefined {
  if (op.type === 'check') return undefined;
  const { resource, key } = op;
  const { objects } = memoryResource(data, resource);
  const previous = objects.get(key);
  const version = String(nextVersion(data, floor));
  if (op.type === 'delete') {
    objects.delete(key);
    const metadata = { ...previous?.metadata, resourceVersion: version };
    const object = deepFreeze({ ...previous, metadata } as KubeObject);
    if (previous) data.storageVersions.set(object, data.storageVersions.get(previous) ?? 1);
    // The log shares the last state with the change before.
    appendEvent(data, { type: 'DELETED', resource, key, object, version, size: key.length });
    return object;
  }
  const object = deepFreeze(objectOf(key, json, version));
  data.storageVersions.set(object, storageVersion);
  objects.set(key, object);
  const type = op.type === 'create' ? 'ADDED' : 'MODIFIED';
  appendEvent(data, { type, resource, key, object, version, size: json.length });
  return object;
}
