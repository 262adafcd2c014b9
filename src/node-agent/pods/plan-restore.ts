/**
 * The requests that tell a rebuilding control plane of this node's pods and volumes, pure. One
 * body with all of them would exceed the server's limit (resources/decoding/body-limits.ts).
 */
import { omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';

/** Bytes of one request. It holds far fewer values than are allowed. */
const BATCH_BYTES = 64 * 1024;

/** In order, without the fields that the server does not restore. A larger one goes alone. */
export function planRestore<T extends KubeObject>(objects: readonly T[]): readonly (readonly T[])[] {
  const batches: T[][] = [];
  let left = 0;
  for (const object of objects) {
    const told = { ...object, metadata: omit(object.metadata, 'managedFields', 'resourceVersion') };
    const size = Buffer.byteLength(JSON.stringify(told));
    const last = batches.at(-1);
    if (last && size <= left) last.push(told);
    else {
      batches.push([told]);
      left = BATCH_BYTES;
    }
    left -= size;
  }
  return batches;
}
