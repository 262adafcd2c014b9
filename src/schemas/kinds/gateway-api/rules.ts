/**
 * Rules about several fields of an object. The Gateway API's definitions have them in CEL; here
 * they are code, with the same messages and the same places of errors.
 */
import { isRecord } from '../../../base/json.ts';
import type { FieldError } from '../../errors/field-error.ts';

export interface Rule {
  /** Dotted; `*` stands for every item of a list. */
  readonly path: string;
  readonly message: string;
  /** Asked where there is a value. `old` is the value that an update replaces. */
  holds(value: unknown, old?: unknown): boolean;
}

export const rule = (path: string, message: string, holds: Rule['holds']): Rule => ({ path, message, holds });

export const brokenRules = (rules: readonly Rule[], object: unknown, old?: unknown): readonly FieldError[] =>
  rules.flatMap(({ path, message, holds }) =>
    placesOf(object, old, path.split('.')).flatMap((place): readonly FieldError[] =>
      holds(place.value, place.old) ? [] : [{ type: 'FieldValueInvalid', path: place.path, detail: message }],
    ),
  );

interface Place {
  readonly path: string;
  readonly value: unknown;
  readonly old: unknown;
}

/** The values at a path. Items of lists have no old value: a list is replaced as a whole. */
function placesOf(value: unknown, old: unknown, steps: readonly string[], path = ''): readonly Place[] {
  if (value === undefined || value === null) return [];
  const [step, ...rest] = steps;
  if (step === undefined) return [{ path, value, old }];
  if (step === '*') {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    return items.flatMap((item, index) => placesOf(item, undefined, rest, `${path}[${index}]`));
  }
  if (!isRecord(value) || !Object.hasOwn(value, step)) return [];
  const before = isRecord(old) ? old[step] : undefined;
  return placesOf(value[step], before, rest, path === '' ? step : `${path}.${step}`);
}

/** Whether no two items have the same key. Items without a key are left out. */
export function areUnique(items: readonly unknown[], keyOf: (item: unknown) => string | undefined): boolean {
  const keys = items.map(keyOf).filter((key) => key !== undefined);
  return new Set(keys).size === keys.length;
}
