/** AddressGroups. */
import { MAX_ADDRESSES_PER_GROUP } from '../../address-groups.ts';
import { asRecord, asRecords, asString, type Fields, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { isSettled } from '../../settled-items.ts';
import { canonicalIp } from '../../validation/addresses.ts';
import { validateProtocol } from '../../validation/containers.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { immutable } from '../../validation/metadata.ts';
import { dns1123Label, portName, portNumber } from '../../validation/names.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  indexed,
  invalidAll,
  required,
  tooMany,
} from '../../validation/report.ts';

export function validateAddressGroup(object: KubeObject): FieldErrors {
  const { namespace, namespaceSelector, podSelector } = asRecord(object['spec']);
  const errors: FieldErrors = [];
  if (isAbsent(namespaceSelector)) {
    const name = asString(namespace);
    if (name === '') errors.push(required('spec.namespace', 'must specify a namespace or a selector'));
    else append(errors, invalidAll('spec.namespace', name, dns1123Label(name)));
  } else if (!isAbsent(namespace))
    errors.push(forbidden('spec.namespace', 'may not be specified when `namespaceSelector` is set'));
  return [
    ...errors,
    ...validateLabelSelector(namespaceSelector, 'spec.namespaceSelector'),
    ...validateLabelSelector(podSelector, 'spec.podSelector'),
    ...validateAddresses(asRecords(object['addresses'])),
  ];
}

function validateAddresses(addresses: readonly Fields[]): FieldErrors {
  if (addresses.length > MAX_ADDRESSES_PER_GROUP)
    return [tooMany('addresses', addresses.length, MAX_ADDRESSES_PER_GROUP)];
  return addresses.flatMap((address, index) => {
    if (isSettled(address)) return [];
    const at = indexed('addresses', index);
    const ip = asString(address['ip']);
    const errors = invalidAll(`${at}.ip`, ip, canonicalIp(ip));
    for (const [place, port] of asRecords(address['ports']).entries())
      append(errors, validatePort(port, indexed(`${at}.ports`, place)));
    return errors;
  });
}

const validatePort = ({ name, protocol, port }: Fields, path: string): FieldErrors => [
  ...invalidAll(`${path}.name`, name, portName(asString(name))),
  ...validateProtocol(protocol, `${path}.protocol`),
  ...invalidAll(`${path}.port`, port, portNumber(port)),
];

export const validateAddressGroupUpdate = (next: KubeObject, current: KubeObject): FieldErrors =>
  immutable(next['spec'], current['spec'], 'spec');
