/** Reading numbers and conditions out of a status that may be missing, half-written or wrong. */
import { isRecord } from '../base/json.ts';

export function numberAt(value: unknown, key: string, fallback = 0): number {
  const member = isRecord(value) ? value[key] : undefined;
  return typeof member === 'number' ? member : fallback;
}

export function textAt(value: unknown, key: string): string {
  const member = isRecord(value) ? value[key] : undefined;
  return typeof member === 'string' ? member : '';
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  const member = isRecord(value) ? value[key] : undefined;
  return Array.isArray(member) ? member : [];
}

export function recordAt(value: unknown, key: string): Record<string, unknown> | undefined {
  const member = isRecord(value) ? value[key] : undefined;
  return isRecord(member) ? member : undefined;
}

export function conditionOf(status: unknown, type: string): Record<string, unknown> | undefined {
  return listAt(status, 'conditions')
    .filter(isRecord)
    .find((condition) => condition['type'] === type);
}

/** Epoch milliseconds of a time; 0 if there is none. */
export function timeAt(value: unknown, key: string): number {
  return Date.parse(textAt(value, key)) || 0;
}
