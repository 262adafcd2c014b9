/**
 * Limits on what the rules of a definition may cost, by estimate, before any object is seen. A rule
 * may run as often as its place may be in one object.
 */
import { isRecord } from '../../../base/json.ts';
import { LARGEST, sum, times } from '../../cel/index.ts';
import { type FieldErrors, forbidden } from '../../validation/report.ts';
import type { StructuralSchema } from '../structural-schema.ts';

export const MAX_RULE_ESTIMATE = 10_000_000;
export const MAX_SCHEMA_ESTIMATE = 100_000_000;
/** The most rules that the error about the total cost names. */
const MAX_NAMED = 4;

/** The cost of all rules of one schema. */
export interface CostTotal {
  cost: number;
  /** The most expensive first. */
  dearest: { readonly path: string; readonly cost: number }[];
}

export const noCost = (): CostTotal => ({ cost: 0, dearest: [] });

export function addCost(total: CostTotal, path: string, cost: number): void {
  total.cost = sum(total.cost, cost);
  // Those that hardly count are not named.
  if (cost < MAX_SCHEMA_ESTIMATE / 100) return;
  total.dearest = [...total.dearest, { path, cost }].sort((a, b) => b.cost - a.cost).slice(0, MAX_NAMED);
}

/** `what` is what exceeds the limit. */
export function costError(path: string, what: string, cost: number, limit: number): FieldErrors {
  if (cost <= limit) return [];
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100' : factor.toFixed(factor < 1.5 ? 6 : 1);
  const advice =
    'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';
  return [forbidden(path, `${what} exceeds budget by factor of ${shown}x (${advice})`)];
}

export function totalErrors({ cost, dearest }: CostTotal, path: string): FieldErrors {
  const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  const errors = costError(path, what, cost, MAX_SCHEMA_ESTIMATE);
  if (errors.length === 0) return [];
  const detail = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
  return [...dearest.map((rule) => forbidden(rule.path, detail)), ...errors];
}

/** The most occurrences of the members of the schema; undefined without a limit. */
export function occurrencesBelow(
  schema: StructuralSchema,
  occurrences: number | undefined,
): number | undefined {
  const limit =
    schema.type === 'array'
      ? schema.maxItems
      : schema.type === 'object' && isMap(schema)
        ? schema.maxProperties
        : 1;
  if (occurrences === undefined || limit === undefined) return undefined;
  return Math.min(LARGEST, times(occurrences, Math.max(0, limit)));
}

const isMap = ({ additionalProperties }: StructuralSchema): boolean =>
  additionalProperties === true || isRecord(additionalProperties);
