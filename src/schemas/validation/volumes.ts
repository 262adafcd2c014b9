/** Volumes of a pod and what they are made from. */
import { asNumber, asRecord, asRecords, asString, isAbsent } from '../json-access.ts';
import { parseQuantity } from '../quantity.ts';
import { validateFieldRef, validateResourceFieldRef, VOLUME_FIELDS } from './environment.ts';
import { configKey, dns1123Label, dns1123Subdomain } from './names.ts';
import {
  duplicate,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notFound,
  notSupported,
  required,
} from './report.ts';

type Fields = Readonly<Record<string, unknown>>;
type SourceRule = (source: Fields, path: string) => FieldErrors;

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const MAX_FILE_MODE = 0o777;

/** In the order in which upstream looks: of two sources, the later one in this list is the one too many. */
const SOURCES: Readonly<Record<string, SourceRule>> = {
  emptyDir: validateEmptyDir,
  hostPath: validateHostPath,
  gitRepo: () => [],
  gcePersistentDisk: () => [],
  awsElasticBlockStore: () => [],
  secret: (source, path) => validateFiles(source, 'secretName', path),
  nfs: validateNfs,
  iscsi: () => [],
  glusterfs: () => [],
  rbd: () => [],
  cinder: () => [],
  cephfs: () => [],
  quobyte: () => [],
  downwardAPI: (source, path) => [
    ...validateMode(source['defaultMode'], `${path}.defaultMode`),
    ...validateDownwardItems(source['items'], `${path}.items`),
  ],
  fc: () => [],
  flexVolume: () => [],
  configMap: (source, path) => validateFiles(source, 'name', path),
  azureFile: () => [],
  azureDisk: () => [],
  vsphereVolume: () => [],
  photonPersistentDisk: () => [],
  portworxVolume: () => [],
  scaleIO: () => [],
  storageos: () => [],
  flocker: () => [],
  projected: validateProjected,
  persistentVolumeClaim: (source, path) => {
    const name = asString(source['claimName']);
    const at = `${path}.claimName`;
    return name === '' ? [required(at)] : invalidAll(at, name, dns1123Subdomain(name));
  },
  csi: (source, path) => (asString(source['driver']) === '' ? [required(`${path}.driver`)] : []),
  ephemeral: (source, path) =>
    isAbsent(source['volumeClaimTemplate']) ? [required(`${path}.volumeClaimTemplate`)] : [],
  image: () => [],
};

export interface VolumeCheck {
  readonly errors: FieldErrors;
  /** Names of the volumes that are fine: only these can be mounted. */
  readonly names: ReadonlySet<string>;
}

export function validateVolumes(volumes: unknown, path: string): VolumeCheck {
  const errors: FieldErrors = [];
  const names = new Set<string>();
  for (const [index, volume] of asRecords(volumes).entries()) {
    const at = `${path}[${index}]`;
    const name = asString(volume['name']);
    const found = validateSource(volume, at);
    if (name === '') found.push(required(`${at}.name`));
    else found.push(...invalidAll(`${at}.name`, name, dns1123Label(name)));
    if (names.has(name)) found.push(duplicate(`${at}.name`, name));
    if (found.length === 0) names.add(name);
    errors.push(...found);
  }
  return { errors, names };
}

function validateSource(volume: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  let count = 0;
  for (const [name, validate] of Object.entries(SOURCES)) {
    if (isAbsent(volume[name])) continue;
    count += 1;
    const at = `${path}.${name}`;
    if (count > 1) errors.push(forbidden(at, 'may not specify more than 1 volume type'));
    else errors.push(...validate(asRecord(volume[name]), at));
  }
  if (count === 0) errors.push(required(path, 'must specify a volume type'));
  return errors;
}

function validateEmptyDir(source: Fields, path: string): FieldErrors {
  const limit = source['sizeLimit'];
  if (isAbsent(limit)) return [];
  const quantity = parseQuantity(limit);
  if (quantity && quantity.nanos >= 0n) return [];
  return [forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')];
}

export function validateHostPath(source: Fields, path: string): FieldErrors {
  const target = asString(source['path']);
  if (target === '') return [required(`${path}.path`)];
  const errors = validateNoBacksteps(target, `${path}.path`);
  const type = source['type'];
  if (!isAbsent(type) && !HOST_PATH_TYPES.includes(asString(type))) {
    errors.push(notSupported(`${path}.type`, type, HOST_PATH_TYPES));
  }
  return errors;
}

function validateNfs(source: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (asString(source['server']) === '') errors.push(required(`${path}.server`));
  const target = asString(source['path']);
  if (target === '') errors.push(required(`${path}.path`));
  else if (!target.startsWith('/')) errors.push(invalid(`${path}.path`, target, 'must be an absolute path'));
  return errors;
}

/** A ConfigMap or a Secret as files. */
function validateFiles(source: Fields, nameField: string, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (asString(source[nameField]) === '') errors.push(required(`${path}.${nameField}`));
  errors.push(...validateMode(source['defaultMode'], `${path}.defaultMode`));
  for (const [index, item] of asRecords(source['items']).entries()) {
    const at = `${path}.items[${index}]`;
    const key = asString(item['key']);
    errors.push(...(key === '' ? [required(`${at}.key`)] : invalidAll(`${at}.key`, key, configKey(key))));
    errors.push(...validateItemPath(item['path'], `${at}.path`));
    errors.push(...validateMode(item['mode'], `${at}.mode`));
  }
  return errors;
}

function validateDownwardItems(items: unknown, path: string): FieldErrors {
  return asRecords(items).flatMap((item, index) => {
    const at = `${path}[${index}]`;
    const errors = validateItemPath(item['path'], `${at}.path`);
    const { fieldRef, resourceFieldRef } = item;
    if (!isAbsent(fieldRef)) {
      errors.push(...validateFieldRef(fieldRef, VOLUME_FIELDS, `${at}.fieldRef`));
      if (!isAbsent(resourceFieldRef)) {
        errors.push(
          invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'),
        );
      }
    } else if (!isAbsent(resourceFieldRef)) {
      errors.push(...validateResourceFieldRef(resourceFieldRef, true, `${at}.resourceFieldRef`));
    } else errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'));
    errors.push(...validateMode(item['mode'], `${at}.mode`));
    return errors;
  });
}

const PROJECTIONS = [
  'secret',
  'downwardAPI',
  'configMap',
  'serviceAccountToken',
  'clusterTrustBundle',
  'podCertificate',
];
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

function validateProjected(volume: Fields, path: string): FieldErrors {
  const errors = validateMode(volume['defaultMode'], `${path}.defaultMode`);
  for (const [index, source] of asRecords(volume['sources']).entries()) {
    const at = `${path}.sources[${index}]`;
    const given = PROJECTIONS.filter((name) => !isAbsent(source[name]));
    if (given.length === 0) errors.push(required(at, 'must specify a projected volume source'));
    for (const name of given.slice(1)) {
      errors.push(forbidden(`${at}.${name}`, 'may not specify more than 1 volume type per source'));
    }
    const first = given[0] ?? '';
    errors.push(...validateProjection(asRecord(source[first]), first, `${at}.${first}`));
  }
  return errors;
}

function validateProjection(source: Fields, name: string, path: string): FieldErrors {
  switch (name) {
    case 'secret':
    case 'configMap':
      return validateFiles(source, 'name', path);
    case 'downwardAPI':
      return validateDownwardItems(source['items'], `${path}.items`);
    case 'serviceAccountToken': {
      const errors: FieldErrors = [];
      const seconds = asNumber(source['expirationSeconds']);
      const at = `${path}.expirationSeconds`;
      if (seconds !== undefined && seconds < MIN_TOKEN_SECONDS) {
        errors.push(invalid(at, seconds, 'may not specify a duration less than 10 minutes'));
      } else if (seconds !== undefined && seconds > MAX_TOKEN_SECONDS) {
        errors.push(invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds'));
      }
      if (asString(source['path']) === '') errors.push(required(`${path}.path`));
      return errors;
    }
    default:
      return [];
  }
}

function validateItemPath(value: unknown, path: string): FieldErrors {
  const target = asString(value);
  if (target === '') return [required(path)];
  const errors = validateRelativePath(target, path);
  if (errors.length === 0 && target.startsWith('..')) {
    errors.push(invalid(path, target, "must not start with '..'"));
  }
  return errors;
}

function validateMode(value: unknown, path: string): FieldErrors {
  const mode = asNumber(value);
  if (mode === undefined || (mode >= 0 && mode <= MAX_FILE_MODE)) return [];
  return [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

/** Below where it is mounted, and nowhere else. */
export function validateRelativePath(target: string, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (target.startsWith('/')) errors.push(invalid(path, target, 'must be a relative path'));
  return [...errors, ...validateNoBacksteps(target, path)];
}

function validateNoBacksteps(target: string, path: string): FieldErrors {
  return target.split('/').includes('..') ? [invalid(path, target, "must not contain '..'")] : [];
}

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];

export function validateMounts(container: Fields, volumes: ReadonlySet<string>, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const targets = new Set<string>();
  const isPrivileged = asRecord(container['securityContext'])['privileged'] === true;
  for (const [index, mount] of asRecords(container['volumeMounts']).entries()) {
    const at = `${path}[${index}]`;
    const name = asString(mount['name']);
    if (name === '') errors.push(required(`${at}.name`));
    if (!volumes.has(name)) errors.push(notFound(`${at}.name`, name));
    const target = asString(mount['mountPath']);
    if (target === '') errors.push(required(`${at}.mountPath`));
    if (targets.has(target)) errors.push(invalid(`${at}.mountPath`, target, 'must be unique'));
    targets.add(target);
    const subPath = asString(mount['subPath']);
    const expression = asString(mount['subPathExpr']);
    if (subPath !== '') errors.push(...validateRelativePath(subPath, `${at}.subPath`));
    if (expression !== '') {
      const clash = 'subPathExpr and subPath are mutually exclusive';
      if (subPath !== '') errors.push(invalid(`${at}.subPathExpr`, expression, clash));
      errors.push(...validateRelativePath(expression, `${at}.subPathExpr`));
    }
    errors.push(...validatePropagation(mount['mountPropagation'], isPrivileged, `${at}.mountPropagation`));
  }
  return errors;
}

function validatePropagation(value: unknown, isPrivileged: boolean, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  if (!PROPAGATIONS.includes(asString(value))) return [notSupported(path, value, PROPAGATIONS)];
  if (value !== 'Bidirectional' || isPrivileged) return [];
  return [forbidden(path, 'Bidirectional mount propagation is available only to privileged containers')];
}
