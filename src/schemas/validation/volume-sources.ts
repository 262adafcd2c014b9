/**
 * Sources of volumes on the network and of drivers, as pods and persistent volumes share them.
 * Nothing mounts them here; they are stored as upstream stores them. One function for each source
 * that has rules.
 */
import { asList, asNumber, asRecord, asString, type Fields, isAbsent } from '../json-access.ts';
import { dns1123Label, dns1123Subdomain, inRange } from './names.ts';
import { within } from './numbers.ts';
import {
  append,
  type FieldErrors,
  invalid,
  invalidAll,
  keyed,
  notSupported,
  required,
  tooLong,
} from './report.ts';
import { optionalText, optionalWord, requiredText } from './texts.ts';

export type SourceRule = (source: Fields, path: string) => FieldErrors;

const needs =
  (...fields: readonly string[]): SourceRule =>
  (source, path) =>
    fields.flatMap((field) => (asString(source[field]) === '' ? [required(`${path}.${field}`)] : []));

const all =
  (...rules: readonly SourceRule[]): SourceRule =>
  (source, path) =>
    rules.flatMap((rule) => rule(source, path));

const needsMonitors: SourceRule = ({ monitors }, path) =>
  asList(monitors).length === 0 ? [required(`${path}.monitors`)] : [];

/** A reference that is given must have a name. */
const namesSecret: SourceRule = ({ secretRef }, path) =>
  !isAbsent(secretRef) && asString(asRecord(secretRef)['name']) === ''
    ? [required(`${path}.secretRef.name`)]
    : [];

const MAX_PARTITION = 255;
/** 0 means the whole disk, whatever the text says. */
const partition: SourceRule = ({ partition: value }, path) => {
  const number = asNumber(value) ?? 0;
  if (number >= 0 && number <= MAX_PARTITION) return [];
  return [invalid(`${path}.partition`, number, inRange(1, MAX_PARTITION))];
};

const disk = all(needs('pdName'), partition);
/** Upstream names another field than the one that it looks at. */
export const gcePersistentDisk: SourceRule = (source, path) =>
  disk(source, path.replace(/gcePersistentDisk$/, 'persistentDisk'));

const nfs: SourceRule = (source, path) => {
  const errors = needs('server', 'path')(source, path);
  const target = asString(source['path']);
  if (!target.startsWith('/')) errors.push(invalid(`${path}.path`, target, 'must be an absolute path'));
  return errors;
};

const MAX_LUN = 255;
/** The match may begin anywhere, as in upstream's expression. */
const IQN = /iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+$/;
const EUI = /^eui.[A-Za-z0-9]{16}$/;
const NAA = /^naa.[A-Za-z0-9]{32}$/;

function iscsiName(name: string, unknownDetail: string, path: string): FieldErrors {
  const format = name.startsWith('iqn')
    ? IQN
    : name.startsWith('eui')
      ? EUI
      : name.startsWith('naa')
        ? NAA
        : undefined;
  if (!format) return [invalid(path, name, unknownDetail)];
  return format.test(name) ? [] : [invalid(path, name, 'must be valid format')];
}

/** `unknownDetail` is the error for a name of no known format. */
export const iscsi =
  (unknownDetail: string): SourceRule =>
  (source, path) => {
    const errors = needs('targetPortal', 'iqn')(source, path);
    const name = asString(source['iqn']);
    if (name !== '') append(errors, iscsiName(name, unknownDetail, `${path}.iqn`));
    append(errors, within(source['lun'], `${path}.lun`, 0, MAX_LUN));
    const { chapAuthDiscovery, chapAuthSession, secretRef, initiatorName } = source;
    if ((chapAuthDiscovery === true || chapAuthSession === true) && isAbsent(secretRef))
      errors.push(required(`${path}.secretRef`));
    if (!isAbsent(initiatorName))
      append(errors, iscsiName(asString(initiatorName), unknownDetail, `${path}.initiatorname`));
    return errors;
  };

const RESERVED_OPTIONS = ['.kubernetes.io', '.k8s.io'];

const flexVolume: SourceRule = (source, path) => [
  ...needs('driver')(source, path),
  ...Object.keys(asRecord(source['options'])).flatMap((key) => {
    const namespace = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`;
    if (!RESERVED_OPTIONS.some((reserved) => namespace.endsWith(reserved))) return [];
    const detail = 'kubernetes.io and k8s.io namespaces are reserved';
    return [invalid(keyed(`${path}.options`, key), key, detail)];
  }),
];

const MAX_TENANT_CHARACTERS = 64;

const quobyte: SourceRule = (source, path) => {
  const registry = asString(source['registry']);
  const detail = 'must be a host:port pair or multiple pairs separated by commas';
  const errors: FieldErrors = [];
  if (registry === '') errors.push(required(`${path}.registry`, detail));
  else if (asString(source['tenant']).length > MAX_TENANT_CHARACTERS) {
    const text = `must be a UUID and may not exceed a length of ${MAX_TENANT_CHARACTERS} characters`;
    errors.push(required(`${path}.tenant`, text));
  } else
    for (const pair of registry.split(','))
      if (!/^([^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(pair))
        errors.push(invalid(`${path}.registry`, registry, detail));
  return [...errors, ...needs('volume')(source, path)];
};

const fc: SourceRule = ({ targetWWNs, wwids, lun }, path) => {
  const [targets, ids] = [asList(targetWWNs), asList(wwids)];
  const at = `${path}.targetWWNs`;
  const errors: FieldErrors = [];
  if (targets.length === 0 && ids.length === 0)
    errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'));
  if (targets.length > 0 && ids.length > 0)
    errors.push(invalid(at, targets, 'targetWWNs and wwids can not be specified simultaneously'));
  if (targets.length === 0) return errors;
  if (isAbsent(lun)) errors.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'));
  return [...errors, ...within(lun, `${path}.lun`, 0, MAX_LUN)];
};

const flocker: SourceRule = ({ datasetName, datasetUUID }, path) => {
  const [name, uid] = [asString(datasetName), asString(datasetUUID)];
  const errors: FieldErrors = [];
  if (name === '' && uid === '')
    errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (name !== '' && uid !== '') {
    const detail = 'datasetName and datasetUUID can not be specified simultaneously';
    errors.push(invalid(path, 'resource', detail));
  }
  if (name.includes('/')) errors.push(invalid(`${path}.datasetName`, name, "must not contain '/'"));
  return errors;
};

const CACHING_MODES = ['None', 'ReadOnly', 'ReadWrite'];
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared'];
const MANAGED_DISK =
  '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_DISK = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

const azureDisk: SourceRule = (source, path) => {
  const { cachingMode, kind } = source;
  const uri = asString(source['diskURI']);
  const errors = needs('diskName', 'diskURI')(source, path);
  append(errors, optionalWord(cachingMode, `${path}.cachingMode`, CACHING_MODES));
  if (isAbsent(kind)) return errors;
  append(errors, optionalWord(kind, `${path}.kind`, DISK_KINDS));
  const [prefix, form] = kind === 'Managed' ? ['/subscriptions/', MANAGED_DISK] : ['https://', BLOB_DISK];
  if (!uri.startsWith(prefix)) errors.push(notSupported(`${path}.diskURI`, uri, [form]));
  return errors;
};

const storageos: SourceRule = (source, path) => [
  ...requiredText(source['volumeName'], `${path}.volumeName`, dns1123Label),
  ...optionalText(source['volumeNamespace'], `${path}.volumeNamespace`, dns1123Label),
  ...namesSecret(source, path),
];

const MAX_DRIVER_BYTES = 63;

export function validateDriverName(value: unknown, path: string): FieldErrors {
  const name = asString(value);
  if (name === '') return [required(path)];
  const errors = name.length > MAX_DRIVER_BYTES ? [tooLong(path, MAX_DRIVER_BYTES)] : [];
  return [...errors, ...invalidAll(path, name, dns1123Subdomain(name.toLowerCase()))];
}

const inlineCsi: SourceRule = ({ driver, nodePublishSecretRef: secret }, path) => {
  const errors = validateDriverName(driver, `${path}.driver`);
  if (isAbsent(secret)) return errors;
  const name = asString(asRecord(secret)['name']);
  if (name === '') return [...errors, required(`${path}.nodePublishSecretRef.name`)];
  // The path is upstream's mistake.
  return [...errors, ...invalidAll(`${path}.name`, name, dns1123Subdomain(name))];
};

/** Rules that hold in pods, by the name of the source. */
export const networkSources = {
  awsElasticBlockStore: all(needs('volumeID'), partition),
  nfs,
  iscsi: iscsi('must be valid format starting with iqn, eui, or naa'),
  glusterfs: needs('endpoints', 'path'),
  flexVolume,
  rbd: all(needsMonitors, needs('image')),
  cinder: all(needs('volumeID'), namesSecret),
  cephfs: needsMonitors,
  quobyte,
  fc,
  flocker,
  azureFile: needs('secretName', 'shareName'),
  vsphereVolume: needs('volumePath'),
  photonPersistentDisk: needs('pdID'),
  portworxVolume: needs('volumeID'),
  azureDisk,
  storageos,
  scaleIO: needs('gateway', 'system', 'volumeName'),
  csi: inlineCsi,
} as const satisfies Readonly<Record<string, SourceRule>>;
