/** `spec.podFailurePolicy` and `spec.successPolicy` of Jobs. */
import { asList, asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../../json-access.ts';
import { checkIntervals } from '../../values/index-intervals.ts';
import { qualifiedName } from '../../validation/names.ts';
import { nonNegative } from '../../validation/numbers.ts';
import {
  append,
  byteLength,
  duplicate,
  type FieldErrors,
  goStruct,
  invalid,
  invalidAll,
  invalidWhole,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../../validation/report.ts';

const MAX_FAILURE_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITION_PATTERNS = 20;
const MAX_SUCCESS_RULES = 20;
const MAX_SUCCEEDED_INDEXES_BYTES = 64 * 1024;

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const OPERATORS = ['In', 'NotIn'];
const STATUSES = ['False', 'True', 'Unknown'];

/** Go's `%q` of a list of words. */
const choices = (words: readonly string[]): string =>
  `valid values: [${words.map((word) => JSON.stringify(word)).join(' ')}]`;

export function validateFailurePolicy(spec: Fields): FieldErrors {
  if (isAbsent(spec['podFailurePolicy'])) return [];
  const rules = asRecords(asRecord(spec['podFailurePolicy'])['rules']);
  const path = 'spec.podFailurePolicy.rules';
  const errors = rules.length > MAX_FAILURE_RULES ? [tooMany(path, rules.length, MAX_FAILURE_RULES)] : [];
  const pod = asRecord(asRecord(spec['template'])['spec']);
  const containers = new Set(
    ['containers', 'initContainers'].flatMap((list) => asRecords(pod[list]).map(({ name }) => name)),
  );
  const hasLimitPerIndex = !isAbsent(spec['backoffLimitPerIndex']);
  for (const [index, rule] of rules.entries())
    append(errors, validateFailureRule(rule, `${path}[${index}]`, containers, hasLimitPerIndex));
  return errors;
}

function validateFailureRule(
  rule: Fields,
  path: string,
  containers: ReadonlySet<unknown>,
  hasLimitPerIndex: boolean,
): FieldErrors {
  const errors: FieldErrors = [];
  const action = asString(rule['action']);
  if (action === '') errors.push(required(`${path}.action`, choices(ACTIONS)));
  else if (action === 'FailIndex') {
    if (!hasLimitPerIndex)
      errors.push(invalid(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  } else if (!ACTIONS.includes(action)) errors.push(notSupported(`${path}.action`, action, ACTIONS));
  const { onExitCodes } = rule;
  const patterns = asRecords(rule['onPodConditions']);
  if (!isAbsent(onExitCodes))
    append(errors, validateExitCodes(asRecord(onExitCodes), `${path}.onExitCodes`, containers));
  append(errors, validatePatterns(patterns, `${path}.onPodConditions`));
  if (isAbsent(onExitCodes) === (patterns.length === 0)) {
    const what = isAbsent(onExitCodes)
      ? 'one of OnExitCodes and OnPodConditions is required'
      : 'both OnExitCodes and OnPodConditions is not supported';
    errors.push(invalidWhole(path, `specifying ${what}`));
  }
  return errors;
}

function validateExitCodes(
  { operator, containerName, values }: Fields,
  path: string,
  containers: ReadonlySet<unknown>,
): FieldErrors {
  const errors: FieldErrors = [];
  const word = asString(operator);
  if (word === '') errors.push(required(`${path}.operator`, choices(OPERATORS)));
  else if (!OPERATORS.includes(word)) errors.push(notSupported(`${path}.operator`, word, OPERATORS));
  if (!isAbsent(containerName) && !containers.has(containerName)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalid(`${path}.containerName`, containerName, detail));
  }
  const codes = asList(values).map((code) => asNumber(code) ?? 0);
  const at = `${path}.values`;
  if (codes.length === 0) errors.push(invalid(at, codes, 'at least one value is required'));
  else if (codes.length > MAX_EXIT_CODES) errors.push(tooMany(at, codes.length, MAX_EXIT_CODES));
  const seen = new Set<number>();
  for (const [index, code] of codes.entries()) {
    if (word === 'In' && code === 0)
      errors.push(invalid(`${at}[${index}]`, code, 'must not be 0 for the In operator'));
    if (seen.has(code)) errors.push(duplicate(`${at}[${index}]`, code));
    seen.add(code);
  }
  if (codes.some((code, index) => index > 0 && (codes[index - 1] ?? 0) > code))
    errors.push(invalid(at, codes, 'must be ordered'));
  return errors;
}

function validatePatterns(patterns: readonly Fields[], path: string): FieldErrors {
  const errors: FieldErrors =
    patterns.length > MAX_CONDITION_PATTERNS ? [tooMany(path, patterns.length, MAX_CONDITION_PATTERNS)] : [];
  for (const [index, pattern] of patterns.entries()) {
    const at = `${path}[${index}]`;
    const [type, status] = [asString(pattern['type']), asString(pattern['status'])];
    append(errors, invalidAll(`${at}.type`, type, qualifiedName(type)));
    if (status === '') errors.push(required(`${at}.status`, choices(STATUSES)));
    else if (!STATUSES.includes(status)) errors.push(notSupported(`${at}.status`, status, STATUSES));
  }
  return errors;
}

const shownPolicy = (rules: readonly Fields[]): Fields =>
  goStruct({ rules: rules.map((rule) => goStruct(rule, ['succeededIndexes', 'succeededCount'])) }, ['rules']);

export function validateSuccessPolicy(spec: Fields): FieldErrors {
  if (isAbsent(spec['successPolicy'])) return [];
  const policy = asRecord(spec['successPolicy']);
  const rules = asRecords(policy['rules']);
  if (spec['completionMode'] !== 'Indexed')
    return [invalid('spec.successPolicy', shownPolicy(rules), 'requires indexed completion mode')];
  const path = 'spec.successPolicy.rules';
  const errors: FieldErrors = [];
  if (rules.length === 0)
    errors.push(required(path, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > MAX_SUCCESS_RULES) errors.push(tooMany(path, rules.length, MAX_SUCCESS_RULES));
  const completions = asNumber(spec['completions']);
  for (const [index, rule] of rules.entries())
    append(errors, validateSuccessRule(rule, `${path}[${index}]`, completions));
  return errors;
}

/** An Indexed Job without completions is refused anyway: then its rules are not compared. */
function validateSuccessRule(rule: Fields, path: string, completions: number | undefined): FieldErrors {
  const { succeededCount, succeededIndexes } = rule;
  const errors: FieldErrors = [];
  if (isAbsent(succeededCount) && isAbsent(succeededIndexes))
    errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  let total = 0;
  if (!isAbsent(succeededIndexes)) {
    const text = asString(succeededIndexes);
    const at = `${path}.succeededIndexes`;
    if (byteLength(text) > MAX_SUCCEEDED_INDEXES_BYTES) errors.push(tooLong(at, MAX_SUCCEEDED_INDEXES_BYTES));
    const checked = checkIntervals(text, completions ?? Number.POSITIVE_INFINITY);
    if (typeof checked === 'number') total = checked;
    else errors.push(invalid(at, text, `error parsing succeededIndexes: ${checked}`));
  }
  const count = asNumber(succeededCount);
  if (count === undefined) return errors;
  const at = `${path}.succeededCount`;
  append(errors, nonNegative(count, at));
  const tooLarge = (max: number, what: string): void => {
    if (count > max) errors.push(invalid(at, count, `must be less than or equal to ${max} (${what})`));
  };
  if (completions !== undefined) tooLarge(completions, 'the number of specified completions');
  if (!isAbsent(succeededIndexes))
    tooLarge(total, 'the number of indexes in the specified succeededIndexes field');
  return errors;
}
