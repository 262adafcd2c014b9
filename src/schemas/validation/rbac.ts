/** Roles and bindings; rules and words of upstream's `rbac` validation. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { RBAC_GROUP } from '../rbac.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1123Subdomain, pathSegment } from './names.ts';
import { append, type FieldErrors, indexed, invalid, invalidAll, notSupported, required } from './report.ts';
import { requiredText } from './texts.ts';

export const validateRole = (object: KubeObject): FieldErrors => validateRules(object['rules'], true);

export function validateClusterRole(object: KubeObject): FieldErrors {
  const errors = validateRules(object['rules'], false);
  const { aggregationRule } = object;
  if (isAbsent(aggregationRule)) return errors;
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = asList(asRecord(aggregationRule)['clusterRoleSelectors']);
  if (selectors.length === 0)
    errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  selectors.forEach((selector, index) =>
    append(errors, validateLabelSelector(selector, indexed(path, index))),
  );
  return errors;
}

function validateRules(rules: unknown, isNamespaced: boolean): FieldErrors {
  return asRecords(rules).flatMap((rule, index) => validateRule(rule, isNamespaced, indexed('rules', index)));
}

function validateRule(rule: Fields, isNamespaced: boolean, path: string): FieldErrors {
  const { nonResourceURLs } = rule;
  const count = (field: string): number => asList(rule[field]).length;
  const errors: FieldErrors = [];
  if (count('verbs') === 0) errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  if (count('nonResourceURLs') > 0) {
    const complain = (detail: string): void => {
      errors.push(invalid(`${path}.nonResourceURLs`, nonResourceURLs, detail));
    };
    if (isNamespaced) complain('namespaced rules cannot apply to non-resource URLs');
    if (count('apiGroups') + count('resources') + count('resourceNames') > 0)
      complain('rules cannot apply to both regular resources and non-resource URLs');
    return errors;
  }
  if (count('apiGroups') === 0)
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if (count('resources') === 0)
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}

export const validateRoleBinding = (object: KubeObject): FieldErrors =>
  validateBinding(object, ['Role', 'ClusterRole'], true);

export const validateClusterRoleBinding = (object: KubeObject): FieldErrors =>
  validateBinding(object, ['ClusterRole'], false);

function validateBinding(object: KubeObject, kinds: readonly string[], isNamespaced: boolean): FieldErrors {
  const { apiGroup, kind, name } = asRecord(object['roleRef']);
  const errors: FieldErrors = [];
  if (apiGroup !== RBAC_GROUP) errors.push(notSupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP]));
  if (!kinds.includes(asString(kind))) errors.push(notSupported('roleRef.kind', kind, kinds));
  append(errors, requiredText(name, 'roleRef.name', pathSegment));
  asRecords(object['subjects']).forEach((subject, index) =>
    append(errors, validateSubject(subject, isNamespaced, indexed('subjects', index))),
  );
  return errors;
}

function validateSubject(subject: Fields, isNamespaced: boolean, path: string): FieldErrors {
  const { kind } = subject;
  const name = asString(subject['name']);
  const apiGroup = asString(subject['apiGroup']);
  const errors: FieldErrors = name === '' ? [required(`${path}.name`)] : [];
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') append(errors, invalidAll(`${path}.name`, name, dns1123Subdomain(name)));
      if (apiGroup !== '') errors.push(notSupported(`${path}.apiGroup`, apiGroup, ['']));
      if (!isNamespaced && asString(subject['namespace']) === '') errors.push(required(`${path}.namespace`));
      break;
    case 'User':
    case 'Group':
      if (apiGroup !== RBAC_GROUP) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [RBAC_GROUP]));
      break;
    default:
      errors.push(notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
}

/** The role of a binding never changes under its subjects: another role is another binding. */
export function validateBindingUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const { roleRef } = next;
  if (jsonEqual(roleRef, current['roleRef'])) return [];
  const { apiGroup, kind, name } = asRecord(roleRef);
  // The message shows upstream's internal type.
  const shown = { APIGroup: apiGroup, Kind: kind, Name: name };
  return [invalid('roleRef', shown, 'cannot change roleRef')];
}
