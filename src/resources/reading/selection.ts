/** The selectors of a request, parsed once, and the narrowest scope of the cache for them. */
import {
  checkFieldSelector,
  type FieldRequirement,
  matchesFieldSelector,
  parseFieldSelector,
} from '../../schemas/values/field-selectors.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import { matchesRequirements, parseLabelSelector } from '../../schemas/values/selectors.ts';
import type { CacheScope } from '../../store/cache/cache.ts';
import { NODE_INDEX } from '../../store/cache/indexes.ts';

export interface Selection {
  /** Whether any selector narrows the collection. */
  readonly selective: boolean;
  readonly scope: CacheScope;
  matches(object: KubeObject): boolean;
}

interface SelectionInput {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export function parseSelection(input: SelectionInput): Selection {
  const { kind, namespace } = input;
  const labels = parseLabelSelector(input.labelSelector ?? '');
  const fields = parseFieldSelector(input.fieldSelector ?? '');
  checkFieldSelector(kind, fields);
  return {
    selective: labels.length > 0 || fields.length > 0,
    scope: scopeOf(kind, namespace, fields),
    matches: (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) &&
      (labels.length === 0 || matchesRequirements(labels, object.metadata.labels)) &&
      (fields.length === 0 || matchesFieldSelector(kind, fields, object)),
  };
}

function scopeOf(
  kind: ResourceKind,
  namespace: string | undefined,
  fields: readonly FieldRequirement[],
): CacheScope {
  const pinned = (field: string): string | undefined =>
    fields.find((requirement) => requirement.operator === '=' && requirement.field === field)?.value;
  const name = pinned('metadata.name');
  if (name !== undefined && (namespace !== undefined || !kind.namespaced))
    return { type: 'object', key: objectKey(namespace, name) };
  const node = kind.group === '' && kind.plural === 'pods' ? pinned('spec.nodeName') : undefined;
  if (node !== undefined && node !== '') return { type: 'index', index: NODE_INDEX, value: node };
  return namespace === undefined ? { type: 'all' } : { type: 'namespace', namespace };
}
