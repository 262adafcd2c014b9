/**
 * Decides whether code that trusts the types of a kind may read a stored object. An object of
 * another version may have unknown fields, or values that are no longer allowed, and is sound all
 * the same. An object with other types, or without a required field, was not written by the API.
 * Pure.
 */
import { isRecord } from '../base/json.ts';
import { childDefinition, definitionOf, schemaNameOf } from './definitions.ts';
import { formatApiVersion, type KubeObject, objectKey } from './object.ts';
import { type Registry, type ResourceId, type ResourceKind, storageIdOf } from './resource-kind.ts';

/** The problem of an object that is kept under `key`, whatever its kind, if it has one. */
export function metadataProblem(key: string, object: unknown): string | undefined {
  if (!isRecord(object)) return 'it is no object';
  const { apiVersion, kind, metadata } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return 'it does not say its kind';
  if (!isRecord(metadata)) return 'it has no metadata';
  const { name, namespace, labels, annotations, finalizers, ownerReferences } = metadata;
  const hasPlace = typeof name === 'string' && (namespace === undefined || typeof namespace === 'string');
  if (!hasPlace || objectKey(namespace, name) !== key) return 'its name is another';
  if (![labels, annotations].every(isMapOfTexts)) return 'its labels or annotations are no texts';
  if (!isListOf(finalizers, (one) => typeof one === 'string')) return 'its finalizers are no texts';
  if (!isListOf(ownerReferences, isReference)) return 'its owners are no references';
  return undefined;
}

const isMapOfTexts = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (isRecord(value) && Object.values(value).every((one) => typeof one === 'string'));

const isListOf = (value: unknown, isItem: (one: unknown) => boolean): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.every(isItem));

const isReference = (one: unknown): boolean =>
  isRecord(one) && ['apiVersion', 'kind', 'name', 'uid'].every((field) => typeof one[field] === 'string');

/** The problem of an object of a known kind. No code trusts the types of custom objects. */
export function typeProblem(
  registry: Registry,
  resource: ResourceId,
  object: KubeObject,
): string | undefined {
  const kind = registry.byKind(object.apiVersion, object.kind);
  if (!kind || kind.custom) return undefined;
  if (storageIdOf(kind) !== resource) return 'its kind is another';
  const hasSpec = object['spec'] !== undefined && object['spec'] !== null;
  if (!hasSpec && needsSpec(kind)) return 'spec: Required value';
  const wrong = kind
    .checkStructure(object)
    .find(({ type }) => type === 'FieldValueTypeInvalid' || type === 'FieldValueRequired');
  return wrong && `${wrong.path}: ${wrong.detail || 'Required value'}`;
}

/** Whether the spec has a field that must be there. */
function needsSpec({ group, version, kind }: ResourceKind): boolean {
  const definition = definitionOf(schemaNameOf(formatApiVersion(group, version), kind) ?? '');
  const spec = definition && childDefinition(definition, 'spec');
  return (spec?.required ?? []).length > 0;
}
