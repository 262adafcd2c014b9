/** Nodes: taints and what is given to a node once. */
import { asList, asRecord, asRecords, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { cidrBlock } from './addresses.ts';
import { labelValue, qualifiedName } from './names.ts';
import {
  duplicate,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  keyed,
  notSupported,
  required,
} from './report.ts';
import { validateQuantity } from './resources.ts';
import { TAINT_EFFECTS } from './scheduling.ts';

export function validateNode(object: KubeObject): FieldErrors {
  const { taints, podCIDRs } = asRecord(object['spec']);
  const errors = validateTaints(taints, 'spec.taints');
  for (const [index, block] of asList(podCIDRs).entries()) {
    errors.push(...invalidAll(`spec.podCIDRs[${index}]`, block, cidrBlock(asString(block))));
  }
  for (const list of ['capacity', 'allocatable']) {
    for (const [name, value] of Object.entries(asRecord(asRecord(object['status'])[list]))) {
      errors.push(...validateQuantity(name, value, keyed(`status.${list}`, name)));
    }
  }
  return errors;
}

function validateTaints(taints: unknown, path: string): FieldErrors {
  const seen = new Set<string>();
  return asRecords(taints).flatMap((taint, index) => {
    const at = `${path}[${index}]`;
    const key = asString(taint['key']);
    const value = asString(taint['value']);
    const effect = asString(taint['effect']);
    const errors = invalidAll(`${at}.key`, key, qualifiedName(key));
    const complaints = labelValue(value);
    if (complaints.length > 0) errors.push(invalid(`${at}.value`, value, complaints.join(';')));
    if (effect === '') errors.push(required(`${at}.effect`));
    else if (!TAINT_EFFECTS.includes(effect))
      errors.push(notSupported(`${at}.effect`, effect, TAINT_EFFECTS));
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) errors.push(duplicate(at, taint));
    seen.add(pair);
    return errors;
  });
}

export function validateNodeUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const spec = asRecord(next['spec']);
  const old = asRecord(current['spec']);
  const errors: FieldErrors = [];
  const oldBlock = asString(old['podCIDR']);
  if (oldBlock !== '' && asString(spec['podCIDR']) !== oldBlock) {
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  const oldProvider = asString(old['providerID']);
  if (oldProvider !== '' && asString(spec['providerID']) !== oldProvider) {
    errors.push(
      forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'),
    );
  }
  return errors;
}
