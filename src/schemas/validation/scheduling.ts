/** What a pod says about where it may run: tolerations, affinity, spreading. */
import {
  asList,
  asNumber,
  asRecord,
  asRecords,
  asString,
  isAbsent,
  type JsonRecord,
} from '../json-access.ts';
import { escapeControls } from '../status.ts';
import { validateLabelSelector, validateOperator } from './label-selector.ts';
import { dns1123Label, labelValue, qualifiedName } from './names.ts';
import { duplicate, type FieldErrors, invalid, invalidAll, notSupported, required } from './report.ts';

type Fields = Readonly<JsonRecord>;

export const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(tolerations: unknown, path: string): FieldErrors {
  return asRecords(tolerations).flatMap((toleration, index) =>
    validateToleration(toleration, `${path}[${index}]`),
  );
}

function validateToleration(toleration: Fields, path: string): FieldErrors {
  const key = asString(toleration['key']);
  const operator = asString(toleration['operator']);
  const value = asString(toleration['value']);
  const effect = asString(toleration['effect']);
  const errors: FieldErrors = [];
  if (key !== '') errors.push(...invalidAll(`${path}.key`, key, qualifiedName(key)));
  else if (operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalid(`${path}.operator`, operator, detail));
  }
  if (!isAbsent(toleration['tolerationSeconds']) && effect !== 'NoExecute') {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    errors.push(invalid(`${path}.effect`, effect, detail));
  }
  if (operator === '' || operator === 'Equal') {
    const complaints = labelValue(value);
    if (complaints.length > 0) errors.push(invalid(`${path}.operator`, value, complaints.join(';')));
  } else if (operator === 'Exists') {
    if (value !== '') {
      errors.push(invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    }
  } else errors.push(notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  if (effect !== '' && !TAINT_EFFECTS.includes(effect)) {
    errors.push(notSupported(`${path}.effect`, effect, TAINT_EFFECTS));
  }
  return errors;
}

const REQUIRED_TERMS = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED_TERMS = 'preferredDuringSchedulingIgnoredDuringExecution';

export function validateAffinity(value: unknown, path: string): FieldErrors {
  const { nodeAffinity, podAffinity, podAntiAffinity } = asRecord(value);
  return [
    ...validateNodeAffinity(nodeAffinity, `${path}.nodeAffinity`),
    ...validatePodAffinity(podAffinity, `${path}.podAffinity`),
    ...validatePodAffinity(podAntiAffinity, `${path}.podAntiAffinity`),
  ];
}

function validateNodeAffinity(value: unknown, path: string): FieldErrors {
  const affinity = asRecord(value);
  const errors: FieldErrors = [];
  const hard = affinity[REQUIRED_TERMS];
  if (!isAbsent(hard)) {
    const at = `${path}.${REQUIRED_TERMS}.nodeSelectorTerms`;
    const terms = asRecords(asRecord(hard)['nodeSelectorTerms']);
    if (terms.length === 0) errors.push(required(at, 'must have at least one node selector term'));
    for (const [index, term] of terms.entries()) {
      errors.push(...validateNodeTerm(term, `${at}[${index}]`));
    }
  }
  for (const [index, term] of asRecords(affinity[PREFERRED_TERMS]).entries()) {
    const at = `${path}.${PREFERRED_TERMS}[${index}]`;
    errors.push(...validateWeight(term['weight'], at));
    errors.push(...validateNodeTerm(asRecord(term['preference']), `${at}.preference`));
  }
  return errors;
}

export function validateNodeTerm(term: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const [index, expression] of asRecords(term['matchExpressions']).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    errors.push(...validateOperator(expression, at, ['Gt', 'Lt']));
    const key = asString(expression['key']);
    errors.push(...invalidAll(`${at}.key`, key, qualifiedName(key)));
    for (const [at2, item] of asList(expression['values']).entries()) {
      errors.push(...invalidAll(`${at}.values[${at2}]`, item, labelValue(asString(item))));
    }
  }
  for (const [index, field] of asRecords(term['matchFields']).entries()) {
    const at = `${path}.matchFields[${index}]`;
    if (field['operator'] !== 'In' && field['operator'] !== 'NotIn') {
      errors.push(invalid(`${at}.operator`, field['operator'], 'not a valid selector operator'));
    } else if (asList(field['values']).length !== 1) {
      const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.push(required(`${at}.values`, detail));
    }
    if (field['key'] !== 'metadata.name') {
      errors.push(invalid(`${at}.key`, field['key'], 'not a valid field selector key'));
    }
  }
  return errors;
}

function validateWeight(value: unknown, path: string): FieldErrors {
  const weight = asNumber(value) ?? 0;
  if (weight >= 1 && weight <= 100) return [];
  return [invalid(`${path}.weight`, weight, 'must be in the range 1-100')];
}

function validatePodAffinity(value: unknown, path: string): FieldErrors {
  const affinity = asRecord(value);
  return [
    ...asRecords(affinity[REQUIRED_TERMS]).flatMap((term, index) =>
      validatePodTerm(term, `${path}.${REQUIRED_TERMS}[${index}]`),
    ),
    ...asRecords(affinity[PREFERRED_TERMS]).flatMap((term, index) => {
      const at = `${path}.${PREFERRED_TERMS}[${index}]`;
      return [
        ...validateWeight(term['weight'], at),
        ...validatePodTerm(asRecord(term['podAffinityTerm']), `${at}.podAffinityTerm`),
      ];
    }),
  ];
}

function validatePodTerm(term: Fields, path: string): FieldErrors {
  const errors = [
    ...validateLabelSelector(term['labelSelector'], `${path}.labelSelector`),
    ...validateLabelSelector(term['namespaceSelector'], `${path}.namespaceSelector`),
  ];
  for (const name of asList(term['namespaces'])) {
    errors.push(...invalidAll(`${path}.namespace`, name, dns1123Label(asString(name))));
  }
  const key = asString(term['topologyKey']);
  if (key === '') errors.push(required(`${path}.topologyKey`, 'can not be empty'));
  errors.push(...invalidAll(`${path}.topologyKey`, key, qualifiedName(key)));
  return errors;
}

const WHEN_UNSATISFIABLE = ['DoNotSchedule', 'ScheduleAnyway'];

export function validateSpread(constraints: unknown, path: string): FieldErrors {
  const seen = new Set<string>();
  return asRecords(constraints).flatMap((constraint, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldErrors = [];
    const skew = asNumber(constraint['maxSkew']) ?? 0;
    if (skew <= 0) errors.push(invalid(`${at}.maxSkew`, skew, 'must be greater than zero'));
    const key = asString(constraint['topologyKey']);
    if (key === '') errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    else errors.push(...invalidAll(`${at}.topologyKey`, key, qualifiedName(key)));
    const when = asString(constraint['whenUnsatisfiable']);
    if (!WHEN_UNSATISFIABLE.includes(when)) {
      errors.push(notSupported(`${at}.whenUnsatisfiable`, when, WHEN_UNSATISFIABLE));
    }
    const pair = `{${key}, ${when}}`;
    if (seen.has(pair)) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    errors.push(...validateMinDomains(constraint['minDomains'], when, `${at}.minDomains`));
    errors.push(...validateLabelSelector(constraint['labelSelector'], `${at}.labelSelector`));
    return errors;
  });
}

function validateMinDomains(value: unknown, when: string, path: string): FieldErrors {
  const domains = asNumber(value);
  if (domains === undefined) return [];
  const errors: FieldErrors = [];
  if (domains <= 0) errors.push(invalid(path, domains, 'must be greater than 0'));
  if (when !== 'DoNotSchedule') {
    const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${escapeControls(when)}`;
    errors.push(invalid(path, domains, detail));
  }
  return errors;
}
