/** `ObjectMeta`: what every kind's metadata must satisfy, at create and at update. */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asString, isAbsent } from '../json-access.ts';
import { type KubeObject, parseApiVersion } from '../object.ts';
import { escapeControls } from '../errors/status.ts';
import { validateManagedFields } from './managed-fields.ts';
import { dns1123Label, labelValue, maskTrailingDash, type NameRule, qualifiedName } from './names.ts';
import {
  byteLength,
  duplicate,
  append,
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

export interface MetadataRules {
  readonly namespaced: boolean;
  readonly nameRule: NameRule;
  /** Finalizers without a domain are accepted, as for custom resources. */
  readonly anyFinalizer?: boolean;
}

export function validateMetadata(object: KubeObject, rules: MetadataRules): FieldErrors {
  const { namespaced, nameRule, anyFinalizer = false } = rules;
  const errors: FieldErrors = [];
  const metadata = asRecord(object.metadata);
  const path = 'metadata';
  const generateName = asString(metadata['generateName']);
  if (generateName !== '')
    append(
      errors,
      invalidAll(`${path}.generateName`, generateName, nameRule(maskTrailingDash(generateName))),
    );
  const name = asString(metadata['name']);
  if (name === '') errors.push(required(`${path}.name`, 'name or generateName is required'));
  else append(errors, invalidAll(`${path}.name`, name, nameRule(name)));
  append(errors, validateNamespace(metadata['namespace'], namespaced));
  const { generation } = metadata;
  if (typeof generation === 'number' && generation < 0)
    errors.push(invalid(`${path}.generation`, generation, 'must be greater than or equal to 0'));
  append(errors, validateLabels(metadata['labels'], `${path}.labels`));
  append(errors, validateAnnotations(metadata['annotations'], `${path}.annotations`));
  append(errors, validateOwners(metadata['ownerReferences'], `${path}.ownerReferences`));
  append(errors, validateFinalizers(metadata['finalizers'], `${path}.finalizers`, anyFinalizer));
  append(errors, validateManagedFields(metadata['managedFields'], `${path}.managedFields`));
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
    append(errors, invalidAll(path, key, qualifiedName(key)));
    append(errors, invalidAll(path, value, labelValue(asString(value))));
  }
  return errors;
}

export function validateAnnotations(annotations: unknown, path: string): FieldErrors {
  const errors: FieldErrors = [];
  let size = 0;
  for (const [key, value] of Object.entries(asRecord(annotations))) {
    // Upper-case keys are tolerated for annotations.
    append(errors, invalidAll(path, key, qualifiedName(key.toLowerCase())));
    size += byteLength(key) + byteLength(asString(value));
  }
  if (size > MAX_ANNOTATIONS_BYTES) errors.push(tooLong(path, MAX_ANNOTATIONS_BYTES));
  return errors;
}

/** Nothing waits for the deletion of events. */
const BANNED_OWNERS = new Set(['v1 Event', 'events.k8s.io/v1 Event']);

/** The version as upstream reads it from `group/version`; empty for more than one slash. */
function hasVersion(apiVersion: string): boolean {
  const parts = apiVersion.split('/');
  return parts.length <= 2 && parts.at(-1) !== '';
}

function validateOwners(owners: unknown, path: string): FieldErrors {
  const errors: FieldErrors = [];
  let controller: string | undefined;
  for (const item of asList(owners)) {
    const owner = asRecord(item);
    const [apiVersion, kind] = [asString(owner['apiVersion']), asString(owner['kind'])];
    if (!hasVersion(apiVersion))
      errors.push(invalid(`${path}.apiVersion`, apiVersion, 'version must not be empty'));
    for (const field of ['kind', 'name', 'uid'])
      if (asString(owner[field]) === '') errors.push(invalid(`${path}.${field}`, '', 'must not be empty'));
    if (BANNED_OWNERS.has(`${apiVersion} ${kind}`)) {
      const { group, version } = parseApiVersion(apiVersion);
      errors.push(
        invalid(path, owner, `${group}/${version}, Kind=${kind} is disallowed from being an owner`),
      );
    }
    if (owner['controller'] !== true) continue;
    const label = escapeControls(`${kind}/${asString(owner['name'])}`);
    if (controller === undefined) controller = label;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${label}`;
      errors.push(invalid(path, owners, detail));
    }
  }
  return errors;
}

/** The only finalizers of system kinds without a domain. */
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Finalizers of system kinds have a domain; upstream puts the index on this complaint only. */
export function validateFinalizerDomain(name: string, path: string): FieldErrors {
  if (name.includes('/') || STANDARD_FINALIZERS.has(name)) return [];
  return [invalid(path, name, 'name is neither a standard finalizer name nor is it fully qualified')];
}

function validateFinalizers(value: unknown, path: string, anyName: boolean): FieldErrors {
  const finalizers = asList(value).map(asString);
  const errors = finalizers.flatMap((name) => invalidAll(path, name, qualifiedName(name)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const detail = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(invalid(path, finalizers, detail));
  }
  if (anyName) return errors;
  return [
    ...errors,
    ...finalizers.flatMap((name, index) => validateFinalizerDomain(name, indexed(path, index))),
  ];
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
  for (const field of IMMUTABLE) append(errors, immutable(metadata[field], old[field], `metadata.${field}`));
  return errors;
}

/** An error if an immutable field has changed. */
export function immutable(next: unknown, current: unknown, path: string): FieldErrors {
  if (jsonEqual(next ?? undefined, current ?? undefined)) return [];
  return [invalid(path, next ?? null, FIELD_IS_IMMUTABLE)];
}

/** Elements whose key was seen before. */
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
