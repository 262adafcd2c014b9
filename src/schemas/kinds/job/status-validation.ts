/**
 * The status of a Job, which other controllers may write too (`managedBy`). As upstream's, most
 * rules hold for what a write changes only: a spec that was just changed may contradict the status.
 */
import { jsonEqual } from '../../../base/json.ts';
import { conditionIn } from '../../conditions.ts';
import { asList, asNumber, asRecord, asString, type Fields, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { checkIntervals, firstCommonIndex, readIntervals } from '../../values/index-intervals.ts';
import { nonNegative } from '../../validation/numbers.ts';
import { duplicate, type FieldErrors, invalid, invalidWhole, required } from '../../validation/report.ts';

const COUNTS = ['active', 'succeeded', 'failed', 'ready', 'terminating'];

export function validateJobStatus(next: KubeObject, current: KubeObject): FieldErrors {
  const [spec, status, old] = [asRecord(next['spec']), asRecord(next['status']), asRecord(current['status'])];
  return [
    ...COUNTS.flatMap((field) => nonNegative(status[field], `status.${field}`)),
    ...validateUncounted(asRecord(status['uncountedTerminatedPods'])),
    ...validateConditions(spec, status, old),
    ...validateTimes(spec, status, old),
    ...validateFinished(status, old),
    ...validateIndexes(spec, status, old),
    ...validateCounters(spec, status, old),
  ];
}

const CONDITIONS = 'status.conditions';
const holds = (status: Fields, type: string): boolean =>
  conditionIn(status['conditions'], type)?.['status'] === 'True';
const isFinished = (status: Fields): boolean => holds(status, 'Complete') || holds(status, 'Failed');
const count = (status: Fields, field: string): number => asNumber(status[field]) ?? 0;

function validateUncounted(uncounted: Fields): FieldErrors {
  const errors: FieldErrors = [];
  const seen = new Set<unknown>();
  for (const list of ['succeeded', 'failed'])
    for (const [index, uid] of asList(uncounted[list]).entries()) {
      const path = `status.uncountedTerminatedPods.${list}[${index}]`;
      if (uid === '') errors.push(invalid(path, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(path, uid));
      seen.add(uid);
    }
  return errors;
}

/** Pairs that contradict each other. The flag marks a rule for changes only. */
const EXCLUSIVE = [
  ['Complete', 'Failed', 'Complete=True and Failed=true', true],
  ['Complete', 'FailureTarget', 'Complete=True and FailureTarget=true', true],
  ['SuccessCriteriaMet', 'Failed', 'SuccessCriteriaMet=True and Failed=true', false],
  ['SuccessCriteriaMet', 'FailureTarget', 'SuccessCriteriaMet=True and FailureTarget=true', false],
] as const;

function validateConditions(spec: Fields, status: Fields, old: Fields): FieldErrors {
  const errors: FieldErrors = [];
  const changed = (type: string): boolean => holds(status, type) !== holds(old, type);
  const refuse = (detail: string): number => errors.push(invalidWhole(CONDITIONS, detail));
  for (const [one, other, words, onlyChanges] of EXCLUSIVE)
    if (holds(status, one) && holds(status, other) && (!onlyChanges || changed(one) || changed(other)))
      refuse(`cannot set ${words} conditions`);
  const isNew = (type: string, before: string): boolean =>
    holds(status, type) && !holds(status, before) && (changed(type) || changed(before));
  if (isNew('Failed', 'FailureTarget'))
    refuse('cannot set Failed=True condition without the FailureTarget=true condition');
  if (isNew('Complete', 'SuccessCriteriaMet'))
    refuse('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  if (!isAbsent(spec['successPolicy']) && holds(status, 'Complete') && !holds(status, 'SuccessCriteriaMet'))
    refuse('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
  for (const type of ['Failed', 'Complete', 'FailureTarget'])
    if (holds(old, type) && !holds(status, type))
      refuse(`cannot disable the terminal ${type}=True condition`);
  if (holds(old, 'SuccessCriteriaMet') && !holds(status, 'SuccessCriteriaMet'))
    refuse('cannot disable the SuccessCriteriaMet=True condition');
  if (holds(old, 'Complete') && !holds(old, 'SuccessCriteriaMet') && holds(status, 'SuccessCriteriaMet'))
    refuse('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
  return errors;
}

function validateTimes(spec: Fields, status: Fields, old: Fields): FieldErrors {
  const errors: FieldErrors = [];
  const { startTime, completionTime } = status;
  const changed = (field: string): boolean => !jsonEqual(status[field] ?? null, old[field] ?? null);
  const isComplete = holds(status, 'Complete');
  const path = 'status.completionTime';
  if (isComplete !== holds(old, 'Complete') || changed('completionTime')) {
    if (!isAbsent(completionTime) && !isComplete)
      errors.push(
        invalid(path, completionTime, 'cannot set completionTime when there is no Complete=True condition'),
      );
    if (isAbsent(completionTime) && isComplete)
      errors.push(required(path, 'completionTime is required for Complete jobs'));
  }
  const isReversed = Date.parse(asString(completionTime)) < Date.parse(asString(startTime));
  if ((changed('startTime') || changed('completionTime')) && isReversed)
    errors.push(invalid(path, completionTime, 'completionTime cannot be set before startTime'));
  if (!isAbsent(completionTime) && !isAbsent(old['completionTime']) && changed('completionTime'))
    errors.push(invalid(path, completionTime, 'completionTime cannot be mutated'));
  if (!isAbsent(old['startTime']) && changed('startTime') && spec['suspend'] !== true)
    errors.push(required('status.startTime', 'startTime cannot be removed for unsuspended job'));
  return errors;
}

function validateFinished(status: Fields, old: Fields): FieldErrors {
  if (!isFinished(status)) return [];
  const errors: FieldErrors = [];
  const concerns = (field: string): boolean =>
    !isFinished(old) || !jsonEqual(status[field] ?? null, old[field] ?? null);
  for (const field of ['active', 'terminating'])
    if (count(status, field) > 0 && concerns(field))
      errors.push(invalid(`status.${field}`, status[field], `${field}>0 is invalid for finished job`));
  if (isAbsent(status['startTime']) && concerns('startTime'))
    errors.push(required('status.startTime', 'startTime is required for finished job'));
  const uncounted = asRecord(status['uncountedTerminatedPods']);
  const open = asList(uncounted['succeeded']).length + asList(uncounted['failed']).length;
  if (open > 0 && concerns('uncountedTerminatedPods')) {
    const detail = 'uncountedTerminatedPods needs to be empty for finished job';
    errors.push(invalid('status.uncountedTerminatedPods', uncounted, detail));
  }
  return errors;
}

function validateIndexes(spec: Fields, status: Fields, old: Fields): FieldErrors {
  const errors: FieldErrors = [];
  const completions = asNumber(spec['completions']);
  const [completed, failed] = [asString(status['completedIndexes']), status['failedIndexes']];
  const hasLimit = !isAbsent(spec['backoffLimitPerIndex']);
  const isNewCompleted = completed !== asString(old['completedIndexes']);
  const isNewFailed = !jsonEqual(failed ?? null, old['failedIndexes'] ?? null);
  const check = (field: string, text: string): void => {
    const checked = completions === undefined ? 0 : checkIntervals(text, completions);
    if (typeof checked === 'string')
      errors.push(invalid(`status.${field}`, text, `error parsing ${field}: ${checked}`));
  };
  if (isNewCompleted) {
    check('completedIndexes', completed);
    if (completed !== '' && spec['completionMode'] !== 'Indexed') {
      const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode';
      errors.push(invalid('status.completedIndexes', completed, detail));
    }
  }
  if (isNewFailed && !isAbsent(failed)) {
    if (hasLimit) check('failedIndexes', asString(failed));
    else {
      const detail = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
      errors.push(invalid('status.failedIndexes', failed, detail));
    }
  }
  if ((isNewCompleted || isNewFailed) && completions !== undefined && !isAbsent(failed)) {
    const [one, other] = [completed, asString(failed)].map((text) => readIntervals(text, completions));
    const common = firstCommonIndex(one ?? [], other ?? []);
    if (common !== undefined) {
      const detail = `failedIndexes and completedIndexes overlap at index: ${common}`;
      errors.push(invalid('status.failedIndexes', failed, detail));
    }
  }
  return errors;
}

/** An elastic Indexed Job may lose successes when it shrinks. */
function validateCounters(spec: Fields, status: Fields, old: Fields): FieldErrors {
  const isElastic = spec['completionMode'] === 'Indexed' && spec['completions'] === spec['parallelism'];
  const errors: FieldErrors = [];
  const { ready } = status;
  if (!isAbsent(ready) && count(status, 'ready') > count(status, 'active') && isReadyChanged(status, old))
    errors.push(invalid('status.ready', ready, 'cannot set more ready pods than active'));
  for (const field of isElastic ? ['failed'] : ['failed', 'succeeded'])
    if (count(status, field) < count(old, field))
      errors.push(invalid(`status.${field}`, count(status, field), `cannot decrease the ${field} counter`));
  return errors;
}

const isReadyChanged = (status: Fields, old: Fields): boolean =>
  count(status, 'ready') !== count(old, 'ready') || count(status, 'active') !== count(old, 'active');
