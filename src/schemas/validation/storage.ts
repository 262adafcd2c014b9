/** PersistentVolumes and PersistentVolumeClaims. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asString, getPath, isAbsent, omit } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { compareQuantities, parseQuantity } from '../quantity.ts';
import { claimSpecDiff } from './claim-diff.ts';
import { validateLabelSelector } from './label-selector.ts';
import { type FieldErrors, forbidden, invalid, keyed, notSupported, required } from './report.ts';
import { validateQuantity } from './resources.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const VOLUME_MODES = ['Block', 'Filesystem'];
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
/** Members of a volume's spec that are no volume source. */
const NO_SOURCES = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

function validateModes(spec: Readonly<Record<string, unknown>>): FieldErrors {
  const modes = asList(spec['accessModes']).map(asString);
  const errors: FieldErrors = [];
  if (modes.length === 0) errors.push(required('spec.accessModes', 'at least 1 access mode is required'));
  for (const mode of modes)
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported('spec.accessModes', mode, ACCESS_MODES));
  if (modes.includes('ReadWriteOncePod') && modes.length > 1)
    errors.push(forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes'));
  const { volumeMode } = spec;
  if (!isAbsent(volumeMode) && !VOLUME_MODES.includes(asString(volumeMode)))
    errors.push(notSupported('spec.volumeMode', volumeMode, VOLUME_MODES));
  return errors;
}

export function validateVolumeClaim(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const errors: FieldErrors = [];
  if (!isAbsent(spec['selector'])) errors.push(...validateLabelSelector(spec['selector'], 'spec.selector'));
  errors.push(...validateModes(spec));
  const storage = getPath(spec, 'resources', 'requests', 'storage');
  const path = keyed('spec.resources', 'storage');
  if (isAbsent(storage)) errors.push(required(path));
  else errors.push(...validateStorage(storage, path));
  return errors;
}

function validateStorage(value: unknown, path: string): FieldErrors {
  const errors = validateQuantity('storage', value, path);
  if (errors.length > 0) return errors;
  const quantity = parseQuantity(value);
  return quantity && quantity.nanos <= 0n
    ? [invalid(path, asString(value), 'must be greater than zero')]
    : [];
}

/** A claim stays as it is, but a bound one may grow, and one without a volume may get one. */
export function validateVolumeClaimUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [before, after] = [asRecord(current['spec']), asRecord(next['spec'])];
  const volume = asString(before['volumeName']);
  const isBound = getPath(current, 'status', 'phase') === 'Bound';
  const [old, wanted] = [before, after].map((spec) =>
    parseQuantity(getPath(spec, 'resources', 'requests', 'storage')),
  );
  const resized = old !== undefined && wanted !== undefined && compareQuantities(old, wanted) !== 0;
  // What may change counts as it is in the other one.
  const kept = volume === '' ? { ...before, volumeName: after['volumeName'] } : before;
  const { requests } = asRecord(before['resources']);
  const given = {
    ...after,
    volumeAttributesClassName: before['volumeAttributesClassName'],
    ...(isBound || !resized ? { resources: { ...asRecord(after['resources']), requests } } : {}),
  };
  if (!jsonEqual(kept, given)) {
    const detail =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    return [forbidden('spec', `${detail}\n${claimSpecDiff(kept, given)}`)];
  }
  if (!resized || compareQuantities(wanted, old) >= 0) return [];
  return [forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity')];
}

export function validatePersistentVolume(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const errors = validateModes(spec);
  const capacity = asRecord(spec['capacity']);
  if (Object.keys(capacity).length === 0) errors.push(required('spec.capacity'));
  else if (isAbsent(capacity['storage']) || Object.keys(capacity).length > 1)
    errors.push(notSupported('spec.capacity', Object.keys(capacity)[0], ['storage']));
  else errors.push(...validateStorage(capacity['storage'], keyed('spec.capacity', 'storage')));
  const sources = Object.keys(spec).filter((name) => !NO_SOURCES.has(name) && !isAbsent(spec[name]));
  if (sources.length === 0) errors.push(required('spec', 'must specify a volume type'));
  const order = ['hostPath', ...sources.filter((name) => name !== 'hostPath')].filter((name) =>
    sources.includes(name),
  );
  for (const name of order.slice(1))
    errors.push(forbidden(`spec.${name}`, 'may not specify more than 1 volume type'));
  const policy = asString(spec['persistentVolumeReclaimPolicy']);
  if (!RECLAIM_POLICIES.includes(policy))
    errors.push(notSupported('spec.persistentVolumeReclaimPolicy', policy, RECLAIM_POLICIES));
  return errors;
}

export function validatePersistentVolumeUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const sourceOf = (object: KubeObject): unknown => omit(asRecord(object['spec']), ...NO_SOURCES);
  if (jsonEqual(sourceOf(next), sourceOf(current))) return [];
  return [
    forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'),
  ];
}
