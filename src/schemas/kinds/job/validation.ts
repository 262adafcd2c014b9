/** Validation of batch/v1 Jobs at create and update. Policies have a file of their own. */
import { isRecord } from '../../../base/json.ts';
import { asNumber, asRecord, asString, type Fields, getPath, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { matchesLabelSelector } from '../../values/selectors.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { dns1123Label } from '../../validation/names.ts';
import { nonNegative } from '../../validation/numbers.ts';
import { validatePrefixedPath } from '../../validation/prefixed-path.ts';
import { append, type FieldErrors, invalid, keyed, notSupported, required } from '../../validation/report.ts';
import { validateTemplate } from '../../validation/workloads.ts';
import { NAME_LABELS, UID_LABELS } from './generated-selector.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './policy-validation.ts';

const MODES = ['NonIndexed', 'Indexed'];
/** Kubernetes refuses what would not fit into the status of one Job. */
const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
const MANY_COMPLETIONS = 100_000;
const MAX_PARALLELISM_OF_MANY = 10_000;
const MAX_FAILED_INDEXES_OF_MANY = 10_000;
const MAX_MANAGED_BY_BYTES = 63;

export function validateJob(job: KubeObject): FieldErrors {
  const spec = asRecord(job['spec']);
  const errors = [...validateGeneratedSelector(job, spec), ...validateJobSpec(spec)];
  const completions = asNumber(spec['completions']) ?? 0;
  if (spec['completionMode'] !== 'Indexed' || completions <= 0) return errors;
  const name = getPath(job, 'metadata', 'name');
  const hostname = `${asString(name)}-${completions - 1}`;
  if (dns1123Label(hostname).length > 0) {
    const detail = `will not able to create pod with invalid DNS label: ${hostname}`;
    errors.push(invalid('metadata.name', name, detail));
  }
  return errors;
}

/** Labels that the user has set must agree with the generated ones. */
function validateGeneratedSelector(job: KubeObject, spec: Fields): FieldErrors {
  const { selector, manualSelector } = spec;
  if (manualSelector === true || isAbsent(selector)) return [];
  const uid = asString(getPath(job, 'metadata', 'uid'));
  const errors: FieldErrors = uid === '' ? [required('metadata.uid')] : [];
  const labels = asRecord(getPath(spec, 'template', 'metadata', 'labels'));
  const expected: Record<string, string> = {
    ...Object.fromEntries(UID_LABELS.map((label) => [label, uid])),
    ...Object.fromEntries(NAME_LABELS.map((label) => [label, asString(getPath(job, 'metadata', 'name'))])),
  };
  for (const [label, value] of Object.entries(expected)) {
    const path = keyed('spec.template.metadata.labels', label);
    if (labels[label] === undefined) errors.push(required(path, `must be '${value}'`));
    else if (labels[label] !== value) errors.push(invalid(path, sorted(labels), `must be '${value}'`));
  }
  if (!matchesLabelSelector(selector, expected))
    errors.push(invalid('spec.selector', sorted(asRecord(selector)), '`selector` not auto-generated'));
  return errors;
}

function validateSelector(spec: Fields): FieldErrors {
  const { selector } = spec;
  const errors = isAbsent(selector)
    ? [required('spec.selector')]
    : validateLabelSelector(selector, 'spec.selector');
  const labels = getPath(spec, 'template', 'metadata', 'labels');
  if (errors.length > 0 && !isAbsent(selector)) return errors;
  if (!matchesLabelSelector(selector, asRecord(labels))) {
    const detail = '`selector` does not match template `labels`';
    errors.push(
      invalid('spec.template.metadata.labels', isAbsent(labels) ? null : sorted(asRecord(labels)), detail),
    );
  }
  return errors;
}

/** Go shows maps in the order of their keys. */
const sorted = (map: Fields): Fields =>
  Object.fromEntries(
    Object.entries(map)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, isRecord(value) ? sorted(value) : value]),
  );

const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
];

export function validateJobSpec(spec: Fields): FieldErrors {
  return [...validateAllButSelector(spec), ...validateSelector(spec)];
}

export function validateAllButSelector(spec: Fields): FieldErrors {
  const errors = COUNTS.flatMap((field) => nonNegative(spec[field], `spec.${field}`));
  const { backoffLimitPerIndex, maxFailedIndexes, managedBy, completionMode: mode } = spec;
  if (!isAbsent(maxFailedIndexes) && isAbsent(backoffLimitPerIndex))
    errors.push(required('spec.backoffLimitPerIndex', 'when maxFailedIndexes is specified'));
  if (!isAbsent(managedBy))
    append(errors, validatePrefixedPath(asString(managedBy), 'spec.managedBy', MAX_MANAGED_BY_BYTES));
  if (!isAbsent(mode) && !MODES.includes(asString(mode)))
    errors.push(notSupported('spec.completionMode', mode, MODES));
  if (mode === 'Indexed') append(errors, validateIndexed(spec));
  if (isAbsent(mode) || mode === 'NonIndexed')
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'])
      if (!isAbsent(spec[field]))
        errors.push(invalid(`spec.${field}`, spec[field], 'requires indexed completion mode'));
  append(errors, validateFailurePolicy(spec));
  append(errors, validateSuccessPolicy(spec));
  append(errors, validateReplacementPolicy(spec));
  append(errors, validateTemplate(asRecord(spec['template']), 'spec.template'));
  append(errors, validateRestartPolicy(spec));
  return errors;
}

function validateIndexed(spec: Fields): FieldErrors {
  const [completions, parallelism, maxFailed] = ['completions', 'parallelism', 'maxFailedIndexes'].map(
    (field) => asNumber(spec[field]),
  );
  const errors: FieldErrors = [];
  const atMost = (field: string, value: number | undefined, max: number, detail: string): void => {
    if (value !== undefined && value > max) errors.push(invalid(`spec.${field}`, value, detail));
  };
  if (completions === undefined) errors.push(required('spec.completions', 'when completion mode is Indexed'));
  const tooWide = `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`;
  atMost('parallelism', parallelism, MAX_INDEXED_PARALLELISM, tooWide);
  const all = completions ?? Number.POSITIVE_INFINITY;
  atMost('maxFailedIndexes', maxFailed, all, 'must be less than or equal to completions');
  const tooMany = `must be less than or equal to ${MAX_FAILED_INDEXES}`;
  atMost('maxFailedIndexes', maxFailed, MAX_FAILED_INDEXES, tooMany);
  if ((completions ?? 0) <= MANY_COMPLETIONS || isAbsent(spec['backoffLimitPerIndex'])) return errors;
  if (maxFailed === undefined) {
    const detail = `must be specified when completions is above ${MANY_COMPLETIONS}`;
    errors.push(required('spec.maxFailedIndexes', detail));
  }
  const above = (max: number): string =>
    `must be less than or equal to ${max} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  atMost('parallelism', parallelism, MAX_PARALLELISM_OF_MANY, above(MAX_PARALLELISM_OF_MANY));
  atMost('maxFailedIndexes', maxFailed, MAX_FAILED_INDEXES_OF_MANY, above(MAX_FAILED_INDEXES_OF_MANY));
  return errors;
}

function validateReplacementPolicy({ podReplacementPolicy, podFailurePolicy }: Fields): FieldErrors {
  const words = isAbsent(podFailurePolicy) ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  if (isAbsent(podReplacementPolicy) || words.includes(asString(podReplacementPolicy))) return [];
  return [notSupported('spec.podReplacementPolicy', podReplacementPolicy, words)];
}

const RESTART_POLICIES = ['OnFailure', 'Never'];

function validateRestartPolicy(spec: Fields): FieldErrors {
  const path = 'spec.template.spec.restartPolicy';
  const policy = asString(getPath(spec, 'template', 'spec', 'restartPolicy'));
  if (policy === '' || policy === 'Always') return [required(path, 'valid values: "OnFailure", "Never"')];
  if (!RESTART_POLICIES.includes(policy)) return [notSupported(path, policy, RESTART_POLICIES)];
  if (isAbsent(spec['podFailurePolicy']) || policy === 'Never') return [];
  return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')];
}
