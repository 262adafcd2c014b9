/** Validation of DaemonSets, as upstream's. */
import { asRecord, type Fields, getPath, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { percentOf } from '../../values/int-or-percent.ts';
import { matchesLabelSelector } from '../../values/selectors.ts';
import { isEmptySelector, validateLabelSelector } from '../../validation/label-selector.ts';
import { nonNegative } from '../../validation/numbers.ts';
import { type FieldErrors, goStruct, invalid, notSupported, required } from '../../validation/report.ts';
import { validateCollisions } from '../../validation/workload-status.ts';
import {
  validateIntOrPercent,
  validateLastingTemplate,
  validateSelectorUpdate,
} from '../../validation/workloads.ts';

export function validateDaemonSet(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  return [
    ...validateSelector(spec),
    ...validateLastingTemplate(asRecord(spec['template']), 'spec.template', 'DaemonSet'),
    ...nonNegative(spec['minReadySeconds'], 'spec.minReadySeconds'),
    ...validateStrategy(asRecord(spec['updateStrategy'])),
    ...nonNegative(spec['revisionHistoryLimit'], 'spec.revisionHistoryLimit'),
  ];
}

export const validateDaemonSetUpdate = validateSelectorUpdate;

/** An absent selector selects nothing; one that cannot be read is not compared. */
function validateSelector({ selector, template }: Fields): FieldErrors {
  const errors = isAbsent(selector) ? [] : validateLabelSelector(selector, 'spec.selector');
  const labels = getPath(template, 'metadata', 'labels');
  if (errors.length === 0 && !matchesLabelSelector(selector, asRecord(labels))) {
    const detail = '`selector` does not match template `labels`';
    errors.push(invalid('spec.template.metadata.labels', labels ?? null, detail));
  }
  if (!isAbsent(selector) && isEmptySelector(selector))
    errors.push(invalid('spec.selector', selector, 'empty selector is invalid for daemonset'));
  return errors;
}

function validateStrategy(strategy: Fields): FieldErrors {
  const { type, rollingUpdate } = strategy;
  const path = 'spec.updateStrategy';
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate')
    return [notSupported(path, goStruct(strategy, ['type', 'rollingUpdate']), ['RollingUpdate', 'OnDelete'])];
  const { maxUnavailable, maxSurge } = asRecord(rollingUpdate);
  const at = `${path}.rollingUpdate`;
  return [
    ...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${at}.maxSurge`),
    ...notMoreThanAll(maxUnavailable, `${at}.maxUnavailable`),
    ...notMoreThanAll(maxSurge, `${at}.maxSurge`),
    ...validateOneOf(amountOf(maxUnavailable), amountOf(maxSurge), maxSurge, at),
  ];
}

/** Text that is neither a percentage nor a number counts as 0. */
const amountOf = (value: unknown): number => percentOf(value) ?? (Number(value) || 0);

const notMoreThanAll = (value: unknown, path: string): FieldErrors =>
  (percentOf(value) ?? 0) > 100 ? [invalid(path, value, 'must not be greater than 100%')] : [];

function validateOneOf(unavailable: number, surge: number, maxSurge: unknown, at: string): FieldErrors {
  if (unavailable !== 0 && surge !== 0)
    return [invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')];
  if (unavailable !== 0 || surge !== 0) return [];
  return [required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0')];
}

const COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
];

export function validateDaemonSetStatus(next: KubeObject, current: KubeObject): FieldErrors {
  const status = asRecord(next['status']);
  return [
    ...COUNTS.flatMap((field) => nonNegative(status[field], `status.${field}`)),
    ...validateCollisions(next, current),
  ];
}
