/**
 * The requests in which an agent tells a rebuilding control plane of its pods, pure. All pods of a
 * node in one body would exceed what the server takes (resources/decoding/body-limits.ts), and none of them
 * would come back.
 */
import { omit } from '../../schemas/json-access.ts';
import type { Pod } from '../../schemas/types.ts';

/** Bytes of one request. A value has two bytes at least, so this holds far fewer than are allowed. */
const BATCH_BYTES = 64 * 1024;

/** In order, and without what the server does not restore. A larger pod goes alone. */
export function planRestore(pods: readonly Pod[]): readonly (readonly Pod[])[] {
  const batches: Pod[][] = [];
  let left = 0;
  for (const pod of pods) {
    const told = { ...pod, metadata: omit(pod.metadata, 'managedFields', 'resourceVersion') };
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
