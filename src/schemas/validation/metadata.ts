/** `ObjectMeta`: what every kind's metadata must satisfy, at create and at update. */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asString, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { escapeControls } from '../status.ts';
import { dns1123Label, labelValue, maskTrailingDash, type NameRule, qualifiedName } from './names.ts';
import {
  byteLength,
  duplicate,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  required,
  tooLong,
} from './report.ts';

/** All annotations together, keys included. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

export function validateMetadata(object: KubeObject, namespaced: boolean, nameRule: NameRule): FieldErrors {
  const errors: FieldErrors = [];
  const metadata = asRecord(object.metadata);
  const path = 'metadata';
  const generateName = asString(metadata['generateName']);
  if (generateName !== '') {
    errors.push(
      ...invalidAll(`${path}.generateName`, generateName, nameRule(maskTrailingDash(generateName))),
    );
  }
  const name = asString(metadata['name']);
  if (name === '') errors.push(required(`${path}.name`, 'name or generateName is required'));
  else errors.push(...invalidAll(`${path}.name`, name, nameRule(name)));
  errors.push(...validateNamespace(metadata['namespace'], namespaced));
  const { generation } = metadata;
  if (typeof generation === 'number' && generation < 0) {
    errors.push(invalid(`${path}.generation`, generation, 'must be greater than or equal to 0'));
  }
  errors.push(
    ...validateLabels(metadata['labels'], `${path}.labels`),
    ...validateAnnotations(metadata['annotations'], `${path}.annotations`),
    ...validateOwners(metadata['ownerReferences'], `${path}.ownerReferences`),
    ...validateFinalizers(metadata['finalizers'], `${path}.finalizers`, isArgoKind(object)),
  );
  return errors;
}

function validateNamespace(value: unknown, namespaced: boolean): FieldErrors {
  const path = 'metadata.namespace';
  const namespace = asString(value);
  if (!namespaced) return namespace === '' ? [] : [forbidden(path, 'not allowed on this type')];
  return namespace === '' ? [required(path)] : invalidAll(path, namespace, dns1123Label(namespace));
}

export function validateLabels(labels: unknown, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const [key, value] of Object.entries(asRecord(labels))) {
    errors.push(...invalidAll(path, key, qualifiedName(key)));
    errors.push(...invalidAll(path, value, labelValue(asString(value))));
  }
  return errors;
}

export function validateAnnotations(annotations: unknown, path: string): FieldErrors {
  const errors: FieldErrors = [];
  let size = 0;
  for (const [key, value] of Object.entries(asRecord(annotations))) {
    // Upper-case keys are tolerated for annotations.
    errors.push(...invalidAll(path, key, qualifiedName(key.toLowerCase())));
    size += byteLength(key) + byteLength(asString(value));
  }
  if (size > MAX_ANNOTATIONS_BYTES) errors.push(tooLong(path, MAX_ANNOTATIONS_BYTES));
  return errors;
}

const OWNER_FIELDS = ['apiVersion', 'kind', 'name', 'uid'] as const;

function validateOwners(owners: unknown, path: string): FieldErrors {
  const errors: FieldErrors = [];
  let controller: string | undefined;
  for (const [index, item] of asList(owners).entries()) {
    const owner = asRecord(item);
    const at = indexed(path, index);
    for (const field of OWNER_FIELDS) {
      if (asString(owner[field]) !== '') continue;
      const detail = field === 'apiVersion' ? 'version must not be empty' : 'must not be empty';
      errors.push(invalid(`${at}.${field}`, asString(owner[field]), detail));
    }
    if (owner['controller'] !== true) continue;
    const label = escapeControls(`${asString(owner['kind'])}/${asString(owner['name'])}`);
    if (controller !== undefined) {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${label}`;
      errors.push(invalid(path, owners, detail));
    }
    controller = label;
  }
  return errors;
}

/** The only finalizers without a slash: three of every kind, and one of definitions of custom resources. */
const STANDARD_FINALIZERS = new Set([
  'kubernetes',
  'orphan',
  'foregroundDeletion',
  'customresourcecleanup.apiextensions.k8s.io',
]);

export function validateFinalizerName(name: string, path: string): FieldErrors {
  const errors = invalidAll(path, name, qualifiedName(name));
  if (errors.length === 0 && !name.includes('/') && !STANDARD_FINALIZERS.has(name)) {
    errors.push(invalid(path, name, 'name is neither a standard finalizer name nor is it fully qualified'));
  }
  return errors;
}

/** A custom kind upstream, whose finalizers need no slash (`resources-finalizer.argocd.argoproj.io`). */
const isArgoKind = ({ apiVersion }: KubeObject): boolean => asString(apiVersion).startsWith('argoproj.io/');

function validateFinalizers(value: unknown, path: string, free: boolean): FieldErrors {
  const finalizers = asList(value).map(asString);
  const errors = finalizers.flatMap((name, index) =>
    free
      ? invalidAll(indexed(path, index), name, qualifiedName(name))
      : validateFinalizerName(name, indexed(path, index)),
  );
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const detail = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(invalid(path, finalizers, detail));
  }
  return errors;
}

/** Fields of metadata that an update must repeat. */
const IMMUTABLE = ['name', 'namespace', 'uid', 'creationTimestamp'] as const;

export const FIELD_IS_IMMUTABLE = 'field is immutable';

export function validateMetadataUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const errors: FieldErrors = [];
  const metadata = asRecord(next.metadata);
  const old = asRecord(current.metadata);
  if (!isAbsent(old['deletionTimestamp'])) {
    const before = new Set(asList(old['finalizers']));
    const added = asList(metadata['finalizers']).filter((name) => !before.has(name));
    if (added.length > 0) {
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
      errors.push(forbidden('metadata.finalizers', detail));
    }
  }
  for (const field of IMMUTABLE) errors.push(...immutable(metadata[field], old[field], `metadata.${field}`));
  return errors;
}

/** Complains when a field that must stay has changed. */
export function immutable(next: unknown, current: unknown, path: string): FieldErrors {
  if (jsonEqual(next ?? undefined, current ?? undefined)) return [];
  return [invalid(path, next ?? null, FIELD_IS_IMMUTABLE)];
}

/** Elements whose key was there before. */
export function findDuplicates(
  items: unknown,
  keyOf: (item: Readonly<Record<string, unknown>>) => unknown,
  pathOf: (index: number) => string,
): FieldErrors {
  const seen = new Set<unknown>();
  const errors: FieldErrors = [];
  for (const [index, item] of asList(items).entries()) {
    const key = isRecord(item) ? keyOf(item) : item;
    if (isAbsent(key) || key === '') continue;
    if (seen.has(key)) errors.push(duplicate(pathOf(index), key));
    seen.add(key);
  }
  return errors;
}
