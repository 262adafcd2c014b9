/** PriorityClass, StorageClass, IngressClass and RuntimeClass: names that other objects refer to. */
import { asNumber, asRecord, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { HIGHEST_USER_PRIORITY, systemPriorities } from '../priorities.ts';
import { escapeControls } from '../status.ts';
import { immutable, validateLabels } from './metadata.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from './names.ts';
import { validatePreemption } from './pod-spec.ts';
import { type FieldErrors, forbidden, invalid, invalidAll, notSupported, required } from './report.ts';
import { validateOverhead } from './resources.ts';
import { validateUniqueTolerations } from './scheduling.ts';

/** Upstream asks this of new ones only; what it is about cannot change. */
export function validatePriorityClass(object: KubeObject): FieldErrors {
  const { name: given, resourceVersion } = asRecord(object.metadata);
  if (resourceVersion !== undefined) return [];
  const name = asString(given);
  const value = asNumber(object['value']) ?? 0;
  const errors: FieldErrors = [];
  if (name.startsWith('system-')) {
    const why = systemClassComplaint(name, value, object['globalDefault'] === true);
    if (why !== undefined) {
      const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${why}`;
      errors.push(forbidden('metadata.name', detail));
    }
  } else if (value > HIGHEST_USER_PRIORITY) {
    const detail = `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`;
    errors.push(forbidden('value', detail));
  }
  return [...errors, ...validatePreemption(object['preemptionPolicy'], 'preemptionPolicy')];
}

function systemClassComplaint(name: string, value: number, isDefault: boolean): string | undefined {
  const known = systemPriorities.get(name);
  if (known === undefined) return `${escapeControls(name)} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return isDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
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

export function validateIngressClass(object: KubeObject): FieldErrors {
  const { controller, parameters } = asRecord(object['spec']);
  const errors: FieldErrors = [];
  const name = asString(controller);
  const slash = name.indexOf('/');
  if (name === '') errors.push(required('spec.controller'));
  else if (slash < 1 || dns1123Subdomain(name.slice(0, slash)).length > 0)
    errors.push(invalid('spec.controller', name, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  if (parameters === undefined || parameters === null) return errors;
  const { kind, name: parameter, scope, namespace } = asRecord(parameters);
  if (asString(kind) === '') errors.push(required('spec.parameters.kind', 'kind is required'));
  if (asString(parameter) === '') errors.push(required('spec.parameters.name', 'name is required'));
  const scopes = ['Cluster', 'Namespace'];
  if (!scopes.includes(asString(scope)))
    errors.push(notSupported('spec.parameters.scope', asString(scope), scopes));
  else if (scope === 'Namespace' && asString(namespace) === '')
    errors.push(required('spec.parameters.namespace', "`parameters.scope` is set to 'Namespace'"));
  else if (scope === 'Cluster' && asString(namespace) !== '')
    errors.push(forbidden('spec.parameters.namespace', "`parameters.scope` is set to 'Cluster'"));
  return errors;
}

export function validateIngressClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [after, before] = [asRecord(next['spec']), asRecord(current['spec'])];
  return immutable(after['controller'], before['controller'], 'spec.controller');
}

export function validateRuntimeClass(object: KubeObject): FieldErrors {
  const handler = asString(object['handler']);
  const { podFixed } = asRecord(object['overhead']);
  const { nodeSelector, tolerations } = asRecord(object['scheduling']);
  return [
    ...(handler === '' ? [required('handler')] : invalidAll('handler', handler, dns1123Label(handler))),
    ...validateOverhead(podFixed, 'overhead'),
    ...validateLabels(nodeSelector, 'scheduling.nodeSelector'),
    ...validateUniqueTolerations(tolerations, 'scheduling.tolerations'),
  ];
}

export function validateRuntimeClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return immutable(next['handler'], current['handler'], 'handler');
}
