/** JSON of stored objects as bytes outside the heap, made once: the objects never change. */
import { createBoundedMap } from '../../base/bounded-map.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { servedText } from '../../store/written-text.ts';

const encoded = new WeakMap<KubeObject, Buffer>();

/** Without `kind` and `apiVersion`, as items of lists are. */
export function itemBytes(object: KubeObject): Buffer {
  let bytes = encoded.get(object);
  if (!bytes) {
    bytes = Buffer.from(servedText(object) ?? itemText(object));
    encoded.set(object, bytes);
  }
  return bytes;
}

function itemText(object: KubeObject): string {
  const fields: Record<string, unknown> = { metadata: object.metadata };
  for (const [key, value] of Object.entries(object))
    if (key !== 'kind' && key !== 'apiVersion') fields[key] = value;
  return JSON.stringify(fields);
}

/** By kind and version, of which there are few. */
const MAX_HEADS = 4_096;
const heads = createBoundedMap<string, string>(MAX_HEADS);

const headOf = ({ kind, apiVersion }: KubeObject): string =>
  heads.remember(
    `${apiVersion}/${kind}`,
    () => `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`,
  );

/** With `kind` and `apiVersion` first, as single objects are. */
export function objectBytes(object: KubeObject): Buffer {
  return Buffer.concat([Buffer.from(headOf(object)), itemBytes(object).subarray(1)]);
}

/** An event of a watch, with its line feed. The bytes of the object alone are seldom asked for. */
export function eventBytes(type: string, object: KubeObject): Buffer {
  const begin = `{"type":"${type}","object":${headOf(object)}`;
  const text = encoded.has(object) ? undefined : servedText(object);
  if (text !== undefined) return Buffer.from(`${begin}${text.slice(1)}}\n`);
  return Buffer.concat([Buffer.from(begin), itemBytes(object).subarray(1), END]);
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
