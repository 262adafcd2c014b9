/** Restart policies of single containers (KEP-5307), with rules by exit code. */
import { asList, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { type FieldErrors, notSupported, required, tooLong } from './report.ts';
import { optionalWord } from './texts.ts';

const POLICIES = ['Always', 'Never', 'OnFailure'];
const ACTIONS = ['Restart', 'RestartAllContainers'];
const OPERATORS = ['In', 'NotIn'];
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;

export function validateRestart(container: Fields, path: string): FieldErrors {
  const { restartPolicy: policy } = container;
  const rules = asRecords(container['restartPolicyRules']);
  const errors = optionalWord(policy, `${path}.restartPolicy`, POLICIES);
  if (rules.length > 0 && isAbsent(policy))
    errors.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  if (rules.length > MAX_RULES) errors.push(tooLong(`${path}.restartPolicyRules`, MAX_RULES));
  for (const [index, rule] of rules.entries()) {
    const at = `${path}.restartPolicyRules[${index}]`;
    if (!ACTIONS.includes(asString(rule['action'])))
      errors.push(notSupported(`${at}.action`, rule['action'], ACTIONS));
    if (isAbsent(rule['exitCodes'])) {
      errors.push(required(`${at}.exitCodes`, 'must be specified'));
      continue;
    }
    const { operator, values } = asRecord(rule['exitCodes']);
    if (!OPERATORS.includes(asString(operator)))
      errors.push(notSupported(`${at}.exitCodes.operator`, operator, OPERATORS));
    if (asList(values).length > MAX_EXIT_CODES)
      errors.push(tooLong(`${at}.exitCodes.values`, MAX_EXIT_CODES));
  }
  return errors;
}
