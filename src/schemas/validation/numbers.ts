/** Ranges of numbers, in upstream's words. */
import { asNumber } from '../json-access.ts';
import { QUANTITY_MESSAGES, readQuantity } from '../values/quantity.ts';
import { inRange } from './names.ts';
import { type FieldErrors, invalid } from './report.ts';

const MAX_INT32 = 2_147_483_647;

export const NOT_NEGATIVE = 'must be greater than or equal to 0';
export const POSITIVE = 'must be greater than 0';

/** Missing numbers are fine. */
export function nonNegative(value: unknown, path: string): FieldErrors {
  const number = asNumber(value);
  return number !== undefined && number < 0 ? [invalid(path, number, NOT_NEGATIVE)] : [];
}

export function positive(value: unknown, path: string): FieldErrors {
  const number = asNumber(value);
  return number !== undefined && number <= 0 ? [invalid(path, number, POSITIVE)] : [];
}

export function within(value: unknown, path: string, low: number, high: number): FieldErrors {
  const number = asNumber(value);
  const outside = number !== undefined && (number < low || number > high);
  return outside ? [invalid(path, number, inRange(low, high))] : [];
}

/** Checks that the value is a quantity, which manifests of a repository may not be. */
export function readableQuantity(value: unknown, path: string): FieldErrors {
  const quantity = readQuantity(value);
  return typeof quantity === 'string' ? [invalid(path, value, QUANTITY_MESSAGES[quantity])] : [];
}

/** User and group ids. */
export const identifier = (value: unknown, path: string): FieldErrors => within(value, path, 0, MAX_INT32);

export const positiveInt32 = (value: unknown, path: string): FieldErrors => within(value, path, 1, MAX_INT32);
