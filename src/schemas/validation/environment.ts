/** `env` and `envFrom`, and the references to fields of the pod that volumes use too. */
import { words } from '../../base/words.ts';
import { asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { formatQuantity, parseQuantity } from '../values/quantity.ts';
import { escapeControls } from '../errors/status.ts';
import { configKey, dns1123Subdomain, environmentName, qualifiedName } from './names.ts';
import { validateItemPath } from './paths.ts';
import { append, type FieldErrors, invalid, invalidAll, notFound, notSupported, required } from './report.ts';
import { optionalText, requiredText } from './texts.ts';

const ENV_FIELDS = words(`
  metadata.name metadata.namespace metadata.uid spec.nodeName spec.serviceAccountName status.hostIP
  status.hostIPs status.podIP status.podIPs
`);
export const VOLUME_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
/** Field paths that exist at all; the others cannot even be converted. */
const KNOWN_FIELDS = new Set([
  ...ENV_FIELDS,
  ...VOLUME_FIELDS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);
/** `spec.nodeName`, as clients called it before there was a v1. */
const OLD_NODE_FIELD = 'spec.host';
const RESOURCE_FIELDS = ['limits', 'requests'].flatMap((side) =>
  ['cpu', 'ephemeral-storage', 'memory'].map((name) => `${side}.${name}`),
);

export function validateEnvironment(env: unknown, path: string): FieldErrors {
  return asRecords(env).flatMap((variable, index) => {
    const at = `${path}[${index}]`;
    const errors = requiredText(variable['name'], `${at}.name`, environmentName);
    return [...errors, ...validateValueFrom(variable, `${at}.valueFrom`)];
  });
}

/** Files that variables are read from lie in an emptyDir of the pod. */
export function validateFileVolumes(
  env: unknown,
  volumes: ReadonlyMap<string, Fields>,
  path: string,
): FieldErrors {
  return asRecords(env).flatMap((variable, index) => {
    const { fileKeyRef } = asRecord(variable['valueFrom']);
    const name = asString(asRecord(fileKeyRef)['volumeName']);
    if (isAbsent(fileKeyRef) || name === '') return [];
    const at = `${path}[${index}].valueFrom.fileKeyRef.volumeName`;
    const volume = volumes.get(name);
    if (!volume) return [notFound(at, name)];
    return isAbsent(volume['emptyDir'])
      ? [invalid(at, name, 'referenced volume must be of type emptyDir')]
      : [];
  });
}

function validateValueFrom(variable: Fields, path: string): FieldErrors {
  if (isAbsent(variable['valueFrom'])) return [];
  const source = asRecord(variable['valueFrom']);
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const errors: FieldErrors = [];
  if (!isAbsent(fieldRef)) append(errors, validateFieldRef(fieldRef, ENV_FIELDS, `${path}.fieldRef`));
  if (!isAbsent(resourceFieldRef))
    append(errors, validateResourceFieldRef(resourceFieldRef, false, `${path}.resourceFieldRef`));
  if (!isAbsent(configMapKeyRef)) append(errors, validateKeyRef(configMapKeyRef, `${path}.configMapKeyRef`));
  if (!isAbsent(secretKeyRef)) append(errors, validateKeyRef(secretKeyRef, `${path}.secretKeyRef`));
  if (!isAbsent(fileKeyRef)) append(errors, validateFileRef(asRecord(fileKeyRef), `${path}.fileKeyRef`));
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(
    (ref) => !isAbsent(ref),
  ).length;
  if (count === 0) {
    const detail =
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(invalid(path, '', detail));
  }
  if (asString(variable['value']) !== '') {
    if (count !== 0) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  } else if (count > 1)
    errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  return errors;
}

function validateKeyRef(value: unknown, path: string): FieldErrors {
  const { name: given, key } = asRecord(value);
  const name = asString(given);
  const errors = invalidAll(`${path}.name`, name, dns1123Subdomain(name));
  return [...errors, ...requiredText(key, `${path}.key`, configKey)];
}

function validateFileRef({ volumeName, path: file, key }: Fields, path: string): FieldErrors {
  return [
    ...(asString(volumeName) === '' ? [required(`${path}.volumeName`)] : []),
    ...validateItemPath(asString(file), `${path}.path`),
    ...requiredText(key, `${path}.key`, environmentName),
  ];
}

/** `metadata.labels['key']` and the like have a subscript; the last `['` opens it. */
function subscriptOf(field: string): { readonly base?: string; readonly subscript?: string } {
  const open = field.lastIndexOf("['");
  if (open < 1 || open + 2 > field.length - 2 || !field.endsWith("']")) return {};
  return { base: field.slice(0, open), subscript: field.slice(open + 2, -2) };
}

export function validateFieldRef(value: unknown, supported: readonly string[], path: string): FieldErrors {
  const { apiVersion, fieldPath } = asRecord(value);
  const version = asString(apiVersion);
  const field = asString(fieldPath);
  const at = `${path}.fieldPath`;
  if (version === '') return [required(`${path}.apiVersion`)];
  if (field === '') return [required(at)];
  const failed = (why: string): FieldErrors => [
    invalid(at, field, `error converting fieldPath: ${escapeControls(why)}`),
  ];
  if (version !== 'v1') return failed(`unsupported pod version: ${version}`);
  const { base, subscript } = subscriptOf(field);
  if (base === 'metadata.labels' && subscript !== undefined)
    return invalidAll(path, subscript, qualifiedName(subscript));
  if (base === 'metadata.annotations' && subscript !== undefined)
    return invalidAll(path, subscript, qualifiedName(subscript.toLowerCase()));
  if (subscript !== undefined) return failed(`field label does not support subscript: ${field}`);
  const meant = field === OLD_NODE_FIELD ? 'spec.nodeName' : field;
  if (!KNOWN_FIELDS.has(meant)) return failed(`field label not supported: ${field}`);
  return supported.includes(meant) ? [] : [notSupported(at, meant, supported)];
}

const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
type Divisors = readonly [readonly string[], string];
const DIVISORS: ReadonlyMap<string, Divisors> = new Map([
  ['cpu', [['1m', '1'], 'cpu']],
  ['memory', [BYTE_DIVISORS, 'memory']],
  ['ephemeral-storage', [BYTE_DIVISORS, 'local ephemeral storage']],
]);
const HUGE_PAGE_DIVISORS: Divisors = [BYTE_DIVISORS, 'hugepages'];
const HUGE_PAGES = /^(limits|requests)\.hugepages-/;

export function validateResourceFieldRef(value: unknown, needsContainer: boolean, path: string): FieldErrors {
  const { containerName, resource, divisor } = asRecord(value);
  const name = asString(resource);
  const errors: FieldErrors = [];
  if (needsContainer && asString(containerName) === '') errors.push(required(`${path}.containerName`));
  else if (name === '') errors.push(required(`${path}.resource`));
  else if (!RESOURCE_FIELDS.includes(name) && !HUGE_PAGES.test(name))
    errors.push(notSupported(`${path}.resource`, name, RESOURCE_FIELDS));
  return [...errors, ...validateDivisor(name, divisor, `${path}.divisor`)];
}

function divisorsOf(resource: string): Divisors | undefined {
  if (RESOURCE_FIELDS.includes(resource)) return DIVISORS.get(resource.slice(resource.indexOf('.') + 1));
  return HUGE_PAGES.test(resource) ? HUGE_PAGE_DIVISORS : undefined;
}

function validateDivisor(resource: string, divisor: unknown, path: string): FieldErrors {
  const quantity = parseQuantity(divisor);
  const known = divisorsOf(resource);
  if (!known || !quantity || quantity.nanos === 0n) return [];
  const [divisors, what] = known;
  if (divisors.includes(formatQuantity(quantity))) return [];
  const list = divisors.join(divisors.length > 2 ? ', ' : ' and ');
  const detail = `only divisor's values ${list} are supported with the ${what} resource`;
  // Upstream shows the resource, not the divisor.
  return [invalid(path, resource, detail)];
}

/** Where the path of an error has no index, upstream's has none. */
export function validateEnvironmentFrom(sources: unknown, path: string): FieldErrors {
  return asRecords(sources).flatMap((source, index) => {
    const at = `${path}[${index}]`;
    const errors = optionalText(source['prefix'], `${at}.prefix`, environmentName);
    const given = ['configMapRef', 'secretRef'].filter((name) => !isAbsent(source[name]));
    for (const field of given)
      append(errors, requiredText(asRecord(source[field])['name'], `${at}.${field}.name`, dns1123Subdomain));
    if (given.length === 0)
      errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (given.length > 1)
      errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}
