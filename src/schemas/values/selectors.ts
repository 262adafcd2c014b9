/**
 * Label selectors: their text (`env in (a,b),!old`), the `LabelSelector` objects of specs, and
 * matching. The grammar and every message are those of Kubernetes' `labels` package.
 */
import { asList, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { badRequest, fieldErrorText } from '../errors/status.ts';
import { labelValue, qualifiedName } from '../validation/names.ts';
import { type FieldErrors, indexed, invalid, keyed } from '../validation/report.ts';

export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without repetition. */
  readonly values: readonly string[];
}

export type Labels = Fields;

/** `expected` clauses of messages. */
const OPERATORS = 'in, notin, =, ==, !=, gt, lt';
const SPECIAL = new Set(['=', '!', '(', ')', ',', '>', '<']);
const SYMBOLS = new Set(['=', '==', '!=', '!', '(', ')', ',', '>', '<']);

class Unparsable extends Error {}

/** Reads the text of a selector; throws a 400 `Status` error with upstream's message. */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  try {
    return parse(tokenize(text));
  } catch (error) {
    if (error instanceof Unparsable) throw badRequest(error.message);
    throw error;
  }
}

/** The end of the text reads as the empty token. */
function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (/\s/.test(char)) {
      at += 1;
      continue;
    }
    let end = at + 1;
    if (SPECIAL.has(char)) while (end < text.length && SYMBOLS.has(text.slice(at, end + 1))) end += 1;
    else while (end < text.length && !SPECIAL.has(text.charAt(end)) && !/\s/.test(text.charAt(end))) end += 1;
    tokens.push(text.slice(at, end));
    at = end;
  }
  return tokens;
}

const isIdentifier = (token: string): boolean => token !== '' && !SYMBOLS.has(token);

function parse(tokens: readonly string[]): LabelRequirement[] {
  const requirements: LabelRequirement[] = [];
  let at = 0;
  const peek = (): string => tokens[at] ?? '';
  const take = (): string => tokens[at++] ?? '';
  const requirement = (): LabelRequirement => {
    try {
      return parseRequirement(peek, take);
    } catch (error) {
      if (error instanceof Unparsable) throw new Unparsable(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  };
  while (peek() !== '') {
    if (!isIdentifier(peek()) && peek() !== '!')
      throw new Unparsable(`found '${peek()}', expected: !, identifier, or 'end of string'`);
    requirements.push(requirement());
    const separator = take();
    if (separator === '') break;
    if (separator !== ',') throw new Unparsable(`found '${separator}', expected: ',' or 'end of string'`);
    if (!isIdentifier(peek()) && peek() !== '!')
      throw new Unparsable(`found '${peek()}', expected: identifier after ','`);
  }
  return requirements;
}

function parseRequirement(peek: () => string, take: () => string): LabelRequirement {
  const negated = peek() === '!';
  if (negated) take();
  const key = take();
  if (!isIdentifier(key)) throw new Unparsable(`found '${key}', expected: identifier`);
  checkKey(key);
  if (peek() === '' || peek() === ',') return { key, operator: negated ? '!' : 'exists', values: [] };
  if (negated) return { key, operator: '!', values: [] };
  const operator = operatorOf(take());
  const values = operator === 'in' || operator === 'notin' ? takeSet(peek, take) : [takeValue(peek, take)];
  const requirement = { key, operator, values: [...new Set(values)].sort() };
  checkValues(requirement);
  return requirement;
}

function operatorOf(token: string): LabelOperator {
  switch (token) {
    case 'in':
    case 'notin':
    case '=':
    case '==':
    case '!=':
      return token;
    case '>':
      return 'gt';
    case '<':
      return 'lt';
    default:
      throw new Unparsable(`found '${token}', expected: ${OPERATORS}`);
  }
}

function takeValue(peek: () => string, take: () => string): string {
  if (peek() === '' || peek() === ',') return '';
  const value = take();
  if (!isIdentifier(value)) throw new Unparsable(`found '${value}', expected: identifier`);
  return value;
}

function takeSet(peek: () => string, take: () => string): string[] {
  const open = take();
  if (open !== '(') throw new Unparsable(`found '${open}' expected: '('`);
  if (peek() === ')') {
    take();
    return [''];
  }
  if (!isIdentifier(peek()) && peek() !== ',')
    throw new Unparsable(`found '${peek()}', expected: ',', ')' or identifier`);
  const values: string[] = [];
  let expectValue = true;
  for (;;) {
    const token = take();
    if (isIdentifier(token)) {
      values.push(token);
      expectValue = false;
      if (peek() !== ',' && peek() !== ')') throw new Unparsable(`found '${peek()}', expected: ',' or ')'`);
    } else if (token === ',') {
      if (expectValue) values.push('');
      expectValue = true;
    } else if (token === ')') {
      if (expectValue) values.push('');
      return values;
    } else throw new Unparsable(`found '${token}', expected: ',', or identifier`);
  }
}

function checkKey(key: string): void {
  const complaints = qualifiedName(key);
  if (complaints.length > 0)
    throw new Unparsable(fieldErrorText(invalid('<nil>', key, complaints.join('; '))));
}

function checkValues({ key, operator, values }: LabelRequirement): void {
  const errors: FieldErrors = [];
  for (const [index, value] of values.entries()) {
    const path = indexed('values', index);
    if ((operator === 'gt' || operator === 'lt') && !/^[-+]?\d+$/.test(value))
      errors.push(invalid(path, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
    const complaints = labelValue(value);
    if (complaints.length > 0) errors.push(invalid(keyed(path, key), value, complaints.join('; ')));
  }
  const [first] = errors;
  if (!first) return;
  const texts = errors.map(fieldErrorText);
  throw new Unparsable(errors.length === 1 ? fieldErrorText(first) : `[${texts.join(', ')}]`);
}

/** Text that parses to the same requirements, ordered by key. */
export function formatLabelSelector(requirements: readonly LabelRequirement[]): string {
  const byKey = [...requirements].sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return byKey.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0] ?? ''}`;
    case 'lt':
      return `${key}<${values[0] ?? ''}`;
    case '=':
    case '==':
    case '!=':
      return `${key}${operator}${values[0] ?? ''}`;
  }
}

export function matchesRequirements(
  requirements: readonly LabelRequirement[],
  labels: Labels | null | undefined,
): boolean {
  return requirements.every((requirement) => matchesRequirement(requirement, labels ?? {}));
}

function matchesRequirement({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const has = Object.hasOwn(labels, key) && typeof labels[key] === 'string';
  const value = asString(labels[key]);
  switch (operator) {
    case 'exists':
      return has;
    case '!':
      return !has;
    case 'in':
    case '=':
    case '==':
      return has && values.includes(value);
    case 'notin':
    case '!=':
      return !has || !values.includes(value);
    case 'gt':
    case 'lt': {
      if (!has || !/^[-+]?\d+$/.test(value)) return false;
      const [actual, limit] = [BigInt(value), BigInt(values[0] ?? '0')];
      return operator === 'gt' ? actual > limit : actual < limit;
    }
  }
}

const OBJECT_OPERATORS: ReadonlyMap<string, LabelOperator> = new Map<string, LabelOperator>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

/**
 * The requirements of a `LabelSelector` object. A missing selector and one with an unknown operator
 * select nothing (undefined); an empty one selects everything (no requirements).
 */
export function labelSelectorRequirements(selector: unknown): readonly LabelRequirement[] | undefined {
  if (isAbsent(selector)) return undefined;
  const { matchLabels, matchExpressions } = asRecord(selector);
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(asRecord(matchLabels)))
    requirements.push({ key, operator: '=', values: [asString(value)] });
  for (const expression of asRecords(matchExpressions)) {
    const operator = OBJECT_OPERATORS.get(asString(expression['operator']));
    if (!operator) return undefined;
    const values = [...new Set(asList(expression['values']).map(asString))].sort();
    requirements.push({ key: asString(expression['key']), operator, values });
  }
  return requirements;
}

/** Whether a `LabelSelector` object selects these labels. */
export function matchesLabelSelector(selector: unknown, labels: Labels | null | undefined): boolean {
  const requirements = labelSelectorRequirements(selector);
  return requirements !== undefined && matchesRequirements(requirements, labels);
}

/** The selector of a workload. A ReplicationController has a plain map of labels. */
export function asLabelSelector({ apiVersion, kind }: KubeObject, selector: unknown): unknown {
  return apiVersion === 'v1' && kind === 'ReplicationController' ? { matchLabels: selector } : selector;
}

/** The text of a `LabelSelector` object, as the scale subresource and describe show it. */
export function labelSelectorText(selector: unknown): string {
  return formatLabelSelector(labelSelectorRequirements(selector) ?? []);
}
