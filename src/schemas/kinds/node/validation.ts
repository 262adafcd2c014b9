/** Nodes: taints, and fields that are set once. */
import { jsonEqual } from '../../../base/json.ts';
import { parseBlock } from '../../values/ip-address.ts';
import { asList, asRecord, asRecords, asString } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { cidrBlock, keptTexts } from '../../validation/addresses.ts';
import { labelValue, qualifiedName } from '../../validation/names.ts';
import {
  duplicate,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
} from '../../validation/report.ts';
import { validateQuantity } from '../../validation/resources.ts';
import { TAINT_EFFECTS } from '../../validation/scheduling.ts';

/** Upstream's path of taints is that of the metadata. */
const TAINTS = 'metadata.taints';
const BLOCKS = 'spec.podCIDRs';
const MAX_BLOCKS = 2;

export function validateNode(object: KubeObject, current?: KubeObject): FieldErrors {
  const { taints, podCIDRs } = asRecord(object['spec']);
  return [
    ...validateTaints(taints, TAINTS),
    ...validateResources(object),
    ...validateBlocks(asList(podCIDRs), asList(asRecord(current?.['spec'])['podCIDRs'])),
  ];
}

function validateResources(object: KubeObject): FieldErrors {
  const status = asRecord(object['status']);
  return ['capacity', 'allocatable'].flatMap((list) =>
    Object.entries(asRecord(status[list])).flatMap(([name, value]) =>
      validateQuantity(name, value, `status.${list}.${name}`),
    ),
  );
}

/** One block for each family. */
function validateBlocks(blocks: readonly unknown[], old: readonly unknown[]): FieldErrors {
  const kept = keptTexts(old);
  const errors = blocks.flatMap((block, index) =>
    invalidAll(indexed(BLOCKS, index), block, cidrBlock(asString(block), kept)),
  );
  if (blocks.length < MAX_BLOCKS) return errors;
  const families = blocks.map((block) => parseBlock(asString(block), 'sloppy')?.address.family);
  const unread = families.indexOf(undefined);
  if (unread >= 0) {
    const [at, text] = [`CIDR[${unread}]`, asString(blocks[unread])];
    const why = `invalid ${at}: ${text} (invalid CIDR address: ${text})`;
    const detail = `invalid PodCIDRs. failed to check with dual stack with error:${why}`;
    errors.push({ type: 'InternalError', path: BLOCKS, detail });
  }
  if (blocks.length > MAX_BLOCKS || unread >= 0 || new Set(families).size < MAX_BLOCKS)
    errors.push(invalid(BLOCKS, blocks, 'may specify no more than one CIDR for each IP family'));
  return errors;
}

function validateTaints(taints: unknown, path: string): FieldErrors {
  const seen = new Set<string>();
  return asRecords(taints).flatMap((taint, index) => {
    const at = indexed(path, index);
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
    if (seen.has(pair)) {
      const shown = { Key: key, Value: value, Effect: effect, TimeAdded: taint['timeAdded'] ?? null };
      errors.push({ ...duplicate(at, shown), detail: 'taints must be unique by key and effect pair' });
    }
    seen.add(pair);
    return errors;
  });
}

export function validateNodeUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const spec = asRecord(next['spec']);
  const old = asRecord(current['spec']);
  const errors = validateNodeAddresses(next);
  const [blocks, before] = [asList(spec['podCIDRs']), asList(old['podCIDRs'])];
  if (before.length > 0 && !jsonEqual(blocks, before))
    errors.push(forbidden(BLOCKS, 'node updates may not change podCIDR except from "" to valid'));
  if (asString(spec['externalID']) !== asString(old['externalID']))
    errors.push(forbidden('spec.externalID', 'may not be updated'));
  const oldProvider = asString(old['providerID']);
  if (oldProvider !== '' && asString(spec['providerID']) !== oldProvider)
    errors.push(
      forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'),
    );
  return errors;
}

export const validateNodeStatus = (next: KubeObject): FieldErrors => [
  ...validateResources(next),
  ...validateNodeAddresses(next),
];

/** An address may stand once; a create may repeat it. */
function validateNodeAddresses(next: KubeObject): FieldErrors {
  const seen = new Set<string>();
  return asRecords(asRecord(next['status'])['addresses']).flatMap(({ type, address }, index) => {
    const shown = { Type: asString(type), Address: asString(address) };
    const key = JSON.stringify(shown);
    const errors = seen.has(key) ? [duplicate(indexed('status.addresses', index), shown)] : [];
    seen.add(key);
    return errors;
  });
}
