/** LimitRanges and ResourceQuotas. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asRecords, asString, isAbsent, type JsonRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../quantity.ts';
import { escapeControls } from '../status.ts';
import { FIELD_IS_IMMUTABLE } from './metadata.ts';
import { qualifiedName } from './names.ts';
import { readableQuantity } from './numbers.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  keyed,
  required,
} from './report.ts';
import {
  containerResourceName,
  isHugePages,
  isStandardResource,
  validateQuantity,
  validateResourceName,
} from './resources.ts';

type Fields = Readonly<JsonRecord>;

/** What the pods of a scope can use up. */
const COMPUTE_QUOTAS = new Set([
  'cpu',
  'memory',
  'limits.cpu',
  'limits.memory',
  'requests.cpu',
  'requests.memory',
]);
const CLAIM_QUOTAS = new Set(['persistentvolumeclaims', 'requests.storage']);
const isComputeQuota = (name: string): boolean => name === 'pods' || COMPUTE_QUOTAS.has(name);

/** Scopes, and the resources that each can restrict. */
const SCOPES: ReadonlyMap<string, (resource: string) => boolean> = new Map([
  ['Terminating', isComputeQuota],
  ['NotTerminating', isComputeQuota],
  ['BestEffort', (name: string) => name === 'pods'],
  ['NotBestEffort', isComputeQuota],
  ['PriorityClass', isComputeQuota],
  ['CrossNamespacePodAffinity', isComputeQuota],
  ['VolumeAttributesClass', (name: string) => CLAIM_QUOTAS.has(name)],
]);
/** Nothing is in both. */
const OPPOSITES = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;
/** These are or are not; they have no values to be in. */
const WITHOUT_VALUES = new Set([
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
]);
const ONLY_EXISTS =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

export function validateResourceQuota(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const restricted = Object.keys(asRecord(spec['hard'])).filter(isQuotaResource);
  return [
    ...validateAmounts(spec['hard'], 'spec.hard'),
    ...validateScopes(asList(spec['scopes']), restricted),
    ...validateScopeSelector(spec['scopeSelector'], restricted, spec['scopes'] ?? null),
  ];
}

const isQuotaResource = (name: string): boolean => name !== 'storage' && isStandardResource(name);

function validateAmounts(amounts: unknown, path: string): FieldErrors {
  return Object.entries(asRecord(amounts)).flatMap(([name, value]) => {
    const at = keyed(path, name);
    return [...validateQuotaName(name, at), ...validateQuantity(name, value, at)];
  });
}

function validateQuotaName(name: string, path: string): FieldErrors {
  const errors = validateResourceName(name, path);
  if (name.includes('/') || isQuotaResource(name)) return errors;
  return [...errors, invalid(path, name, 'must be a standard resource for quota')];
}

function validateScopes(scopes: readonly unknown[], restricted: readonly string[]): FieldErrors {
  const path = 'spec.scopes';
  const errors = scopes.flatMap((scope) => [
    ...(SCOPES.has(asString(scope)) ? [] : [invalid(path, scopes, 'unsupported scope')]),
    ...misapplied(scope, restricted, path, scopes),
  ]);
  return [...errors, ...conflicting(new Set(scopes), path, scopes)];
}

const misapplied = (
  scope: unknown,
  restricted: readonly string[],
  path: string,
  shown: unknown,
): FieldErrors => {
  const canRestrict = SCOPES.get(asString(scope));
  // One complaint tells as much as one for each resource.
  return canRestrict === undefined || restricted.every(canRestrict)
    ? []
    : [invalid(path, shown, 'unsupported scope applied to resource')];
};

const conflicting = (scopes: ReadonlySet<unknown>, path: string, shown: unknown): FieldErrors =>
  OPPOSITES.flatMap((pair) =>
    pair.every((scope) => scopes.has(scope)) ? [invalid(path, shown, 'conflicting scopes')] : [],
  );

function validateScopeSelector(
  selector: unknown,
  restricted: readonly string[],
  shownScopes: unknown,
): FieldErrors {
  if (isAbsent(selector)) return [];
  const path = 'spec.scopeSelector.matchExpressions';
  const expressions = asRecords(asRecord(selector)['matchExpressions']);
  const errors: FieldErrors = [];
  for (const { scopeName, operator, values } of expressions) {
    const [scope, relation] = [asString(scopeName), asString(operator)];
    if (!SCOPES.has(scope)) errors.push(invalid(`${path}.scopeName`, scope, 'unsupported scope'));
    append(errors, misapplied(scope, restricted, path, selector));
    if (WITHOUT_VALUES.has(scope) && relation !== 'Exists')
      errors.push(invalid(`${path}.operator`, relation, ONLY_EXISTS));
    append(errors, validateScopeValues(relation, asList(values), path));
  }
  const scopes = new Set(expressions.map(({ scopeName }) => scopeName));
  return [...errors, ...conflicting(scopes, path, shownScopes)];
}

function validateScopeValues(operator: string, values: readonly unknown[], path: string): FieldErrors {
  switch (operator) {
    case 'In':
    case 'NotIn': {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      return values.length > 0 ? [] : [required(`${path}.values`, detail)];
    }
    case 'Exists':
    case 'DoesNotExist': {
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      return values.length === 0 ? [] : [invalid(`${path}.values`, values, detail)];
    }
    default:
      return [invalid(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}

export function validateResourceQuotaUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const scopesOf = (object: KubeObject): readonly unknown[] => asList(asRecord(object['spec'])['scopes']);
  const sorted = (object: KubeObject): unknown => [...new Set(scopesOf(object))].sort();
  if (jsonEqual(sorted(next), sorted(current))) return [];
  return [invalid('spec.scopes', asRecord(next['spec'])['scopes'] ?? null, FIELD_IS_IMMUTABLE)];
}

export function validateResourceQuotaStatus(next: KubeObject): FieldErrors {
  const { hard, used } = asRecord(next['status']);
  return [...validateAmounts(hard, 'status.hard'), ...validateAmounts(used, 'status.used')];
}

const LIMIT_TYPES = ['Container', 'PersistentVolumeClaim', 'Pod'];

export function validateLimitRange(object: KubeObject): FieldErrors {
  const errors: FieldErrors = [];
  const types = new Set<string>();
  for (const [index, limit] of asRecords(asRecord(object['spec'])['limits']).entries()) {
    const path = indexed('spec.limits', index);
    const type = asString(limit['type']);
    append(errors, validateLimitType(type, `${path}.type`));
    if (types.has(type)) errors.push(duplicate(`${path}.type`, type));
    types.add(type);
    append(errors, validateLimit(limit, path, type));
  }
  return errors;
}

function validateLimitType(type: string, path: string): FieldErrors {
  const errors = invalidAll(path, type, qualifiedName(type));
  if (errors.length > 0 || type.includes('/') || LIMIT_TYPES.includes(type)) return errors;
  return [invalid(path, type, 'must be a standard limit type or fully qualified')];
}

const LIMIT_FIELDS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
type LimitField = (typeof LIMIT_FIELDS)[number];

function validateLimit(limit: Fields, path: string, type: string): FieldErrors {
  const errors: FieldErrors = [];
  const given = new Map<LimitField, Fields>();
  const names = new Set<string>();
  const checkName = type === 'Pod' || type === 'Container' ? containerResourceName : validateResourceName;
  for (const field of LIMIT_FIELDS) {
    const amounts = asRecord(limit[field]);
    if (type === 'Pod' && field.startsWith('default')) {
      if (Object.keys(amounts).length > 0)
        errors.push(forbidden(`${path}.${field}`, "may not be specified when `type` is 'Pod'"));
      continue;
    }
    if (field === 'maxLimitRequestRatio' && type === 'PersistentVolumeClaim' && !limitsStorage(limit)) {
      const detail = 'either minimum or maximum storage value is required, but neither was provided';
      errors.push(required(`${path}.limits`, detail));
    }
    given.set(field, amounts);
    for (const [name, value] of Object.entries(amounts)) {
      const at = keyed(`${path}.${field}`, name);
      append(errors, [...checkName(name, at), ...readableQuantity(value, at)]);
      names.add(name);
    }
  }
  for (const name of names) append(errors, compareAmounts(name, given, path));
  return errors;
}

const limitsStorage = ({ min, max }: Fields): boolean =>
  Object.hasOwn(asRecord(min), 'storage') || Object.hasOwn(asRecord(max), 'storage');

/** Pairs of which the first must not be more than the second; where the complaint stands, and which amount it shows. */
const ORDERED: readonly (readonly [LimitField, LimitField, LimitField, LimitField])[] = [
  ['min', 'max', 'min', 'min'],
  ['min', 'defaultRequest', 'defaultRequest', 'defaultRequest'],
  ['defaultRequest', 'max', 'defaultRequest', 'defaultRequest'],
  ['defaultRequest', 'default', 'defaultRequest', 'defaultRequest'],
  ['min', 'default', 'default', 'min'],
  ['default', 'max', 'default', 'max'],
];

function wordsOf(field: LimitField, other: LimitField): string {
  if (field === 'defaultRequest') return 'default request';
  return field === 'default' && other === 'defaultRequest' ? 'default limit' : field;
}

function compareAmounts(name: string, given: ReadonlyMap<LimitField, Fields>, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const amountOf = (field: LimitField): Quantity | undefined => {
    const amounts = given.get(field) ?? {};
    return Object.hasOwn(amounts, name) ? parseQuantity(amounts[name]) : undefined;
  };
  const complain = (field: LimitField, shown: Quantity, detail: string): void => {
    errors.push(invalid(keyed(`${path}.${field}`, name), formatQuantity(shown), detail));
  };
  for (const [low, high, at, shown] of ORDERED) {
    const [a, b, seen] = [amountOf(low), amountOf(high), amountOf(shown)];
    if (!a || !b || !seen || compareQuantities(a, b) <= 0) continue;
    const [first, second] = [wordsOf(low, high), wordsOf(high, low)];
    const detail = `${first} value ${formatQuantity(a)} is greater than ${second} value ${formatQuantity(b)}`;
    complain(at, seen, detail);
  }
  const [ratio, min, max] = [amountOf('maxLimitRequestRatio'), amountOf('min'), amountOf('max')];
  if (ratio)
    for (const detail of ratioComplaints(ratio, min, max)) complain('maxLimitRequestRatio', ratio, detail);
  const [limit, request] = [amountOf('default'), amountOf('defaultRequest')];
  if (limit && request && !mayOvercommit(name) && compareQuantities(limit, request) !== 0) {
    const [a, b] = [formatQuantity(limit), formatQuantity(request)];
    complain(
      'defaultRequest',
      request,
      `default value ${a} must equal to defaultRequest value ${b} in ${escapeControls(name)}`,
    );
  }
  return errors;
}

const mayOvercommit = (name: string): boolean =>
  (!name.includes('/') || name.includes('kubernetes.io/')) && !isHugePages(name);

const ONE: Quantity = { nanos: 1_000_000_000n, format: 'DecimalSI' };

function ratioComplaints(ratio: Quantity, min: Quantity | undefined, max: Quantity | undefined): string[] {
  const text = formatQuantity(ratio);
  const complaints = compareQuantities(ratio, ONE) < 0 ? [`ratio ${text} is less than 1`] : [];
  if (!min || !max) return complaints;
  // As in Go, a division by zero has a result.
  const bound = Number(max.nanos) / Number(min.nanos);
  if (Number(ratio.nanos) / Number(ONE.nanos) > bound)
    complaints.push(`ratio ${text} is greater than max/min = ${floatText(bound)}`);
  return complaints;
}

function floatText(value: number): string {
  if (Number.isFinite(value)) return value.toFixed(6);
  return value > 0 ? '+Inf' : '-Inf';
}
