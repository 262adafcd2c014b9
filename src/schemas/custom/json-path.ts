/**
 * The part of kubectl's JSONPath that printer columns use: names, quoted names, indices, slices,
 * `*`, `..name`, and filters such as `[?(@.type=="Ready")]`. Parsed once; reading never fails on
 * any object. Source: kubectl's JSONPath documentation.
 */
import { isRecord } from '../../base/json.ts';

type Step =
  | { readonly type: 'member'; readonly name: string }
  | { readonly type: 'deep'; readonly name: string }
  | { readonly type: 'every' }
  | { readonly type: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'filter'; readonly path: JsonPath; readonly operator: string; readonly value: Operand };

type Operand = { readonly literal: unknown } | { readonly path: JsonPath } | undefined;

export type JsonPath = readonly Step[];

/** Steps of one path, and values that it may find: more would be a mistake or an attack. */
const MAX_STEPS = 64;
const MAX_TEXT = 4_096;
const MAX_FOUND = 10_000;

/** Undefined where the text is no path. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const inner = /^\{(.*)\}$/.exec(text.trim())?.[1] ?? text.trim();
  const steps: Step[] = [];
  let rest = inner.startsWith('$') || inner.startsWith('@') ? inner.slice(1) : inner;
  while (rest !== '') {
    const read = nextStep(rest);
    if (!read || steps.length >= MAX_STEPS) return undefined;
    if (read.step) steps.push(read.step);
    rest = rest.slice(read.length);
  }
  return steps;
}

interface Read {
  readonly step: Step | undefined;
  readonly length: number;
}

function nextStep(text: string): Read | undefined {
  const bracket = text.startsWith('[') ? closingBracket(text) : -1;
  if (bracket > 0) {
    const step = bracketStep(text.slice(1, bracket).trim());
    return step && { step, length: bracket + 1 };
  }
  const deep = /^\.\.((?:\\.|[^.[\]\\])+)/.exec(text);
  if (deep) return { step: { type: 'deep', name: unescaped(deep[1] ?? '') }, length: deep[0].length };
  if (/^\.\*/.test(text)) return { step: { type: 'every' }, length: 2 };
  if (text === '.') return { step: undefined, length: 1 };
  if (text.startsWith('.[')) return { step: undefined, length: 1 };
  const member = /^\.?((?:\\.|[^.[\]\\])+)/.exec(text);
  return member
    ? { step: { type: 'member', name: unescaped(member[1] ?? '') }, length: member[0].length }
    : undefined;
}

const unescaped = (name: string): string => name.replace(/\\(.)/g, '$1');

/** The bracket that ends the one at the beginning, quotes and nested brackets left out. */
function closingBracket(text: string): number {
  let depth = 0;
  let quoted = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quoted !== '') {
      if (char === '\\') at += 1;
      else if (char === quoted) quoted = '';
    } else if (char === '"' || char === "'") quoted = char;
    else if (char === '[') depth += 1;
    else if (char === ']') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}

function bracketStep(text: string): Step | undefined {
  if (text === '*') return { type: 'every' };
  if (/^-?\d+$/.test(text)) return { type: 'index', index: Number(text) };
  const slice = /^(-?\d*):(-?\d*)$/.exec(text);
  if (slice) {
    const bound = (value = ''): number | undefined => (value === '' ? undefined : Number(value));
    return { type: 'slice', from: bound(slice[1]), to: bound(slice[2]) };
  }
  const name = quotedText(text);
  if (name !== undefined) return { type: 'member', name };
  const filter = /^\?\((.*)\)$/s.exec(text)?.[1];
  return filter === undefined ? undefined : filterStep(filter.trim());
}

function quotedText(text: string): string | undefined {
  const match = /^'((?:\\.|[^'\\])*)'$|^"((?:\\.|[^"\\])*)"$/s.exec(text);
  return match ? unescaped(match[1] ?? match[2] ?? '') : undefined;
}

function filterStep(text: string): Step | undefined {
  const match = /^(@(?:[^=!<>"']|"[^"]*"|'[^']*')*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+))?$/s.exec(text);
  const path = match && parseJsonPath((match[1] ?? '').trim());
  if (!match || !path) return undefined;
  const operand = match[3] === undefined ? undefined : operandOf(match[3].trim());
  if (match[3] !== undefined && operand === undefined) return undefined;
  return { type: 'filter', path, operator: match[2] ?? '', value: operand };
}

function operandOf(text: string): Operand {
  const quoted = quotedText(text);
  if (quoted !== undefined) return { literal: quoted };
  if (/^-?\d+(\.\d+)?$/.test(text)) return { literal: Number(text) };
  if (text === 'true' || text === 'false') return { literal: text === 'true' };
  const path = text.startsWith('@') ? parseJsonPath(text) : undefined;
  return path && { path };
}

/** Every value that the path leads to, in order. */
export function findAll(path: JsonPath, root: unknown): readonly unknown[] {
  let found: unknown[] = [root];
  for (const step of path) {
    found = found.flatMap((value) => stepInto(step, value)).slice(0, MAX_FOUND);
    if (found.length === 0) return found;
  }
  return found;
}

function stepInto(step: Step, value: unknown): readonly unknown[] {
  switch (step.type) {
    case 'member':
      return isRecord(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'every':
      return Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
    case 'index': {
      const list = Array.isArray(value) ? (value as unknown[]) : [];
      const item = list.at(step.index);
      return item === undefined ? [] : [item];
    }
    case 'slice':
      return Array.isArray(value) ? value.slice(step.from, step.to) : [];
    case 'deep':
      return deep(step.name, value, 0);
    case 'filter':
      return (Array.isArray(value) ? (value as unknown[]) : []).filter((item) => passes(step, item));
  }
}

function deep(name: string, value: unknown, depth: number): readonly unknown[] {
  if (depth > MAX_STEPS) return [];
  const own = isRecord(value) && Object.hasOwn(value, name) ? [value[name]] : [];
  const children = Array.isArray(value) ? (value as unknown[]) : isRecord(value) ? Object.values(value) : [];
  return [...own, ...children.flatMap((child) => deep(name, child, depth + 1))];
}

function passes({ path, operator, value }: Extract<Step, { type: 'filter' }>, item: unknown): boolean {
  const [left] = findAll(path, item);
  if (value === undefined) return left !== undefined;
  const right = 'path' in value ? findAll(value.path, item)[0] : value.literal;
  if (operator === '==') return left === right;
  if (operator === '!=') return left !== undefined && left !== right;
  if (typeof left !== typeof right || (typeof left !== 'number' && typeof left !== 'string')) return false;
  const [a, b] = [left, right as typeof left];
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}
