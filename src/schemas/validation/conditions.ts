/** `metav1.Condition`, as statuses of newer kinds carry them. */
import { asNumber, asRecords, asString, isAbsent } from '../json-access.ts';
import { qualifiedName } from './names.ts';
import {
  append,
  byteLength,
  duplicate,
  type FieldErrors,
  invalid,
  invalidAll,
  notSupported,
  required,
  tooLong,
} from './report.ts';

const STATUSES = ['False', 'True', 'Unknown'];
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const REASON_RE = new RegExp(`^${REASON}$`);
const MAX_REASON_BYTES = 1024;
const MAX_MESSAGE_BYTES = 32 * 1024;

export function validateConditions(conditions: unknown, path: string): FieldErrors {
  const seen = new Set<string>();
  return asRecords(conditions).flatMap((condition, index) => {
    const at = `${path}[${index}]`;
    const [type, status, reason, message] = ['type', 'status', 'reason', 'message'].map((field) =>
      asString(condition[field]),
    ) as [string, string, string, string];
    const errors = seen.has(type) ? [duplicate(`${at}.type`, type)] : [];
    seen.add(type);
    append(errors, invalidAll(`${at}.type`, type, qualifiedName(type)));
    if (!STATUSES.includes(status)) errors.push(notSupported(`${at}.status`, status, STATUSES));
    const generation = asNumber(condition['observedGeneration']) ?? 0;
    if (generation < 0)
      errors.push(invalid(`${at}.observedGeneration`, generation, 'must be greater than or equal to zero'));
    if (isAbsent(condition['lastTransitionTime'])) errors.push(required(`${at}.lastTransitionTime`));
    if (reason === '') errors.push(required(`${at}.reason`));
    else {
      if (!REASON_RE.test(reason)) {
        const detail = `a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'MyReason',  or 'ReasonA,ReasonB',  or 'ReasonC:ReasonD', regex used for validation is '${REASON}')`;
        errors.push(invalid(`${at}.reason`, reason, detail));
      }
      if (byteLength(reason) > MAX_REASON_BYTES) errors.push(tooLong(`${at}.reason`, MAX_REASON_BYTES));
    }
    if (byteLength(message) > MAX_MESSAGE_BYTES) errors.push(tooLong(`${at}.message`, MAX_MESSAGE_BYTES));
    return errors;
  });
}
