/**
 * JSON of stored objects, made once per object: stored objects are immutable and shared, so that a list of ten thousand is
 * a join of texts that exist, and an event is encoded once for all its watchers.
 */
import type { KubeObject } from '../../schemas/object.ts';

const texts = new WeakMap<KubeObject, string>();

/** Without `kind` and `apiVersion`, as items of lists are. */
export function itemJson(object: KubeObject): string {
  let text = texts.get(object);
  if (text === undefined) {
    const fields: Record<string, unknown> = { metadata: object.metadata };
    for (const [key, value] of Object.entries(object))
      if (key !== 'kind' && key !== 'apiVersion') fields[key] = value;
    text = JSON.stringify(fields);
    texts.set(object, text);
  }
  return text;
}

/** With `kind` and `apiVersion` first, as single objects are. */
export function objectJson(object: KubeObject): string {
  const head = `{"kind":${JSON.stringify(object.kind)},"apiVersion":${JSON.stringify(object.apiVersion)}`;
  return `${head},${itemJson(object).slice(1)}`;
}
