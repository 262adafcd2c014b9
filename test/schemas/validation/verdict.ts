/**
 * The verdict of a kind on an object that goes the way of a request: defaults, preparation,
 * validation.
 */
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { ResourceKind, Subresource } from '../../../src/schemas/resource-kind.ts';
import { fieldErrorText } from '../../../src/schemas/errors/status.ts';
import { prepareCreate, prepareUpdate } from '../../../src/schemas/strategy/index.ts';

type Json = Record<string, unknown>;

export const manifest = (
  apiVersion: string,
  kind: string,
  members: Json,
  namespace?: string,
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'a', ...(namespace === undefined ? {} : { namespace }) },
  ...members,
});

export function kindOf({ apiVersion, kind }: KubeObject): ResourceKind {
  const found = builtinRegistry.byKind(apiVersion, kind);
  if (!found) throw new Error(`No kind "${kind}" of "${apiVersion}"`);
  return found;
}

const CREATE = { nowMs: 0, uid: 'u', nameSuffix: 'abcde' };

export const stored = (object: KubeObject): KubeObject => prepareCreate(kindOf(object), object, CREATE);

/** The texts of what is wrong, empty where nothing is. */
export function created(object: KubeObject): readonly string[] {
  return kindOf(object).validate(stored(object)).map(fieldErrorText);
}

/**
 * As {@link created}, of an update; `subresource` where it is not the object itself that is
 * written.
 */
export function updated(
  old: KubeObject,
  next: KubeObject,
  subresource?: Subresource,
): { readonly object: KubeObject; readonly errors: readonly string[] } {
  const kind = kindOf(old);
  const current = stored(old);
  const object = prepareUpdate(kind, current, next, {
    nowMs: 0,
    ...(subresource === undefined ? {} : { subresource }),
  });
  const rules = subresource
    ? (kind.validateSubresource?.(object, current, subresource) ?? [])
    : kind.validateUpdate(object, current);
  return { object, errors: [...kind.validate(object, current, subresource), ...rules].map(fieldErrorText) };
}
