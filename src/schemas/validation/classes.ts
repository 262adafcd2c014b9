/** PriorityClass, StorageClass, IngressClass and RuntimeClass: names that other objects refer to. */
import { asNumber, asRecord, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { HIGHEST_USER_PRIORITY, systemPriorities } from '../priorities.ts';
import { immutable } from './metadata.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from './names.ts';
import { type FieldErrors, forbidden, invalid, invalidAll, notSupported, required } from './report.ts';

export function validatePriorityClass(object: KubeObject): FieldErrors {
  const { name } = asRecord(object.metadata);
  const value = asNumber(object['value']) ?? 0;
  const errors: FieldErrors = [];
  if (typeof name === 'string' && name.startsWith('system-')) {
    if (systemPriorities.get(name) !== value) {
      const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`;
      errors.push(forbidden('metadata.name', detail));
    }
  } else if (value > HIGHEST_USER_PRIORITY) {
    const detail = `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`;
    errors.push(forbidden('value', detail));
  }
  const policies = ['Never', 'PreemptLowerPriority'];
  const policy = asString(object['preemptionPolicy']);
  if (!policies.includes(policy)) errors.push(notSupported('preemptionPolicy', policy, policies));
  return errors;
}

export function validatePriorityClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const errors: FieldErrors = [];
  if ((next['value'] ?? 0) !== (current['value'] ?? 0))
    errors.push(forbidden('value', 'may not be changed in an update.'));
  return [...errors, ...immutable(next['preemptionPolicy'], current['preemptionPolicy'], 'preemptionPolicy')];
}

export function validateStorageClass(object: KubeObject): FieldErrors {
  const provisioner = asString(object['provisioner']);
  const errors: FieldErrors =
    provisioner === ''
      ? [required('provisioner')]
      : invalidAll('provisioner', provisioner, qualifiedName(provisioner.toLowerCase()));
  for (const [field, values] of [
    ['reclaimPolicy', ['Delete', 'Retain']],
    ['volumeBindingMode', ['Immediate', 'WaitForFirstConsumer']],
  ] as const) {
    const value = asString(object[field]);
    if (!values.some((known) => known === value)) errors.push(notSupported(field, value, values));
  }
  if (Object.keys(asRecord(object['parameters'])).includes(''))
    errors.push(invalid('parameters', '', 'field can not be empty.'));
  return errors;
}

export function validateStorageClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const fields = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'];
  return fields.flatMap((field) => immutable(next[field], current[field], field));
}

export function validateRuntimeClass(object: KubeObject): FieldErrors {
  const handler = asString(object['handler']);
  return invalidAll('handler', handler, dns1123Label(handler));
}

export function validateRuntimeClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return immutable(next['handler'], current['handler'], 'handler');
}
