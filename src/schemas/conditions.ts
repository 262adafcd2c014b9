/** Conditions of a status: found by type, replaced by type, timed by their status. */
import { toRfc3339 } from '../base/clock.ts';
import { asRecords, type Fields } from './json-access.ts';

interface Judged {
  readonly type: string;
  readonly status: string;
}

export const conditionIn = (conditions: unknown, type: string): Fields | undefined =>
  asRecords(conditions).find((condition) => condition['type'] === type);

/** The `lastTransitionTime` of a condition: it moves with the status only. */
export function transitionTime(conditions: unknown, { type, status }: Judged, nowMs: number): string {
  const current = conditionIn(conditions, type);
  const since = current?.['status'] === status ? current['lastTransitionTime'] : undefined;
  return typeof since === 'string' ? since : toRfc3339(nowMs);
}

/** The conditions with this one in the place of the other of its type, else at the end. */
export function withConditionInPlace<T extends Judged>(conditions: readonly T[], wanted: T): readonly T[] {
  const isKnown = conditions.some(({ type }) => type === wanted.type);
  return isKnown
    ? conditions.map((condition) => (condition.type === wanted.type ? wanted : condition))
    : [...conditions, wanted];
}

/** The conditions with these in the place of others of their types, at the end. */
export function withConditions<T extends Judged>(
  conditions: unknown,
  wanted: readonly T[],
): readonly (Record<string, unknown> | T)[] {
  const types = new Set<unknown>(wanted.map(({ type }) => type));
  return [...asRecords(conditions).filter(({ type }) => !types.has(type)), ...wanted];
}
