/** Requests and limits of containers, and the names and amounts of resources. */
import { words } from '../../base/words.ts';
import { asRecord, asRecords, asString, type Fields } from '../json-access.ts';
import {
  compareQuantities,
  formatQuantity,
  isWhole,
  parseQuantity,
  type Quantity,
  QUANTITY_MESSAGES,
  readQuantity,
} from '../values/quantity.ts';
import { escapeControls } from '../errors/status.ts';
import { dns1123Label, qualifiedName } from './names.ts';
import { NOT_NEGATIVE } from './numbers.ts';
import {
  duplicate,
  append,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  keyed,
  notFound,
  required,
} from './report.ts';

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
/** Counted objects: only whole numbers make sense. */
const COUNTED = words(`
  pods services services.nodeports services.loadbalancers replicationcontrollers resourcequotas
  secrets configmaps persistentvolumeclaims
`);
/** The known names without a domain, in containers or quotas. */
const STANDARD_RESOURCES = new Set([
  ...COMPUTE,
  ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  'storage',
  'requests.storage',
  ...COUNTED,
]);

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

export function isStandardResource(name: string): boolean {
  return STANDARD_RESOURCES.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
}

/** Resources such as devices: whole numbers, and a request is as much as its limit. */
export function isExtendedResource(name: string): boolean {
  const isNative = !name.includes('/') || name.includes('kubernetes.io/');
  return !isNative && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
}

type NameCheck = (name: string, path: string) => FieldErrors;

/** Names of the resources that claims of a pod provide (`resources.claims`). */
export type ClaimNames = ReadonlySet<string>;

export function validateResources(
  value: unknown,
  path: string,
  claimNames: ClaimNames = new Set(),
  checkName: NameCheck = containerResourceName,
): FieldErrors {
  const { limits, requests, claims } = asRecord(value);
  const [limited, requested] = [asRecord(limits), asRecord(requests)];
  const errors: FieldErrors = [];
  for (const [name, amount] of Object.entries(limited)) {
    const at = keyed(`${path}.limits`, name);
    append(errors, checkName(name, at));
    append(errors, validateQuantity(name, amount, at));
    append(errors, hugePageErrors(name, amount, at));
  }
  for (const [name, amount] of Object.entries(requested)) {
    const at = keyed(`${path}.requests`, name);
    append(errors, checkName(name, at));
    append(errors, validateQuantity(name, amount, at));
    const limit = Object.hasOwn(limited, name) ? limited[name] : undefined;
    append(errors, compareWithLimit(name, amount, limit, path));
    append(errors, hugePageErrors(name, amount, at));
  }
  const names = new Set([...Object.keys(limited), ...Object.keys(requested)]);
  if ([...names].some(isHugePages) && !names.has('cpu') && !names.has('memory'))
    errors.push(forbidden(path, 'HugePages require cpu or memory'));
  return [...errors, ...validateClaims(claims, claimNames, `${path}.claims`)];
}

export function containerResourceName(name: string, path: string): FieldErrors {
  const errors = validateResourceName(name, path);
  if (!name.includes('/')) {
    if (COMPUTE.includes(name) || isHugePages(name)) return errors;
    return [...errors, invalid(path, name, 'must be a standard resource for containers')];
  }
  if (name.includes('kubernetes.io/') || isExtendedResource(name)) return errors;
  return [...errors, invalid(path, name, "doesn't follow extended resource name standard")];
}

export function validateResourceName(name: string, path: string): FieldErrors {
  const errors = invalidAll(path, name, qualifiedName(name));
  if (errors.length > 0 || name.includes('/') || isStandardResource(name)) return errors;
  return [invalid(path, name, 'must be a standard resource type or fully qualified')];
}

/** A quantity that is not negative, and whole where the resource cannot be divided. */
export function validateQuantity(name: string, value: unknown, path: string): FieldErrors {
  const quantity = readQuantity(value);
  if (typeof quantity === 'string') return [invalid(path, value, QUANTITY_MESSAGES[quantity])];
  const errors: FieldErrors = [];
  const text = formatQuantity(quantity);
  if (quantity.nanos < 0n) errors.push(invalid(path, text, NOT_NEGATIVE));
  if ((isExtendedResource(name) || COUNTED.includes(name)) && !isWhole(quantity))
    errors.push(invalid(path, text, 'must be an integer'));
  return errors;
}

/** The name says the size of a page, and only whole pages are given. */
function hugePageErrors(name: string, value: unknown, path: string): FieldErrors {
  const quantity = parseQuantity(value);
  if (!quantity || !isHugePages(name) || isWholePages(name, quantity)) return [];
  const text = formatQuantity(quantity);
  return [invalid(path, text, `${text} is not positive integer multiple of ${escapeControls(name)}`)];
}

function isWholePages(name: string, { nanos }: Quantity): boolean {
  const size = parseQuantity(name.slice('hugepages-'.length));
  return size !== undefined && size.nanos > 0n && isWhole(size) && nanos % size.nanos === 0n;
}

function compareWithLimit(name: string, value: unknown, limitValue: unknown, path: string): FieldErrors {
  const request = parseQuantity(value);
  const limit = parseQuantity(limitValue);
  // Resources of others without a domain never get this far upstream; they may be overcommitted.
  const canOvercommit = (!name.includes('/') || name.includes('kubernetes.io/')) && !isHugePages(name);
  if (!request) return [];
  if (!limit) {
    if (canOvercommit) return [];
    return [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')];
  }
  const order = compareQuantities(request, limit);
  const of = `${escapeControls(name)} limit of ${formatQuantity(limit)}`;
  if (!canOvercommit && order !== 0)
    return [invalid(`${path}.requests`, formatQuantity(request), `must be equal to ${of}`)];
  if (order <= 0) return [];
  return [invalid(`${path}.requests`, formatQuantity(request), `must be less than or equal to ${of}`)];
}

/** A claim is used as a whole, once, or by its requests, each once. */
function validateClaims(claims: unknown, known: ClaimNames, path: string): FieldErrors {
  const seen = new Set<string>();
  const inParts = new Set<string>();
  const list = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
  const detail = `must be one of the names in pod.spec.resourceClaims${list}`;
  return asRecords(claims).flatMap((claim: Fields, index) => {
    const at = indexed(path, index);
    const [name, request] = [asString(claim['name']), asString(claim['request'])];
    if (name === '') return [required(at)];
    const key = request === '' ? name : `${name}/${request}`;
    const errors: FieldErrors = [];
    if (seen.has(name)) errors.push(duplicate(at, name));
    else {
      if (request !== '') append(errors, invalidAll(`${at}.request`, request, dns1123Label(request)));
      if (seen.has(key) || (request === '' && inParts.has(name))) errors.push(duplicate(at, key));
      seen.add(key);
      if (request !== '') inParts.add(name);
    }
    return known.has(name) ? errors : [...errors, { ...notFound(at, name), detail }];
  });
}

/** The overhead of a pod beside its containers; the paths are upstream's. */
export function validateOverhead(overhead: unknown, path: string): FieldErrors {
  return validateResources({ limits: overhead }, path);
}
