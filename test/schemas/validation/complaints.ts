/** The complaints of a kind: `Required spec.containers`, one line for each type and field. */
import type { FieldError } from '../../../src/schemas/errors/field-error.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { ResourceKind, Subresource } from '../../../src/schemas/resource-kind.ts';
import { prepareCreate, prepareUpdate } from '../../../src/schemas/strategy/index.ts';

export type Fields = Readonly<Record<string, unknown>>;

const CONTEXT = { nowMs: 0, uid: 'u', nameSuffix: 'abcde' };

function kindOf({ apiVersion, kind }: KubeObject): ResourceKind {
  const known = builtinRegistry.byKind(apiVersion, kind);
  if (!known) throw new Error(`No kind is called ${kind}`);
  return known;
}

const short = (errors: readonly FieldError[]): string[] => [
  ...new Set(errors.map(({ type, path }) => `${type.replace('FieldValue', '')} ${path}`)),
];

export const anObject = (apiVersion: string, kind: string, rest: Fields): KubeObject => ({
  apiVersion,
  kind,
  ...rest,
  metadata: { name: 'x', namespace: 'default', ...(rest['metadata'] as object | undefined) },
});

/** For an object that is about to be created. */
export function complaints(object: KubeObject): string[] {
  const kind = kindOf(object);
  return short(kind.validate(prepareCreate(kind, object, CONTEXT)));
}

/** For an update of the created `old`; `next` is sent whole. */
export function updateComplaints(old: KubeObject, next: KubeObject, subresource?: Subresource): string[] {
  const kind = kindOf(old);
  const created = prepareCreate(kind, old, CONTEXT);
  const current = {
    ...created,
    ...(old['status'] === undefined ? {} : { status: old['status'] }),
    metadata: { ...created.metadata, resourceVersion: '1' },
  };
  const prepared = prepareUpdate(kind, current, next, { nowMs: 0, ...(subresource ? { subresource } : {}) });
  const rules =
    subresource === undefined
      ? kind.validateUpdate(prepared, current)
      : (kind.validateSubresource?.(prepared, current, subresource) ?? []);
  return short([...kind.validate(prepared, current, subresource), ...rules]);
}
