/** Volumes of cluster data: ConfigMaps, Secrets, the pod's own fields, tokens. */
import { asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { validateFieldRef, validateResourceFieldRef, VOLUME_FIELDS } from './environment.ts';
import { validateItemPath } from './paths.ts';
import { append, type FieldErrors, forbidden, invalid, required } from './report.ts';

const MAX_FILE_MODE = 0o777;

/** A ConfigMap or a Secret as files. */
export function validateFiles(source: Fields, nameField: string, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (asString(source[nameField]) === '') errors.push(required(`${path}.${nameField}`));
  append(errors, validateMode(source['defaultMode'], `${path}.defaultMode`));
  for (const [index, item] of asRecords(source['items']).entries()) {
    const at = `${path}.items[${index}]`;
    if (asString(item['key']) === '') errors.push(required(`${at}.key`));
    append(errors, validateItemPath(asString(item['path']), `${at}.path`));
    append(errors, validateMode(item['mode'], `${at}.mode`));
  }
  return errors;
}

/** Upstream leaves the index of the file out of the path. */
export function validateDownwardFiles(items: unknown, path: string): FieldErrors {
  return asRecords(items).flatMap((item) => {
    const errors = validateItemPath(asString(item['path']), `${path}.path`);
    const { fieldRef, resourceFieldRef } = item;
    if (!isAbsent(fieldRef)) {
      append(errors, validateFieldRef(fieldRef, VOLUME_FIELDS, `${path}.fieldRef`));
      if (!isAbsent(resourceFieldRef)) {
        const detail = 'fieldRef and resourceFieldRef can not be specified simultaneously';
        errors.push(invalid(path, 'resource', detail));
      }
    } else if (!isAbsent(resourceFieldRef))
      append(errors, validateResourceFieldRef(resourceFieldRef, true, `${path}.resourceFieldRef`));
    else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
    append(errors, validateMode(item['mode'], `${path}.mode`));
    return errors;
  });
}

export function validateMode(value: unknown, path: string): FieldErrors {
  const mode = asNumber(value);
  if (mode === undefined || (mode >= 0 && mode <= MAX_FILE_MODE)) return [];
  return [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

type Projection = (source: Fields, path: string, volumePath: string) => FieldErrors;

/** Upstream's order, without sources of features that are off, which defaulting removes. */
const PROJECTIONS: Readonly<Record<string, Projection>> = {
  secret: (source, path) => validateFiles(source, 'name', path),
  configMap: (source, path) => validateFiles(source, 'name', path),
  downwardAPI: (source, path) => validateDownwardFiles(source['items'], path),
  serviceAccountToken: validateToken,
};

export function validateProjected(volume: Fields, path: string): FieldErrors {
  const errors = validateMode(volume['defaultMode'], `${path}.defaultMode`);
  const taken = new Set<string>();
  for (const [index, source] of asRecords(volume['sources']).entries()) {
    const at = `${path}.sources[${index}]`;
    let count = 0;
    for (const [name, validate] of Object.entries(PROJECTIONS)) {
      if (isAbsent(source[name])) continue;
      count += 1;
      const projection = asRecord(source[name]);
      append(errors, validate(projection, `${at}.${name}`, path));
      append(errors, takePaths(name, projection, taken, path));
    }
    if (count > 1) errors.push(forbidden(at, 'may not specify more than 1 volume type per source'));
  }
  return errors;
}

/** Two sources must not write the same file. */
function takePaths(name: string, projection: Fields, taken: Set<string>, path: string): FieldErrors {
  return asRecords(projection['items']).flatMap((file) => {
    const target = asString(file['path']);
    if (target === '') return [];
    if (!taken.has(target)) {
      taken.add(target);
      return [];
    }
    // ConfigMaps and Secrets are named; of the others the path is shown.
    const shown = name === 'secret' || name === 'configMap' ? asString(projection['name']) : target;
    return [invalid(path, shown, 'conflicting duplicate paths')];
  });
}

const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

/** The path of the file is complained about at the volume, as upstream does. */
function validateToken(source: Fields, path: string, volumePath: string): FieldErrors {
  const seconds = asNumber(source['expirationSeconds']);
  const at = `${path}.expirationSeconds`;
  const errors: FieldErrors = [];
  if (seconds !== undefined && seconds < MIN_TOKEN_SECONDS)
    errors.push(invalid(at, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds !== undefined && seconds > MAX_TOKEN_SECONDS)
    errors.push(invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds'));
  return [...errors, ...validateItemPath(asString(source['path']), `${volumePath}.path`)];
}
