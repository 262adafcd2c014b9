/** What the adapters of the store have in common: limits, and the rules of a batch. */
import type { KubeObject } from '../schemas/object.ts';
import { metadataProblem } from '../schemas/soundness.ts';
import { CommitRefused, type StoreOp } from './types.ts';

/** Largest object in bytes of JSON: etcd's default request limit, so that what fits Kubernetes fits here. */
export const MAX_OBJECT_BYTES = 1_572_864;

/** Changes kept per resource for watches to catch up; a watcher further behind lists again. */
export const DEFAULT_LOG_LIMIT = 20_000;

/** The log is cut back to its limit when it has grown by this share, so that not every commit trims. */
export const LOG_SLACK = 0.125;

/** Events that may wait for one consumer of a watch; a slower one gets Gone, and never holds up the others. */
export const WATCH_QUEUE_LIMIT = 10_000;

/** A batch may name an object once (and check it besides): the order within a batch would have no meaning. */
export function checkDistinct(ops: readonly StoreOp[]): void {
  const written = new Set<string>();
  for (const op of ops) {
    if (op.type === 'check') continue;
    const name = `${op.resource} ${op.key}`;
    if (written.has(name)) throw new Error(`Cannot commit: ${op.resource} "${op.key}" appears twice`);
    written.add(name);
  }
}

/** The JSON of an object without its version, which is kept beside it. Throws when it is too large. */
export function payloadOf(op: StoreOp & { readonly object: KubeObject }, opIndex: number): string {
  const metadata = { ...op.object.metadata, resourceVersion: undefined };
  const json = JSON.stringify({ ...op.object, metadata });
  // A character is at most three bytes of UTF-8: most objects need no counting.
  if (json.length * 3 > MAX_OBJECT_BYTES && Buffer.byteLength(json) > MAX_OBJECT_BYTES) {
    throw new CommitRefused('tooLarge', opIndex, op);
  }
  return json;
}

/** As {@link objectOf}; throws where what is kept under `key` is no object of that name. */
export function soundObjectOf(key: string, payload: string, version: string): KubeObject {
  const object = JSON.parse(payload) as KubeObject;
  const problem = metadataProblem(key, object);
  if (problem !== undefined) throw new Error(`Cannot use what is stored: ${problem}`);
  object.metadata.resourceVersion = version;
  return object;
}

/** The object of a payload, carrying its version. */
export function objectOf(payload: string, version: string): KubeObject {
  const object = JSON.parse(payload) as KubeObject;
  object.metadata.resourceVersion = version;
  return object;
}
