/**
 * The requests that tell a rebuilding control plane of this node's pods, pure. One body with all
 * pods would exceed the server's limit (resources/decoding/body-limits.ts).
 */
import { omit } from '../../schemas/json-access.ts';
import type { Pod } from '../../schemas/types.ts';

/** Bytes of one request. It holds far fewer values than are allowed. */
const BATCH_BYTES = 64 * 1024;

/** In order, without the fields that the server does not restore. A larger pod goes alone. */
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
