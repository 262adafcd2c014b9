/** Objects as text and back, with size limits and the storage version in front. */
import type { KubeObject } from '../schemas/object.ts';
import { metadataProblem } from '../schemas/soundness.ts';
import { CommitRefused, type StoreOp } from './types.ts';
import { storedText } from './written-text.ts';

/** Largest object in bytes of JSON: etcd's default, so that what fits Kubernetes fits here. */
export const MAX_OBJECT_BYTES = 1_572_864;

/** The largest object when sealed (base64 makes 4 of 3 bytes), with its header. */
const MAX_PAYLOAD_CHARS = Math.ceil((MAX_OBJECT_BYTES * 4) / 3) + 256;

/** The JSON of an object without its version. Throws when it is too large. */
export function jsonOf(op: StoreOp & { readonly object: KubeObject }, opIndex: number): string {
  const json = storedText(op.object);
  // A character is at most three bytes of UTF-8: most objects need no counting.
  if (json.length * 3 > MAX_OBJECT_BYTES && Buffer.byteLength(json) > MAX_OBJECT_BYTES) {
    throw new CommitRefused('tooLarge', opIndex, op);
  }
  return json;
}

/** No JSON and no sealed payload begins with "s". No prefix means version 1. */
const STORAGE_VERSION = /^s(\d{1,9}):/;

export const withStorageVersion = (version: number, payload: string): string =>
  version > 1 ? `s${version}:${payload}` : payload;

export function splitStorageVersion(stored: string): { readonly version: number; readonly payload: string } {
  const prefix = STORAGE_VERSION.exec(stored);
  return prefix
    ? { version: Number(prefix[1]), payload: stored.slice(prefix[0].length) }
    : { version: 1, payload: stored };
}

/** Throws before anybody parses a payload that is larger than anything that is written here. */
export function checkPayloadSize(payload: string): void {
  if (payload.length > MAX_PAYLOAD_CHARS)
    throw new Error(`Cannot use what is stored: ${payload.length} characters, at most ${MAX_PAYLOAD_CHARS}`);
}

/** The object with its version. Throws where the JSON under `key` is no object of that name. */
export function objectOf(key: string, json: string, version: string): KubeObject {
  const object = parsed(json) as KubeObject;
  const problem = metadataProblem(key, object);
  if (problem !== undefined) throw new Error(`Cannot use what is stored: ${problem}`);
  object.metadata.resourceVersion = version;
  return object;
}

/** The parser's own message quotes the text, which may be a secret. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error('Cannot use what is stored: it is no JSON');
  }
}
