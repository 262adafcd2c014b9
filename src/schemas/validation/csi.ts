/** Objects that drivers of storage and their sidecars write. Nothing acts on them here. */
import { jsonEqual } from '../../base/json.ts';
import {
  asList,
  asNumber,
  asRecord,
  asRecords,
  asString,
  type Fields,
  isAbsent,
  omit,
} from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { toBytes } from '../values/quantity.ts';
import { validateLabelSelector } from './label-selector.ts';
import { FIELD_IS_IMMUTABLE, immutable } from './metadata.ts';
import { dns1123Subdomain, type NameRule, qualifiedName } from './names.ts';
import { nonNegative, NOT_NEGATIVE } from './numbers.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
  tooLong,
} from './report.ts';
import { optionalWord, requiredText } from './texts.ts';

const MAX_DRIVER_NAME = 63;
const driverRule: NameRule = (name) => dns1123Subdomain(name.toLowerCase());

export function validateDriverName(value: unknown, path: string): FieldErrors {
  const long = asString(value).length > MAX_DRIVER_NAME ? [tooLong(path, MAX_DRIVER_NAME)] : [];
  return [...long, ...requiredText(value, path, driverRule)];
}

const GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'];
const LIFECYCLE_MODES = ['Persistent', 'Ephemeral'];
const MIN_UPDATE_SECONDS = 10;
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

export function validateCsiDriver({ spec: given }: KubeObject): FieldErrors {
  const spec = asRecord(given);
  const seconds = asNumber(spec['nodeAllocatableUpdatePeriodSeconds']);
  return [
    ...optionalWord(spec['fsGroupPolicy'], 'spec.fsGroupPolicy', GROUP_POLICIES),
    ...validateTokenRequests(asRecords(spec['tokenRequests'])),
    ...asList(spec['volumeLifecycleModes'])
      .filter((mode) => !LIFECYCLE_MODES.includes(asString(mode)))
      .map((mode) => notSupported('spec.volumeLifecycleModes', mode, LIFECYCLE_MODES)),
    ...(seconds !== undefined && seconds < MIN_UPDATE_SECONDS
      ? [
          invalid(
            'spec.nodeAllocatableUpdatePeriodSeconds',
            seconds,
            `must be greater than or equal to ${MIN_UPDATE_SECONDS} seconds`,
          ),
        ]
      : []),
  ];
}

function validateTokenRequests(requests: readonly Fields[]): FieldErrors {
  const seen = new Set<string>();
  return requests.flatMap((request, index) => {
    const path = indexed('spec.tokenRequests', index);
    const audience = asString(request['audience']);
    const errors: FieldErrors = seen.has(audience) ? [duplicate(`${path}.audience`, audience)] : [];
    seen.add(audience);
    const seconds = asNumber(request['expirationSeconds']);
    const complain = (detail: string): unknown =>
      errors.push(invalid(`${path}.expirationSeconds`, seconds, detail));
    if (seconds !== undefined && seconds < MIN_TOKEN_SECONDS)
      complain('may not specify a duration less than 10 minutes');
    if (seconds !== undefined && seconds > MAX_TOKEN_SECONDS)
      complain('may not specify a duration larger than 2^32 seconds');
    return errors;
  });
}

export function validateCsiDriverUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [spec, old] = [asRecord(next['spec']), asRecord(current['spec'])];
  return [
    // Upstream's name of the field.
    ...immutable(spec['attachRequired'], old['attachRequired'], 'spec.attachedRequired'),
    ...immutable(spec['volumeLifecycleModes'], old['volumeLifecycleModes'], 'spec.volumeLifecycleModes'),
  ];
}

const MAX_NODE_ID = 256;

export function validateCsiNode({ spec }: KubeObject): FieldErrors {
  const names = new Set<string>();
  return asRecords(asRecord(spec)['drivers']).flatMap((driver, index) => {
    const path = indexed('spec.drivers', index);
    const [name, nodeId] = [asString(driver['name']), asString(driver['nodeID'])];
    const isKnown = names.has(name);
    names.add(name);
    return [
      ...validateDriverName(name, `${path}.name`),
      ...(nodeId === '' ? [required(`${path}.nodeID`)] : []),
      ...(nodeId.length > MAX_NODE_ID
        ? [invalid(`${path}.nodeID`, nodeId, `must be ${MAX_NODE_ID} characters or less`)]
        : []),
      ...nonNegative(asRecord(driver['allocatable'])['count'], `${path}.allocatable.count`),
      ...(isKnown ? [duplicate(`${path}.name`, name)] : []),
      ...validateTopologyKeys(asList(driver['topologyKeys']).map(asString), path),
    ];
  });
}

function validateTopologyKeys(keys: readonly string[], path: string): FieldErrors {
  return keys.flatMap((key, index) => [
    ...(key === '' ? [required(path)] : []),
    ...(keys.indexOf(key) < index ? [duplicate(path, key)] : []),
    ...invalidAll(path, key, qualifiedName(key)),
  ]);
}

/** A driver stays as it was registered, but for the volumes that it can hold. */
export function validateCsiNodeUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const driversOf = ({ spec }: KubeObject): readonly Fields[] => asRecords(asRecord(spec)['drivers']);
  return driversOf(current).flatMap((old) =>
    driversOf(next)
      .filter((driver) => driver['name'] === old['name'])
      .filter((driver) => !jsonEqual(omit(driver, 'allocatable'), omit(old, 'allocatable')))
      .map((driver) => invalid('CSINodeDriver', driver, FIELD_IS_IMMUTABLE)),
  );
}

export function validateStorageCapacity(object: KubeObject): FieldErrors {
  const { nodeTopology, storageClassName, capacity } = object as Fields;
  const className = asString(storageClassName);
  const isNegative = !isAbsent(capacity) && toBytes(capacity) < 0;
  return [
    ...validateLabelSelector(nodeTopology, 'nodeTopology'),
    ...invalidAll('storageClassName', className, dns1123Subdomain(className)),
    ...(isNegative ? [invalid('capacity', capacity, NOT_NEGATIVE)] : []),
  ];
}

export const validateStorageCapacityUpdate = (next: KubeObject, current: KubeObject): FieldErrors =>
  ['nodeTopology', 'storageClassName'].flatMap((field) => immutable(next[field], current[field], field));

const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export function validateAttachment({ spec: given }: KubeObject): FieldErrors {
  const spec = asRecord(given);
  const { inlineVolumeSpec, persistentVolumeName } = asRecord(spec['source']);
  const nodeName = asString(spec['nodeName']);
  const named = asString(persistentVolumeName);
  const errors = validateDriverName(spec['attacher'], 'spec.attacher');
  if (isAbsent(inlineVolumeSpec) && isAbsent(persistentVolumeName))
    errors.push(required('spec.source', ONE_SOURCE));
  else if (isAbsent(inlineVolumeSpec))
    append(errors, invalidAll('spec.source.persistentVolumeName', named, dns1123Subdomain(named)));
  else if (!isAbsent(persistentVolumeName)) errors.push(forbidden('spec.source', ONE_SOURCE));
  return [...errors, ...invalidAll('spec.nodeName', nodeName, dns1123Subdomain(nodeName))];
}

export const validateAttachmentUpdate = (next: KubeObject, current: KubeObject): FieldErrors =>
  immutable(next['spec'], current['spec'], 'spec');

export const validateAttributesClassUpdate = (next: KubeObject, current: KubeObject): FieldErrors =>
  ['driverName', 'parameters']
    .filter((field) => !jsonEqual(next[field], current[field]))
    .map((field) => forbidden(field, `updates to ${field} are forbidden.`));
