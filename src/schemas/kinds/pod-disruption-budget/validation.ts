/** PodDisruptionBudgets. */
import { asRecord, asString, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { percentOf } from '../../values/int-or-percent.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { percentText } from '../../validation/names.ts';
import { NOT_NEGATIVE, nonNegative } from '../../validation/numbers.ts';
import { append, type FieldErrors, goStruct, invalid, invalidAll } from '../../validation/report.ts';
import { optionalWord } from '../../validation/texts.ts';
import { validateConditions } from '../../validation/conditions.ts';

const FIELDS = ['minAvailable', 'selector', 'maxUnavailable', 'unhealthyPodEvictionPolicy'];
const POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

export function validateDisruptionBudget(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const errors: FieldErrors = [];
  if (!isAbsent(minAvailable) && !isAbsent(maxUnavailable))
    errors.push(
      invalid('spec', goStruct(spec, FIELDS), 'minAvailable and maxUnavailable cannot be both set'),
    );
  append(errors, validateAmount(minAvailable, 'spec.minAvailable'));
  append(errors, validateAmount(maxUnavailable, 'spec.maxUnavailable'));
  if (!isAbsent(selector)) append(errors, validateLabelSelector(selector, 'spec.selector'));
  return [...errors, ...optionalWord(policy, 'spec.unhealthyPodEvictionPolicy', POLICIES)];
}

const COUNTS = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'];

export function validateDisruptionBudgetStatus(next: KubeObject): FieldErrors {
  const status = asRecord(next['status']);
  return [
    ...validateConditions(status['conditions'], 'status.conditions'),
    ...COUNTS.flatMap((field) => nonNegative(status[field], `status.${field}`)),
  ];
}

function validateAmount(value: unknown, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  if (typeof value === 'number') return value < 0 ? [invalid(path, value, NOT_NEGATIVE)] : [];
  const text = asString(value);
  const complaints = percentText(text);
  if (complaints.length > 0) return invalidAll(path, text, complaints);
  return (percentOf(text) ?? 0) > 100 ? [invalid(path, text, 'must not be greater than 100%')] : [];
}
