/** Records of the control plane beside the objects of the API, by compare-and-set. */
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceId } from '../schemas/resource-kind.ts';
import { CommitRefused, type Store, type StoreOp } from './types.ts';

export interface RecordName {
  readonly resource: ResourceId;
  readonly key: string;
}

/** The op that brings a record from what was read to `object`; undefined takes the record away. */
export function recordOp(
  { resource, key }: RecordName,
  before: KubeObject | undefined,
  object: KubeObject | undefined,
): StoreOp | undefined {
  const expectedVersion = before?.metadata.resourceVersion;
  if (expectedVersion === undefined) return object && { type: 'create', resource, key, object };
  return object
    ? { type: 'update', resource, key, object, expectedVersion }
    : { type: 'delete', resource, key, expectedVersion };
}

/** False when somebody else has written the record meanwhile. */
export async function keepRecord(
  store: Pick<Store, 'commit'>,
  ...record: Parameters<typeof recordOp>
): Promise<boolean> {
  const op = recordOp(...record);
  try {
    if (op) await store.commit([op]);
    return true;
  } catch (error) {
    if (error instanceof CommitRefused) return false;
    throw error;
  }
}
