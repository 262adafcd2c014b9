/** Requests and limits of containers. */
import { ownMember } from '../../base/json.ts';
import { asRecord } from '../json-access.ts';
import {
  compareQuantities,
  formatQuantity,
  isWhole,
  parseQuantity,
  QUANTITY_MESSAGES,
  readQuantity,
} from '../quantity.ts';
import { escapeControls } from '../status.ts';
import { qualifiedName } from './names.ts';
import { NOT_NEGATIVE } from './numbers.ts';
import { type FieldErrors, invalid, invalidAll, keyed, required } from './report.ts';

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage']);
const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

/** Resources of devices and the like: whole numbers, and a request is always as much as its limit. */
export function isExtendedResource(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

export function validateResources(resources: unknown, path: string): FieldErrors {
  const { limits, requests } = asRecord(resources);
  const errors: FieldErrors = [];
  for (const [name, value] of Object.entries(asRecord(limits))) {
    const at = keyed(`${path}.limits`, name);
    errors.push(...validateResourceName(name, at), ...validateQuantity(name, value, at));
  }
  for (const [name, value] of Object.entries(asRecord(requests))) {
    const at = keyed(`${path}.requests`, name);
    errors.push(...validateResourceName(name, at), ...validateQuantity(name, value, at));
    errors.push(...compareWithLimit(name, value, ownMember(asRecord(limits), name), path));
  }
  const names = new Set([...Object.keys(asRecord(limits)), ...Object.keys(asRecord(requests))]);
  if ([...names].some(isHugePages) && !names.has('cpu') && !names.has('memory')) {
    errors.push(required(path, 'HugePages require cpu or memory'));
  }
  return errors;
}

function validateResourceName(name: string, path: string): FieldErrors {
  const errors = invalidAll(path, name, qualifiedName(name));
  if (errors.length > 0) return errors;
  if (!name.includes('/')) {
    if (STANDARD.has(name) || isHugePages(name)) return [];
    return [invalid(path, name, 'must be a standard resource for containers')];
  }
  if (name.includes('kubernetes.io/') || isExtendedResource(name)) return [];
  return [invalid(path, name, "doesn't follow extended resource name standard")];
}

/** A quantity that is not negative, and whole where the resource cannot be divided. */
export function validateQuantity(name: string, value: unknown, path: string): FieldErrors {
  const quantity = readQuantity(value);
  if (typeof quantity === 'string') return [invalid(path, value, QUANTITY_MESSAGES[quantity])];
  const errors: FieldErrors = [];
  const text = formatQuantity(quantity);
  if (quantity.nanos < 0n) errors.push(invalid(path, text, NOT_NEGATIVE));
  if ((isExtendedResource(name) || name === 'pods') && !isWhole(quantity)) {
    errors.push(invalid(path, text, 'must be an integer'));
  }
  return errors;
}

function compareWithLimit(name: string, value: unknown, limitValue: unknown, path: string): FieldErrors {
  const request = parseQuantity(value);
  const limit = parseQuantity(limitValue);
  const canOvercommit = !isExtendedResource(name) && !isHugePages(name);
  if (!request) return [];
  if (!limit) {
    if (canOvercommit) return [];
    return [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')];
  }
  const order = compareQuantities(request, limit);
  const of = `${escapeControls(name)} limit of ${formatQuantity(limit)}`;
  if (canOvercommit && order > 0) {
    return [invalid(`${path}.requests`, formatQuantity(request), `must be less than or equal to ${of}`)];
  }
  if (!canOvercommit && order !== 0) {
    return [invalid(`${path}.requests`, formatQuantity(request), `must be equal to ${of}`)];
  }
  return [];
}
