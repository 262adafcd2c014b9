/** PersistentVolumeClaims, and the checks that they share with PersistentVolumes. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asString, type Fields, getPath, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  toBytes,
} from '../values/quantity.ts';
import { claimSpecDiff } from './claim-diff.ts';
import { validateLabelSelector } from './label-selector.ts';
import { FIELD_IS_IMMUTABLE, immutable } from './metadata.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from './names.ts';
import { readableQuantity } from './numbers.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  keyed,
  notSupported,
  required,
} from './report.ts';
import { optionalText, optionalWord } from './texts.ts';
import { validateQuantity } from './resources.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const ALONE = 'ReadWriteOncePod';
export const VOLUME_MODES = ['Block', 'Filesystem'];
const CLAIM_KIND = 'PersistentVolumeClaim';
/** The annotation that named the class of a claim before there was a field. */
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export function validateModes(spec: Fields): FieldErrors {
  const modes = asList(spec['accessModes']).map(asString);
  const errors: FieldErrors = [];
  for (const mode of modes)
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported('spec.accessModes', mode, ACCESS_MODES));
  const hasOther = modes.some((mode) => mode !== ALONE && ACCESS_MODES.includes(mode));
  if (modes.includes(ALONE) && hasOther)
    errors.push(forbidden('spec.accessModes', `may not use ${ALONE} with other access modes`));
  return errors;
}

/** A quantity that is not negative; the message shows the number. */
export function validateReadable(value: unknown, path: string): FieldErrors {
  const quantity = parseQuantity(value);
  if (!quantity) return readableQuantity(value, path);
  return quantity.nanos < 0n ? [invalid(path, toBytes(value), 'must be a valid resource quantity')] : [];
}

export function validatePositive(value: unknown, path: string): FieldErrors {
  const quantity = parseQuantity(value);
  if (!quantity || quantity.nanos > 0n) return [];
  return [invalid(path, formatQuantity(quantity), 'must be greater than zero')];
}

export function validateVolumeClaim(object: KubeObject, current?: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const { selector, storageClassName, volumeMode, volumeAttributesClassName } = spec;
  const errors: FieldErrors = [];
  if (asList(spec['accessModes']).length === 0)
    errors.push(required('spec.accessModes', 'at least 1 access mode is required'));
  if (!isAbsent(selector)) append(errors, validateLabelSelector(selector, 'spec.selector'));
  append(errors, validateModes(spec));
  const storage = requestOf(object);
  const path = keyed('spec.resources', 'storage');
  if (isAbsent(storage)) errors.push(required(path));
  else {
    const small = validatePositive(storage, path);
    append(errors, small.length > 0 ? small : validateQuantity('storage', storage, path));
  }
  append(errors, optionalText(storageClassName, 'spec.storageClassName', dns1123Subdomain));
  append(errors, optionalWord(volumeMode, 'spec.volumeMode', VOLUME_MODES));
  return [
    ...errors,
    ...validateSources(spec, asRecord(current?.['spec'])),
    ...optionalText(volumeAttributesClassName, 'spec.volumeAttributesClassName', dns1123Subdomain),
  ];
}

/** The source of the volume's data: the older field, and the newer one that may name any kind. */
function validateSources({ dataSource, dataSourceRef }: Fields, old: Fields): FieldErrors {
  // A claim that already had another group is not checked again.
  const checksGroup = [old['dataSource'], old['dataSourceRef']].every((source) =>
    isAbsent(asRecord(source)['apiGroup']),
  );
  const errors: FieldErrors = [];
  for (const [field, source] of Object.entries({ dataSource, dataSourceRef }))
    if (!isAbsent(source)) append(errors, validateSource(asRecord(source), checksGroup, `spec.${field}`));
  if (isAbsent(dataSource) || isAbsent(dataSourceRef)) return errors;
  const [source, reference] = [asRecord(dataSource), asRecord(dataSourceRef)];
  // The value that upstream shows is a path of its own, which looks empty.
  if (asString(reference['namespace']) !== '')
    errors.push(invalid('spec', {}, 'may not be specified when dataSourceRef.namespace is specified'));
  else if (
    ['apiGroup', 'kind', 'name'].some((field) => (source[field] ?? null) !== (reference[field] ?? null))
  )
    errors.push(invalid('spec', {}, 'must match dataSourceRef'));
  return errors;
}

function validateSource(source: Fields, checksGroup: boolean, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const field of ['name', 'kind'])
    if (asString(source[field]) === '') errors.push(required(`${path}.${field}`));
  const [group, kind] = [source['apiGroup'], source['kind']].map(asString);
  if (group === '' && kind !== CLAIM_KIND)
    errors.push(invalid(path, kind, `must be '${CLAIM_KIND}' when referencing the default apiGroup`));
  if (checksGroup) append(errors, optionalText(group, `${path}.apiGroup`, dns1123Subdomain));
  return [...errors, ...optionalText(source['namespace'], `${path}.namespace`, dns1123Label)];
}

const requestOf = (claim: KubeObject): unknown => getPath(claim, 'spec', 'resources', 'requests', 'storage');

/** A claim never changes, but a bound one may grow, and an unbound one may get a class. */
export function validateVolumeClaimUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const errors = validateClassAnnotation(next, current);
  const [before, after] = comparable(next, current);
  if (!jsonEqual(before, after)) {
    const detail =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(forbidden('spec', `${detail}\n${claimSpecDiff(before, after)}`));
  }
  const [old, wanted, real] = [
    requestOf(current),
    requestOf(next),
    getPath(current, 'status', 'capacity', 'storage'),
  ].map(amount);
  // A claim may ask for less again as long as its volume has not grown.
  if (old && wanted && real && compareQuantities(wanted, old) < 0 && compareQuantities(wanted, real) <= 0)
    errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  const [spec, oldSpec] = [asRecord(next['spec']), asRecord(current['spec'])];
  append(errors, immutable(spec['volumeMode'], oldSpec['volumeMode'], 'volumeMode'));
  return [...errors, ...validateAttributesClass(next, current)];
}

const amount = (value: unknown): Quantity => parseQuantity(value) ?? { nanos: 0n, format: 'DecimalSI' };

/** Both specs, with mutable fields set to the same values. */
function comparable(next: KubeObject, current: KubeObject): readonly [Fields, Fields] {
  const [before, after] = [asRecord(current['spec']), asRecord(next['spec'])];
  const kept: Record<string, unknown> = { ...before };
  if (asString(before['volumeName']) === '') kept['volumeName'] = after['volumeName'];
  const given: Record<string, unknown> = {
    ...after,
    volumeAttributesClassName: before['volumeAttributesClassName'],
  };
  const annotated = annotationOf(current);
  const name = after['storageClassName'];
  const isFirstClass = !isAbsent(name) && isAbsent(before['storageClassName']);
  if (isFirstClass && (annotated === undefined || name === annotated))
    given['storageClassName'] = before['storageClassName'];
  const requests = asRecord(after['resources'])['requests'];
  const isSame = compareQuantities(amount(requestOf(current)), amount(requestOf(next))) === 0;
  if (isSame || (getPath(next, 'status', 'phase') === 'Bound' && !isAbsent(requests))) {
    const storage = requestOf(current);
    given['resources'] = { ...asRecord(after['resources']), requests: { ...asRecord(requests), storage } };
  }
  return [kept, given];
}

const annotationOf = (claim: KubeObject): unknown =>
  asRecord(asRecord(claim.metadata)['annotations'])[CLASS_ANNOTATION];

/** The annotation stays, unless the field replaces it. */
function validateClassAnnotation(next: KubeObject, current: KubeObject): FieldErrors {
  const [after, before] = [annotationOf(next), annotationOf(current)];
  const name = getPath(next, 'spec', 'storageClassName');
  const isMoved = isAbsent(getPath(current, 'spec', 'storageClassName')) && name === before;
  if (after === before || (before !== undefined && isMoved && after === undefined)) return [];
  return [invalid(`metadata.annotations.${CLASS_ANNOTATION}`, after ?? '', FIELD_IS_IMMUTABLE)];
}

function validateAttributesClass(next: KubeObject, current: KubeObject): FieldErrors {
  const [after, before] = [next, current].map((claim) => getPath(claim, 'spec', 'volumeAttributesClassName'));
  const applied = getPath(current, 'status', 'currentVolumeAttributesClassName');
  if (after === before || isAbsent(applied) || asString(after) !== '') return [];
  const what = isAbsent(after) ? 'nil' : 'empty string';
  const detail = `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  return [forbidden('spec.volumeAttributesClassName', detail)];
}

const RESIZE_STATUSES = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
];

export function validateVolumeClaimStatus(next: KubeObject): FieldErrors {
  const { capacity, allocatedResourceStatuses, allocatedResources } = asRecord(next['status']);
  const errors: FieldErrors = [];
  for (const [name, value] of Object.entries(asRecord(capacity)))
    append(errors, validateReadable(value, keyed('status.capacity', name)));
  const at = 'status.allocatedResourceStatuses';
  for (const [name, status] of Object.entries(asRecord(allocatedResourceStatuses))) {
    append(errors, validateClaimResource(name, at));
    if (!RESIZE_STATUSES.includes(asString(status))) errors.push(notSupported(at, name, RESIZE_STATUSES));
  }
  for (const [name, value] of Object.entries(asRecord(allocatedResources))) {
    const path = keyed('status.allocatedResources', name);
    const wrong = validateClaimResource(name, 'status.allocatedResources');
    if (wrong.length === 0) append(wrong, validateReadable(value, path));
    append(errors, wrong.length > 0 ? wrong : validateQuantity('storage', value, path));
  }
  return errors;
}

/** Storage, or a name with a domain. */
function validateClaimResource(name: string, path: string): FieldErrors {
  const errors = invalidAll(path, name, qualifiedName(name));
  const isNative = !name.includes('/') || name.includes('kubernetes.io/');
  return errors.length > 0 || !isNative || name === 'storage'
    ? errors
    : [notSupported(path, name, ['storage'])];
}
