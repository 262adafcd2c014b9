/** What the adapters of the store have in common: limits, and the rules of a batch. */
import type { KubeObject } from '../schemas/object.ts';
import { metadataProblem } from '../schemas/soundness.ts';
import { CommitRefused, type StoreOp } from './types.ts';

/** Largest object in bytes of JSON: etcd's default request limit, so that what fits Kubernetes fits here. */
export const MAX_OBJECT_BYTES = 1_572_864;

/** Changes kept per resource for watches to catch up; a watcher further behind lists again. */
export const DEFAULT_LOG_LIMIT = 20_000;

/** Bytes of changes kept per resource: 20,000 changes of 3 KiB; large objects that change often keep fewer. */
export const DEFAULT_LOG_BYTES = 67_108_864;

/**
 * Ids of commits are remembered for this long: three times what an adapter asks after a lost answer (redis-store.ts). At
 * 300 commits a second these are some 4 MiB.
 */
export const COMMIT_MEMORY_MS = 120_000;

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

/** A stored payload: the largest object, sealed (base64 makes 4 of 3 bytes) with its header. */
const MAX_PAYLOAD_CHARS = Math.ceil((MAX_OBJECT_BYTES * 4) / 3) + 256;

/** Throws where what is stored is larger than anything that was written here, before anybody parses it. */
export function checkPayloadSize(payload: string): void {
  if (payload.length > MAX_PAYLOAD_CHARS)
    throw new Error(`Cannot use what is stored: ${payload.length} characters, at most ${MAX_PAYLOAD_CHARS}`);
}

/** As {@link objectOf}; throws where what is kept under `key` is no object of that name. */
export function soundObjectOf(key: string, payload: string, version: string): KubeObject {
  const object = parsed(payload) as KubeObject;
  const problem = metadataProblem(key, object);
  if (problem !== undefined) throw new Error(`Cannot use what is stored: ${problem}`);
  object.metadata.resourceVersion = version;
  return object;
}

/** The parser's own message quotes the text, which may be a secret. */
function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    throw new Error('Cannot use what is stored: it is no JSON');
  }
}

/** The object of a payload, carrying its version. */
export function objectOf(payload: string, version: string): KubeObject {
  const object = JSON.parse(payload) as KubeObject;
  object.metadata.resourceVersion = version;
  return object;
}
