/** JSON of stored objects as bytes outside the heap, made once: the objects never change. */
import { createBoundedMap } from '../../base/bounded-map.ts';
import type { KubeObject } from '../../schemas/object.ts';

const encoded = new WeakMap<KubeObject, Buffer>();

/** Without `kind` and `apiVersion`, as items of lists are. */
export function itemBytes(object: KubeObject): Buffer {
  let bytes = encoded.get(object);
  if (!bytes) {
    const fields: Record<string, unknown> = { metadata: object.metadata };
    for (const [key, value] of Object.entries(object))
      if (key !== 'kind' && key !== 'apiVersion') fields[key] = value;
    bytes = Buffer.from(JSON.stringify(fields));
    encoded.set(object, bytes);
  }
  return bytes;
}

/** By kind and version, of which there are few. */
const MAX_HEADS = 4_096;
const heads = createBoundedMap<string, Buffer>(MAX_HEADS);

const headOf = ({ kind, apiVersion }: KubeObject): Buffer =>
  heads.remember(`${apiVersion}/${kind}`, () =>
    Buffer.from(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`),
  );

/** With `kind` and `apiVersion` first, as single objects are. */
export function objectBytes(object: KubeObject): Buffer {
  return Buffer.concat([headOf(object), itemBytes(object).subarray(1)]);
}

/** An event of a watch, with its line feed. */
export function eventBytes(type: string, object: KubeObject): Buffer {
  const item = itemBytes(object);
  return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), headOf(object), item.subarray(1), END]);
}

const END = Buffer.from('}\n');

/** About this much goes to a socket at once; small enough that others get their turn in between. */
const PART_BYTES = 128 * 1024;
const COMMA = Buffer.from(',');
const END_OF_LIST = Buffer.from(']}');

/** A list in parts, each made when it is asked for. `head` is everything but the items. */
export function* listBytes(head: object, objects: readonly KubeObject[]): Generator<Buffer> {
  const opening = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  let part: Buffer[] = [opening];
  let bytes = opening.length;
  let separator: Buffer | undefined;
  for (const object of objects) {
    if (separator) part.push(separator);
    separator = COMMA;
    const item = itemBytes(object);
    part.push(item);
    bytes += item.length + 1;
    if (bytes < PART_BYTES) continue;
    yield Buffer.concat(part);
    part = [];
    bytes = 0;
  }
  part.push(END_OF_LIST);
  yield Buffer.concat(part);
}
