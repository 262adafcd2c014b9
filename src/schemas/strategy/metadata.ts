/** Metadata read with tolerance: defaulting runs before anything has been checked. */
import { isRecord } from '../../base/json.ts';
import type { KubeObject, ObjectMeta } from '../object.ts';

/** The metadata, or none where it is not an object: the structure check says so. */
export function metadataOf(object: KubeObject): ObjectMeta {
  return isRecord(object.metadata) ? object.metadata : { name: '' };
}
