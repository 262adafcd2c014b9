/** Where a container mounts volumes, and which block devices it gets. */
import { asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { validateNoBacksteps, validateRelativePath } from './paths.ts';
import { append, type FieldErrors, forbidden, invalid, notFound, notSupported, required } from './report.ts';

type Volumes = ReadonlyMap<string, Fields>;

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible'];

const textsOf = (items: unknown, field: string): ReadonlySet<string> =>
  new Set(asRecords(items).map((item) => asString(item[field])));

/** Where the path of an error has no index, upstream's has none. */
export function validateMounts(container: Fields, volumes: Volumes, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const targets = new Set<string>();
  const isPrivileged = asRecord(container['securityContext'])['privileged'] === true;
  const deviceNames = textsOf(container['volumeDevices'], 'name');
  const devicePaths = textsOf(container['volumeDevices'], 'devicePath');
  for (const [index, mount] of asRecords(container['volumeMounts']).entries()) {
    const at = `${path}[${index}]`;
    const name = asString(mount['name']);
    if (name === '') errors.push(required(`${at}.name`));
    if (!volumes.has(name)) errors.push(notFound(`${at}.name`, name));
    const target = asString(mount['mountPath']);
    if (target === '') errors.push(required(`${at}.mountPath`));
    if (targets.has(target)) errors.push(invalid(`${at}.mountPath`, target, 'must be unique'));
    targets.add(target);
    if (deviceNames.has(name))
      errors.push(invalid(`${at}.name`, name, 'must not already exist in volumeDevices'));
    if (devicePaths.has(target)) {
      const detail = 'must not already exist as a path in volumeDevices';
      errors.push(invalid(`${at}.mountPath`, target, detail));
    }
    append(errors, validateSubPaths(mount, at, path));
    append(errors, validatePropagation(mount['mountPropagation'], isPrivileged, `${path}.mountPropagation`));
    append(errors, validateRecursive(mount, `${path}.recursiveReadOnly`));
  }
  return errors;
}

function validateSubPaths(mount: Fields, at: string, path: string): FieldErrors {
  const subPath = asString(mount['subPath']);
  const expression = asString(mount['subPathExpr']);
  const errors = validateRelativePath(subPath, `${path}.subPath`);
  if (expression !== '' && subPath !== '') {
    const detail = 'subPathExpr and subPath are mutually exclusive';
    errors.push(invalid(`${at}.subPathExpr`, expression, detail));
  }
  return [...errors, ...validateRelativePath(expression, `${path}.subPathExpr`)];
}

function validatePropagation(value: unknown, isPrivileged: boolean, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  if (!PROPAGATIONS.includes(asString(value))) return [notSupported(path, value, PROPAGATIONS)];
  if (value !== 'Bidirectional' || isPrivileged) return [];
  return [forbidden(path, 'Bidirectional mount propagation is available only to privileged containers')];
}

function validateRecursive(mount: Fields, path: string): FieldErrors {
  const { recursiveReadOnly: value, readOnly, mountPropagation } = mount;
  if (isAbsent(value) || value === 'Disabled') return [];
  if (!RECURSIVE.includes(asString(value))) return [notSupported(path, value, RECURSIVE)];
  const errors: FieldErrors = [];
  if (readOnly !== true) errors.push(forbidden(path, 'may only be specified when readOnly is true'));
  if (!isAbsent(mountPropagation) && mountPropagation !== 'None') {
    const detail = 'may only be specified when mountPropagation is None or not specified';
    errors.push(forbidden(path, detail));
  }
  return errors;
}

export function validateDevices(container: Fields, volumes: Volumes, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const names = new Set<string>();
  const paths = new Set<string>();
  const mountNames = textsOf(container['volumeMounts'], 'name');
  const mountPaths = textsOf(container['volumeMounts'], 'mountPath');
  for (const [index, device] of asRecords(container['volumeDevices']).entries()) {
    const at = `${path}[${index}]`;
    const name = asString(device['name']);
    const target = asString(device['devicePath']);
    const wrongName = (detail: string): number => errors.push(invalid(`${at}.name`, name, detail));
    const wrongPath = (detail: string): number => errors.push(invalid(`${at}.devicePath`, target, detail));
    if (name === '') errors.push(required(`${at}.name`));
    if (names.has(name)) wrongName('must be unique');
    const volume = volumes.get(name);
    if (!volume) errors.push(notFound(`${at}.name`, name));
    else if (isAbsent(volume['persistentVolumeClaim']) && isAbsent(volume['ephemeral']))
      wrongName('can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode');
    if (target === '') errors.push(required(`${at}.devicePath`));
    if (paths.has(target)) wrongPath('must be unique');
    if (validateNoBacksteps(target, '').length > 0) wrongPath("can not contain backsteps ('..')");
    else paths.add(target);
    if (mountNames.has(name)) wrongName('must not already exist in volumeMounts');
    if (mountPaths.has(target)) wrongPath('must not already exist as a path in volumeMounts');
    if (name !== '') names.add(name);
  }
  return errors;
}
