/** Endpoints and EndpointSlices. */
import { asList, asRecord, asRecords, asString, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { ipAddress, ipFamily } from './addresses.ts';
import { immutable } from './metadata.ts';
import { dns1123Label, dns1123Subdomain, portNumber } from './names.ts';
import { type FieldErrors, indexed, invalid, invalidAll, notSupported, required, tooMany } from './report.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
/** Upstream's limits of a slice. */
const MAX_ENDPOINTS = 1_000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;

export function validateEndpoints(object: KubeObject): FieldErrors {
  return asRecords(object['subsets']).flatMap((subset, index) => {
    const path = `subsets[${index}]`;
    const addresses = asRecords(subset['addresses']);
    const waiting = asRecords(subset['notReadyAddresses']);
    const errors: FieldErrors = [];
    if (addresses.length + waiting.length === 0)
      errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
    for (const [name, list] of [
      ['addresses', addresses],
      ['notReadyAddresses', waiting],
    ] as const) {
      for (const [at, { ip, hostname }] of list.entries()) {
        errors.push(...invalidAll(`${path}.${name}[${at}].ip`, ip, ipAddress(asString(ip))));
        if (asString(hostname) !== '')
          errors.push(
            ...invalidAll(`${path}.${name}[${at}].hostname`, hostname, dns1123Label(asString(hostname))),
          );
      }
    }
    const ports = asRecords(subset['ports']);
    for (const [at, port] of ports.entries())
      errors.push(...validatePort(port, `${path}.ports[${at}]`, ports.length > 1));
    return errors;
  });
}

function validatePort(port: Readonly<Record<string, unknown>>, path: string, named: boolean): FieldErrors {
  const name = asString(port['name']);
  const errors: FieldErrors = [];
  if (named && name === '') errors.push(required(`${path}.name`));
  else if (name !== '') errors.push(...invalidAll(`${path}.name`, name, dns1123Label(name)));
  errors.push(...invalidAll(`${path}.port`, port['port'], portNumber(port['port'])));
  const protocol = asString(port['protocol']);
  if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
  return errors;
}

export function validateEndpointSlice(object: KubeObject): FieldErrors {
  const type = asString(object['addressType']);
  const errors: FieldErrors = [];
  if (type === '') errors.push(required('addressType'));
  else if (!ADDRESS_TYPES.includes(type)) errors.push(notSupported('addressType', type, ADDRESS_TYPES));
  const endpoints = asRecords(object['endpoints']);
  if (endpoints.length > MAX_ENDPOINTS) errors.push(tooMany('endpoints', endpoints.length, MAX_ENDPOINTS));
  for (const [index, endpoint] of endpoints.entries()) {
    const path = `endpoints[${index}].addresses`;
    const addresses = asList(endpoint['addresses']);
    if (addresses.length === 0) errors.push(required(path, 'must contain at least 1 address'));
    if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(path, addresses.length, MAX_ADDRESSES));
    for (const [at, address] of addresses.entries())
      errors.push(...validateAddress(type, asString(address), indexed(path, at)));
  }
  const ports = asRecords(object['ports']);
  if (ports.length > MAX_PORTS) errors.push(tooMany('ports', ports.length, MAX_PORTS));
  for (const [index, { name, port, protocol }] of ports.entries()) {
    const path = `ports[${index}]`;
    if (asString(name) !== '') errors.push(...invalidAll(`${path}.name`, name, dns1123Label(asString(name))));
    if (!isAbsent(port)) errors.push(...invalidAll(`${path}.port`, port, portNumber(port)));
    if (!PROTOCOLS.includes(asString(protocol)))
      errors.push(notSupported(`${path}.protocol`, asString(protocol), PROTOCOLS));
  }
  return errors;
}

function validateAddress(type: string, address: string, path: string): FieldErrors {
  if (type === 'FQDN') return invalidAll(path, address, dns1123Subdomain(address));
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const complaints = ipAddress(address);
  if (complaints.length > 0) return invalidAll(path, address, complaints);
  return ipFamily(address) === type ? [] : [invalid(path, address, `must be an ${type} address`)];
}

export function validateEndpointSliceUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return immutable(asRecord(next)['addressType'], asRecord(current)['addressType'], 'addressType');
}
