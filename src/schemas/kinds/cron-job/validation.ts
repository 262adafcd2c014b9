/** CronJobs: upstream's `ValidateCronJobCreate` and `ValidateCronJobUpdate`. */
import { asRecord, asString, type Fields, getPath, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { parseSchedule, zoneProblem } from '../../values/cron-schedule.ts';
import { maxCharacters } from '../../validation/names.ts';
import { nonNegative } from '../../validation/numbers.ts';
import { type FieldErrors, invalid, notSupported, required } from '../../validation/report.ts';
import { requiredWord } from '../../validation/texts.ts';
import { validateAllButSelector } from '../job/validation.ts';

/** The name of a Job has the time in it, in at most eleven more characters. */
const MAX_NAME = 52;
const POLICIES = ['Allow', 'Forbid', 'Replace'];

export function validateCronJob(object: KubeObject, current?: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const old = current && asRecord(current['spec']);
  const errors = [
    ...validateSchedule(asString(spec['schedule']), spec['timeZone'], old && asString(old['schedule'])),
    ...nonNegative(spec['startingDeadlineSeconds'], 'spec.startingDeadlineSeconds'),
    ...(old && old['timeZone'] === spec['timeZone'] ? [] : validateTimeZone(spec['timeZone'])),
    ...requiredWord(spec['concurrencyPolicy'], 'spec.concurrencyPolicy', POLICIES),
    ...validateJobTemplate(asRecord(getPath(spec, 'jobTemplate', 'spec'))),
    ...nonNegative(spec['successfulJobsHistoryLimit'], 'spec.successfulJobsHistoryLimit'),
    ...nonNegative(spec['failedJobsHistoryLimit'], 'spec.failedJobsHistoryLimit'),
  ];
  const name = asString(getPath(object, 'metadata', 'name'));
  if (!current && name.length > MAX_NAME)
    errors.push(invalid('metadata.name', name, maxCharacters(MAX_NAME)));
  return errors;
}

/** Its selector is always generated. */
function validateJobTemplate(spec: Fields): FieldErrors {
  const { selector, manualSelector } = spec;
  const path = 'spec.jobTemplate';
  const errors = validateAllButSelector(spec).map((error) => ({ ...error, path: `${path}.${error.path}` }));
  if (!isAbsent(selector))
    errors.push(invalid(`${path}.spec.selector`, selector, '`selector` will be auto-generated'));
  if (manualSelector === true)
    errors.push(notSupported(`${path}.spec.manualSelector`, manualSelector, ['nil', 'false']));
  return errors;
}

/** A schedule that named a zone before upstream refused them may go on naming one. */
function validateSchedule(schedule: string, timeZone: unknown, old: string | undefined): FieldErrors {
  const path = 'spec.schedule';
  if (schedule === '') return [required(path)];
  const parsed = parseSchedule(schedule);
  const errors = typeof parsed === 'string' ? [invalid(path, schedule, parsed)] : [];
  if (!schedule.includes('TZ')) return errors;
  if (old?.includes('TZ') !== true)
    errors.push(invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (!isAbsent(timeZone))
    errors.push(invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  return errors;
}

/** A part of a zone's name, by the rules of the IANA database. */
const ZONE_PART = /^(?!-|\.{1,2}$)[A-Za-z._0-9+-]{1,14}$/;

function validateTimeZone(value: unknown): FieldErrors {
  if (isAbsent(value)) return [];
  const path = 'spec.timeZone';
  const zone = asString(value);
  if (zone === '') return [invalid(path, zone, 'timeZone must be nil or non-empty string')];
  if (!zone.split('/').every((part) => ZONE_PART.test(part)))
    return [invalid(path, zone, `unknown time zone ${zone}`)];
  const errors: FieldErrors = [];
  if (zone.toLowerCase() === 'local') {
    const detail = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    errors.push(invalid(path, zone, detail));
  }
  const problem = zoneProblem(zone);
  if (problem !== undefined) errors.push(invalid(path, zone, problem));
  return errors;
}
