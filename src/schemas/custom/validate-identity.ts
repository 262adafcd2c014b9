/** The identity of a definition: its name, group, names of its objects, and approval. */
import { asList, asRecord, asString, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { dns1035Label, dns1123Subdomain, maskTrailingDash } from '../validation/names.ts';
import { type FieldErrors, invalid, invalidAll, required } from '../validation/report.ts';

const APPROVAL = 'api-approved.kubernetes.io';

export function validateName(object: KubeObject, wanted: string): FieldErrors {
  const { name, generateName } = asRecord(object.metadata);
  return Object.entries({ generateName, name }).flatMap(([field, value]) => {
    const text = asString(value);
    if (text === '') return [];
    const complaints = dns1123Subdomain(field === 'name' ? text : maskTrailingDash(text));
    const wrong = text === wanted ? [] : ['must be spec.names.plural+"."+spec.group'];
    return invalidAll(`metadata.${field}`, text, [...complaints, ...wrong]);
  });
}

export function validateGroup(group: string): FieldErrors {
  const path = 'spec.group';
  if (group === '') return [required(path)];
  const complaints = dns1123Subdomain(group);
  if (complaints.length > 0) return [invalid(path, group, complaints.join(','))];
  return group.includes('.') ? [] : [invalid(path, group, 'should be a domain with at least one dot')];
}

/**
 * Kubernetes' own groups need the address of an approval, or the statement that there is none.
 * A stored definition without it may stay.
 */
export function validateApproval(
  group: string,
  object: KubeObject,
  current: KubeObject | undefined,
): FieldErrors {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return [];
  const approvalOf = ({ metadata }: KubeObject): string =>
    asString(asRecord(asRecord(metadata)['annotations'])[APPROVAL]);
  const approval = approvalOf(object);
  const state = approvalState(approval);
  if (current !== undefined && approvalState(approvalOf(current)) === state) return [];
  const path = `metadata.annotations[${APPROVAL}]`;
  const [what, see] = [
    `protected groups must have approval annotation "${APPROVAL}"`,
    'see https://github.com/kubernetes/enhancements/pull/1111',
  ];
  switch (state) {
    case 'missing':
      return [required(path, `${what}, ${see}`)];
    case 'invalid':
      return [
        invalid(path, approval, `${what} with either a URL or a reason starting with "unapproved", ${see}`),
      ];
    default:
      return [];
  }
}

function approvalState(approval: string): 'missing' | 'bypassed' | 'approved' | 'invalid' {
  if (approval === '') return 'missing';
  if (approval.startsWith('unapproved')) return 'bypassed';
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+([/?#]\S*)?$/i.test(approval) ? 'approved' : 'invalid';
}

export const NAMES = ['plural', 'singular', 'kind', 'listKind'] as const;

/** The names that are set: a definition asks for all of them, the accepted ones may be fewer. */
export function validateNames(names: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const label = (member: string, value: unknown, isMixed = false): void => {
    const name = asString(value);
    const complaints = dns1035Label(isMixed ? name.toLowerCase() : name);
    if (complaints.length === 0) return;
    const prefix = isMixed ? 'may have mixed case, but should otherwise match: ' : '';
    errors.push(invalid(`${path}.${member}`, name, `${prefix}${complaints.join(',')}`));
  };
  for (const member of NAMES)
    if (asString(names[member]) !== '')
      label(member, names[member], member === 'kind' || member === 'listKind');
  for (const member of ['shortNames', 'categories'])
    asList(names[member]).forEach((name, index) => label(`${member}[${index}]`, name));
  if (asString(names['kind']) !== '' && names['kind'] === names['listKind'])
    errors.push(invalid(`${path}.listKind`, names['listKind'], 'kind and listKind may not be the same'));
  return errors;
}
