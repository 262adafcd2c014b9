/**
 * Comparing an answer with a recorded one. Placeholders of the record (`<uid-1>`, `<time>`, …)
 * match any text, the same placeholder the same text within one case. What differs on purpose
 * everywhere is taken out of both sides.
 */
import { isRecord } from '../../src/base/json.ts';
import { omit } from '../../src/schemas/json-access.ts';
import { PLACEMENT_PROOF } from '../../src/schemas/pods/pod-marks.ts';

const PLACEHOLDER = /<(uid|suffix|cluster-ip|node-port|continue|rv|time|microtime|server)(-\d+)?>/g;

export interface Bindings {
  readonly values: Map<string, string>;
}

export const newBindings = (): Bindings => ({ values: new Map() });

/** The request with what earlier answers bound its placeholders to. */
export function substitute<T>(value: T, bindings: Bindings): T {
  if (typeof value === 'string')
    return value.replace(PLACEHOLDER, (text) => bindings.values.get(text) ?? text) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => substitute(item, bindings)) as T;
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, substitute(member, bindings)]),
  ) as T;
}

/** Paths at which the two differ, at most `limit`. */
export function differences(expected: unknown, actual: unknown, bindings: Bindings, limit = 5): string[] {
  const found: string[] = [];
  compare(prune(expected), prune(actual), '', bindings, found);
  return found.slice(0, limit);
}

function compare(
  expected: unknown,
  actual: unknown,
  path: string,
  bindings: Bindings,
  found: string[],
): void {
  // Records of owners are compared where the recording has them.
  if (expected === undefined && path.endsWith('managedFields')) return;
  if (typeof expected === 'string' && (typeof actual === 'string' || typeof actual === 'number')) {
    if (!matchesText(expected, String(actual), bindings)) found.push(report(path, expected, actual));
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) found.push(report(path, expected, actual));
    else
      expected.forEach((item: unknown, index) =>
        compare(item, actual[index], `${path}[${index}]`, bindings, found),
      );
  } else if (isRecord(expected) && isRecord(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)]))
      compare(expected[key], actual[key], path === '' ? key : `${path}.${key}`, bindings, found);
  } else if (expected !== actual) {
    found.push(report(path, expected, actual));
  }
}

const report = (path: string, expected: unknown, actual: unknown): string =>
  `${path || '.'}: expected ${brief(expected)}, got ${brief(actual)}`;

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

function matchesText(expected: string, actual: string, bindings: Bindings): boolean {
  const names: string[] = [];
  let pattern = '';
  let at = 0;
  for (const match of expected.matchAll(PLACEHOLDER)) {
    pattern += `${escapeRegExp(expected.slice(at, match.index))}(.+?)`;
    names.push(match[0]);
    at = match.index + match[0].length;
  }
  if (names.length === 0) return expected === actual;
  const result = new RegExp(`^${pattern}${escapeRegExp(expected.slice(at))}$`, 's').exec(actual);
  if (!result) return false;
  return names.every((name, index) => {
    const value = result[index + 1] ?? '';
    if (!/-\d+>$/.test(name)) return true;
    const bound = bindings.values.get(name);
    if (bound === undefined) bindings.values.set(name, value);
    return bound === undefined || bound === value;
  });
}

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Not compared: the proof that every bound pod has here, column descriptions, and whether a time of
 * a condition that was never set is absent (as here) or null (as upstream).
 */
export function prune(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(prune);
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === 'description') continue;
    if (key === 'annotations' && isRecord(member)) {
      const others = omit(member, PLACEMENT_PROOF);
      if (Object.keys(others).length > 0) result[key] = prune(others);
      continue;
    }
    if (key === 'managedFields' && Array.isArray(member)) {
      result[key] = byManager(member);
      continue;
    }
    if (member === null && /^last\w*Time$/.test(key)) continue;
    result[key] = prune(member);
  }
  return result;
}

/** Entries of one operation come in no stable order. */
function byManager(entries: readonly unknown[]): unknown[] {
  const key = (entry: unknown): string => {
    const { manager, operation, subresource } = isRecord(entry) ? entry : {};
    return JSON.stringify([operation, manager, subresource ?? '']);
  };
  return [...entries].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
