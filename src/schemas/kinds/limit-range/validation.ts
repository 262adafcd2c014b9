/** LimitRanges: the amounts of each type of object, and how they compare. */
import { asRecord, asRecords, asString, type Fields } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../../values/quantity.ts';
import { escapeControls } from '../../errors/status.ts';
import { qualifiedName } from '../../validation/names.ts';
import { readableQuantity } from '../../validation/numbers.ts';
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
} from '../../validation/report.ts';
import { containerResourceName, isHugePages, validateResourceName } from '../../validation/resources.ts';

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

/** Pairs whose first amount must not exceed the second; path and amount of the error. */
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
