/** PriorityClasses, StorageClasses and RuntimeClasses: names that other objects refer to. */
import { asList, asNumber, asRecord, asRecords, asString, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { HIGHEST_USER_PRIORITY, systemPriorities } from '../pods/priorities.ts';
import { escapeControls } from '../errors/status.ts';
import { validateDriverName } from './csi.ts';
import { immutable, validateLabels } from './metadata.ts';
import { dns1123Label, qualifiedName } from './names.ts';
import { validatePreemption } from './pod-spec.ts';
import {
  append,
  byteLength,
  duplicate,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
  tooLong,
} from './report.ts';
import { requiredText } from './texts.ts';
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
  const lowerCase = (name: string): readonly string[] => qualifiedName(name.toLowerCase());
  const errors = requiredText(object['provisioner'], 'provisioner', lowerCase);
  append(errors, validateParameters(asRecord(object['parameters'])));
  const policy = asString(object['reclaimPolicy']);
  if (policy !== '' && !RECLAIM_POLICIES.includes(policy))
    errors.push(notSupported('reclaimPolicy', policy, RECLAIM_POLICIES));
  const mode = asString(object['volumeBindingMode']);
  if (!BINDING_MODES.includes(mode)) errors.push(notSupported('volumeBindingMode', mode, BINDING_MODES));
  return [...errors, ...validateTopologies(asRecords(object['allowedTopologies']))];
}

export function validateAttributesClass(object: KubeObject): FieldErrors {
  const parameters = asRecord(object['parameters']);
  return [
    ...validateDriverName(object['driverName'], 'driverName'),
    ...(Object.keys(parameters).length === 0
      ? [required('parameters', 'must contain at least one key/value pair')]
      : validateParameters(parameters)),
  ];
}

const RECLAIM_POLICIES = ['Delete', 'Retain'];
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'];
/** Upstream's limits of the parameters for provisioners. */
const MAX_PARAMETERS = 512;
const MAX_PARAMETERS_BYTES = 256 * 1024;

function validateParameters(parameters: Fields): FieldErrors {
  const entries = Object.entries(parameters);
  if (entries.length > MAX_PARAMETERS) return [tooLong('parameters', MAX_PARAMETERS)];
  const errors: FieldErrors = [];
  let size = 0;
  for (const [key, value] of entries) {
    if (key === '') errors.push(invalid('parameters', '', 'field can not be empty.'));
    size += byteLength(key) + byteLength(asString(value));
  }
  if (size > MAX_PARAMETERS_BYTES) errors.push(tooLong('parameters', MAX_PARAMETERS_BYTES));
  return errors;
}

/** Sets of nodes; no two terms mean the same ones, and a term without labels means nothing. */
function validateTopologies(terms: readonly Fields[]): FieldErrors {
  const seen = new Set<string>(['[]']);
  return terms.flatMap((term, index) => {
    const path = `${indexed('allowedTopologies', index)}.matchLabelExpressions`;
    const labels = new Map<string, readonly unknown[]>();
    const errors = asRecords(term['matchLabelExpressions']).flatMap((expression, at) => {
      const key = asString(expression['key']);
      const values = asList(expression['values']);
      const found = validateTopology(key, values, indexed(path, at));
      if (labels.has(key)) found.push(duplicate(`${indexed(path, at)}.key`, key));
      labels.set(key, [...new Set(values)].sort());
      return found;
    });
    const meaning = JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (seen.has(meaning)) errors.push(duplicate(path, ''));
    seen.add(meaning);
    return errors;
  });
}

function validateTopology(key: string, values: readonly unknown[], path: string): FieldErrors {
  const errors: FieldErrors = values.length === 0 ? [required(`${path}.values`)] : [];
  const seen = new Set<unknown>();
  for (const [index, value] of values.entries()) {
    if (seen.has(value)) errors.push(duplicate(indexed(`${path}.values`, index), value));
    seen.add(value);
  }
  return [...errors, ...invalidAll(`${path}.key`, key, qualifiedName(key))];
}

export function validateStorageClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const fields = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'];
  return fields.flatMap((field) => immutable(next[field], current[field], field));
}

export function validateRuntimeClass(object: KubeObject): FieldErrors {
  const { podFixed } = asRecord(object['overhead']);
  const { nodeSelector, tolerations } = asRecord(object['scheduling']);
  return [
    ...requiredText(object['handler'], 'handler', dns1123Label),
    ...validateOverhead(podFixed, 'overhead'),
    ...validateLabels(nodeSelector, 'scheduling.nodeSelector'),
    ...validateUniqueTolerations(tolerations, 'scheduling.tolerations'),
  ];
}

export function validateRuntimeClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return immutable(next['handler'], current['handler'], 'handler');
}
