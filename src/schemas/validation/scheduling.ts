/** Validates where a pod may run: tolerations, affinity, spreading. */
import { asList, asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { escapeControls } from '../errors/status.ts';
import { validateLabelSelector, validateOperator } from './label-selector.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from './names.ts';
import {
  duplicate,
  append,
  type FieldErrors,
  forbidden,
  goStruct,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';
import { optionalWord } from './texts.ts';

export const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

const TOLERATION_FIELDS = ['key', 'operator', 'value', 'effect', 'tolerationSeconds'];
const EMPTY_TOLERATION = { key: '', operator: '', value: '', effect: '' };

/** As {@link validateTolerations}, where upstream wants each of them once. */
export function validateUniqueTolerations(tolerations: unknown, path: string): FieldErrors {
  const seen = new Set<string>();
  const repeated = asRecords(tolerations).flatMap((toleration, index) => {
    const shown = goStruct(toleration, TOLERATION_FIELDS, EMPTY_TOLERATION);
    const key = JSON.stringify(shown);
    if (seen.has(key)) return [duplicate(`${path}[${index}]`, shown)];
    seen.add(key);
    return [];
  });
  return [...validateTolerations(tolerations, path), ...repeated];
}

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
  if (key !== '') append(errors, invalidAll(`${path}.key`, key, qualifiedName(key)));
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
    if (value !== '')
      errors.push(invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"));
  } else {
    const known = ['Equal', 'Exists'];
    // Comparing numbers is behind a feature that is off; upstream names the operators all the same.
    const named = operator === 'Lt' || operator === 'Gt' ? [...known, 'Lt', 'Gt'] : known;
    errors.push(notSupported(`${path}.operator`, operator, named));
  }
  if (effect !== '' && !TAINT_EFFECTS.includes(effect))
    errors.push(notSupported(`${path}.effect`, effect, TAINT_EFFECTS));
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
      append(errors, validateNodeTerm(term, `${at}[${index}]`));
      append(errors, validateTermValues(term, `${at}[${index}]`));
    }
  }
  for (const [index, term] of asRecords(affinity[PREFERRED_TERMS]).entries()) {
    const at = `${path}.${PREFERRED_TERMS}[${index}]`;
    append(errors, validateWeight(term['weight'], at));
    append(errors, validateNodeTerm(asRecord(term['preference']), `${at}.preference`));
  }
  return errors;
}

export function validateNodeTerm(term: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const [index, expression] of asRecords(term['matchExpressions']).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    append(errors, validateOperator(expression, at, ['Gt', 'Lt']));
    const key = asString(expression['key']);
    append(errors, invalidAll(`${at}.key`, key, qualifiedName(key)));
  }
  for (const [index, field] of asRecords(term['matchFields']).entries()) {
    const at = `${path}.matchFields[${index}]`;
    if (field['operator'] !== 'In' && field['operator'] !== 'NotIn')
      errors.push(invalid(`${at}.operator`, field['operator'], 'not a valid selector operator'));
    else if (asList(field['values']).length !== 1) {
      const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.push(required(`${at}.values`, detail));
    }
    if (field['key'] !== 'metadata.name') {
      errors.push(invalid(`${at}.key`, field['key'], 'not a valid field selector key'));
      continue;
    }
    for (const [number, value] of asList(field['values']).map(asString).entries())
      append(errors, invalidAll(`${at}.values[${number}]`, value, dns1123Subdomain(value)));
  }
  return errors;
}

/** In terms that must match; upstream lets values that no label can have pass in preferences. */
function validateTermValues(term: Fields, path: string): FieldErrors {
  return asRecords(term['matchExpressions']).flatMap((expression, index) =>
    asList(expression['values'])
      .map(asString)
      .flatMap((value, number) =>
        invalidAll(`${path}.matchExpressions[${index}].values[${number}]`, value, labelValue(value)),
      ),
  );
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
  for (const name of asList(term['namespaces']))
    append(errors, invalidAll(`${path}.namespace`, name, dns1123Label(asString(name))));
  append(errors, validateMatchKeys(term, path));
  const key = asString(term['topologyKey']);
  if (key === '') errors.push(required(`${path}.topologyKey`, 'can not be empty'));
  append(errors, invalidAll(`${path}.topologyKey`, key, qualifiedName(key)));
  return errors;
}

/**
 * Keys by which a term or constraint means only pods with, or without, the values that this pod
 * has. A new pod's selector has them already: a key that stands there twice was in the selector
 * before.
 */
function validateMatchKeys(term: Fields, path: string): FieldErrors {
  const { matchLabelKeys, mismatchLabelKeys, labelSelector } = term;
  const errors: FieldErrors = [];
  for (const [field, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
    if (asList(keys).length === 0) continue;
    const at = `${path}.${field}`;
    if (isAbsent(labelSelector)) errors.push(forbidden(at, NEEDS_SELECTOR));
    else append(errors, validateKeys(keys, at));
  }
  append(errors, validateSelectedOnce(asList(matchLabelKeys), asRecord(labelSelector), path));
  const unwanted = new Set(asList(mismatchLabelKeys));
  for (const [index, key] of asList(matchLabelKeys).entries()) {
    if (!unwanted.has(key)) continue;
    const detail = 'exists in both matchLabelKeys and mismatchLabelKeys';
    errors.push(invalid(`${path}.matchLabelKeys[${index}]`, key, detail));
  }
  return errors;
}

/** The path without the name of the field is upstream's mistake. */
function validateSelectedOnce(keys: readonly unknown[], selector: Fields, path: string): FieldErrors {
  const indexes = new Map(keys.map((key, index) => [key, index]));
  const seen = new Set<unknown>(Object.keys(asRecord(selector['matchLabels'])));
  return asRecords(selector['matchExpressions']).flatMap(({ key }) => {
    const index = seen.has(key) ? indexes.get(key) : undefined;
    seen.add(key);
    const detail = 'exists in both matchLabelKeys and labelSelector';
    return index === undefined ? [] : [invalid(`${path}[${index}]`, key, detail)];
  });
}

const NEEDS_SELECTOR = 'must not be specified when labelSelector is not set';

const validateKeys = (keys: unknown, path: string): FieldErrors =>
  asList(keys)
    .map(asString)
    .flatMap((key, index) => invalidAll(`${path}[${index}]`, key, qualifiedName(key)));

const WHEN_UNSATISFIABLE = ['DoNotSchedule', 'ScheduleAnyway'];
const INCLUSION_POLICIES = ['Honor', 'Ignore'];
const NOT_POSITIVE = 'must be greater than zero';

export function validateSpread(constraints: unknown, path: string): FieldErrors {
  const list = asRecords(constraints);
  const pairOf = (constraint: Fields): string =>
    `{${asString(constraint['topologyKey'])}, ${asString(constraint['whenUnsatisfiable'])}}`;
  // Upstream reports each duplicate that comes later.
  const last = new Map(list.map((constraint, index) => [pairOf(constraint), index]));
  return list.flatMap((constraint, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldErrors = [];
    const skew = asNumber(constraint['maxSkew']) ?? 0;
    if (skew <= 0) errors.push(invalid(`${at}.maxSkew`, skew, NOT_POSITIVE));
    if (asString(constraint['topologyKey']) === '')
      errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    const when = asString(constraint['whenUnsatisfiable']);
    if (!WHEN_UNSATISFIABLE.includes(when))
      errors.push(notSupported(`${at}.whenUnsatisfiable`, when, WHEN_UNSATISFIABLE));
    const pair = pairOf(constraint);
    if (last.get(pair) !== index) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    append(errors, validateMinDomains(constraint['minDomains'], when, `${at}.minDomains`));
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'])
      append(errors, optionalWord(constraint[field], `${at}.${field}`, INCLUSION_POLICIES));
    append(errors, validateMatchKeys(constraint, at));
    return [...errors, ...validateLabelSelector(constraint['labelSelector'], `${at}.labelSelector`)];
  });
}

function validateMinDomains(value: unknown, when: string, path: string): FieldErrors {
  const domains = asNumber(value);
  if (domains === undefined) return [];
  const errors: FieldErrors = [];
  if (domains <= 0) errors.push(invalid(path, domains, NOT_POSITIVE));
  if (when !== 'DoNotSchedule') {
    const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${escapeControls(when)}`;
    errors.push(invalid(path, domains, detail));
  }
  return errors;
}
