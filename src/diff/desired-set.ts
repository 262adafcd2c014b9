/**
 * The desired objects: the manifests of a render, kept up to date as files come and go, so that a
 * commit costs as much as it changed. Two manifests of one object are both kept. The one that is
 * written first (by file and line) counts, in whatever order they came.
 */
import { type KubeObject, keyOf } from '../schemas/object.ts';
import { type ResourceId, type ResourceKind, resourceIdOf } from '../schemas/resource-kind.ts';

/** A manifest after parsing, defaulting of its namespace and validation. */
export interface DesiredObject {
  readonly kind: ResourceKind;
  readonly object: KubeObject;
  /** Where it was written, for messages: `shop/web.yaml:12`. */
  readonly origin: string;
}

export interface DesiredSet {
  readonly byId: ReadonlyMap<string, DesiredObject>;
  /** Further manifests of objects that are in {@link byId}. */
  readonly repeated: ReadonlyMap<string, readonly DesiredObject[]>;
}

export interface EditableDesiredSet extends DesiredSet {
  add(item: DesiredObject): void;
  /** Takes out this very item. */
  remove(item: DesiredObject): void;
}

export function createDesiredSet(items: Iterable<DesiredObject> = []): EditableDesiredSet {
  const byId = new Map<string, DesiredObject>();
  const repeated = new Map<string, readonly DesiredObject[]>();

  function put(id: string, all: readonly DesiredObject[]): void {
    const [first, ...rest] = all;
    if (first) byId.set(id, first);
    else byId.delete(id);
    if (rest.length > 0) repeated.set(id, rest);
    else repeated.delete(id);
  }

  function add(item: DesiredObject): void {
    const id = desiredId(item);
    const first = byId.get(id);
    if (first) put(id, [first, ...(repeated.get(id) ?? []), item].sort(byOrigin));
    else byId.set(id, item);
  }

  for (const item of items) add(item);
  return {
    byId,
    repeated,
    add,
    remove(item) {
      const id = desiredId(item);
      const first = byId.get(id);
      if (!first) return;
      if (first === item && !repeated.has(id)) byId.delete(id);
      else
        put(
          id,
          [first, ...(repeated.get(id) ?? [])].filter((other) => other !== item),
        );
    },
  };
}

export const idOf = (kind: ResourceKind, key: string): string => `${resourceIdOf(kind)}|${key}`;

/** The parts that {@link idOf} joined. A key may hold the separator again. */
export function splitId(id: string): { readonly resource: ResourceId; readonly key: string } {
  const split = id.indexOf('|');
  return { resource: id.slice(0, split), key: id.slice(split + 1) };
}

export const desiredId = ({ kind, object }: DesiredObject): string => idOf(kind, keyOf(object));

/** `shop/web.yaml:12`: by file, then by line. */
function byOrigin(a: DesiredObject, b: DesiredObject): number {
  const [fileA, lineA] = splitOrigin(a.origin);
  const [fileB, lineB] = splitOrigin(b.origin);
  return fileA < fileB ? -1 : fileA > fileB ? 1 : lineA - lineB;
}

function splitOrigin(origin: string): readonly [string, number] {
  const colon = origin.lastIndexOf(':');
  return [origin.slice(0, colon), Number(origin.slice(colon + 1))];
}
