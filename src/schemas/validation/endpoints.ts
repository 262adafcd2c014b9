/** Endpoints and EndpointSlices. */
import { ipFamily, parseAddress } from '../values/ip-address.ts';
import { asList, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { canonicalIp, endpointIp, ipAddress, type KeptTexts, keptTexts } from './addresses.ts';
import { validateProtocol } from './containers.ts';
import { immutable } from './metadata.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  type NameRule,
  portNumber,
  qualifiedName,
} from './names.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
  tooMany,
} from './report.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
/** Upstream's limits of a slice. */
const MAX_ENDPOINTS = 1_000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_HINTS = 8;

const ADDRESS_LISTS = ['addresses', 'notReadyAddresses'] as const;

/** All addresses of Endpoints. */
export const addressesIn = (object: KubeObject | undefined): readonly Fields[] =>
  asRecords(object?.['subsets']).flatMap((subset) =>
    ADDRESS_LISTS.flatMap((list) => asRecords(subset[list])),
  );

export function validateEndpoints(object: KubeObject, current?: KubeObject): FieldErrors {
  const known = addressesIn(current);
  const kept = keptTexts(known.map(({ ip }) => ip));
  const isKept = keptItems(object, current, known);
  return asRecords(object['subsets']).flatMap((subset, index) => {
    const path = `subsets[${index}]`;
    const errors: FieldErrors = [];
    if (ADDRESS_LISTS.every((list) => asList(subset[list]).length === 0))
      errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
    for (const list of ADDRESS_LISTS)
      for (const [at, address] of asRecords(subset[list]).entries())
        if (!isKept(address))
          append(errors, validateEndpointAddress(address, `${path}.${list}[${at}]`, kept));
    const ports = asRecords(subset['ports']);
    for (const [at, port] of ports.entries())
      append(errors, validatePort(port, `${path}.ports[${at}]`, ports.length > 1));
    return errors;
  });
}

/** Whether an update holds the very item that the stored object holds: it was valid once. */
function keptItems(
  object: KubeObject,
  current: KubeObject | undefined,
  items: readonly Fields[],
): (item: Fields) => boolean {
  if (current === undefined || object === current) return () => false;
  const known = new Set(items);
  return (item) => known.has(item);
}

function validateEndpointAddress(
  { ip, hostname, nodeName }: Fields,
  path: string,
  kept: KeptTexts,
): FieldErrors {
  const address = asString(ip);
  const errors = invalidAll(`${path}.ip`, address, ipAddress(address, kept));
  if (asString(hostname) !== '') append(errors, named(hostname, `${path}.hostname`, dns1123Label));
  if (!isAbsent(nodeName)) append(errors, named(nodeName, `${path}.nodeName`, dns1123Subdomain));
  return [...errors, ...invalidAll(`${path}.ip`, address, endpointIp(address, kept))];
}

const named = (value: unknown, path: string, rule: NameRule): FieldErrors =>
  invalidAll(path, value, rule(asString(value)));

function validatePort(port: Fields, path: string, needsName: boolean): FieldErrors {
  const name = asString(port['name']);
  const errors: FieldErrors = [];
  if (name !== '') append(errors, named(name, `${path}.name`, dns1123Label));
  else if (needsName) errors.push(required(`${path}.name`));
  const number = port['port'] ?? 0;
  append(errors, invalidAll(`${path}.port`, number, portNumber(number)));
  return [...errors, ...validateProtocols(port, path)];
}

function validateProtocols({ protocol, appProtocol }: Fields, path: string): FieldErrors {
  const errors = validateProtocol(protocol, `${path}.protocol`);
  if (!isAbsent(appProtocol)) append(errors, named(appProtocol, `${path}.appProtocol`, qualifiedName));
  return errors;
}

export function validateEndpointSlice(object: KubeObject, current?: KubeObject): FieldErrors {
  const type = asString(object['addressType']);
  const errors: FieldErrors = [];
  if (type === '') errors.push(required('addressType'));
  else if (!ADDRESS_TYPES.includes(type)) errors.push(notSupported('addressType', type, ADDRESS_TYPES));
  return [
    ...errors,
    ...validateSliceEndpoints(object, type, current),
    ...validateSlicePorts(asRecords(object['ports'])),
  ];
}

function validateSliceEndpoints(
  object: KubeObject,
  type: string,
  current: KubeObject | undefined,
): FieldErrors {
  const endpoints = asRecords(object['endpoints']);
  const known = asRecords(current?.['endpoints']);
  if (endpoints.length > MAX_ENDPOINTS) return [tooMany('endpoints', endpoints.length, MAX_ENDPOINTS)];
  const kept = keptTexts(known.flatMap(({ addresses }) => asList(addresses)));
  const isKept = keptItems(object, current, known);
  return endpoints.flatMap((endpoint, index) => {
    if (isKept(endpoint)) return [];
    const at = indexed('endpoints', index);
    const path = `${at}.addresses`;
    const addresses = asList(endpoint['addresses']);
    const errors: FieldErrors = [];
    if (addresses.length === 0) errors.push(required(path, 'must contain at least 1 address'));
    else if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(path, addresses.length, MAX_ADDRESSES));
    for (const [position, address] of addresses.entries())
      append(errors, validateAddress(type, asString(address), path, position, kept));
    const { nodeName, hostname, hints } = endpoint;
    if (!isAbsent(nodeName)) append(errors, named(nodeName, `${at}.nodeName`, dns1123Subdomain));
    if (!isAbsent(hostname)) append(errors, named(hostname, `${at}.hostname`, dns1123Label));
    return [
      ...errors,
      ...validateHints(asRecord(hints)['forZones'], `${at}.hints.forZones`, labelValue),
      ...validateHints(asRecord(hints)['forNodes'], `${at}.hints.forNodes`, dns1123Subdomain),
    ];
  });
}

function validateHints(list: unknown, path: string, rule: NameRule): FieldErrors {
  const hints = asRecords(list);
  if (hints.length > MAX_HINTS) return [tooMany(path, hints.length, MAX_HINTS)];
  const seen = new Set<string>();
  return hints.flatMap((hint, index) => {
    const name = asString(hint['name']);
    const at = `${indexed(path, index)}.name`;
    const errors: FieldErrors = seen.has(name) ? [duplicate(at, name)] : [];
    seen.add(name);
    return [...errors, ...named(name, at, rule)];
  });
}

function validateSlicePorts(ports: readonly Fields[]): FieldErrors {
  if (ports.length > MAX_PORTS) return [tooMany('ports', ports.length, MAX_PORTS)];
  const seen = new Set<string>();
  return ports.flatMap((port, index) => {
    const path = indexed('ports', index);
    const name = asString(port['name']);
    const errors: FieldErrors = name === '' ? [] : named(name, `${path}.name`, dns1123Label);
    if (seen.has(name)) errors.push(duplicate(`${path}.name`, name));
    seen.add(name);
    return [...errors, ...validateProtocols(port, path)];
  });
}

function validateAddress(
  type: string,
  address: string,
  list: string,
  index: number,
  kept: KeptTexts,
): FieldErrors {
  const path = indexed(list, index);
  if (type === 'FQDN') return validateDomainName(address, path);
  if ((type !== 'IPv4' && type !== 'IPv6') || kept.has(address)) return [];
  const read = type === 'IPv4' ? ipAddress : canonicalIp;
  // The family of an address is checked before its form.
  const isOther = ipAddress(address, kept).length === 0 && familyOf(address) !== type;
  if (isOther) return [invalid(list, address, `must be an ${type} address`)];
  const complaints = read(address, kept);
  return invalidAll(path, address, complaints.length > 0 ? complaints : endpointIp(address));
}

const familyOf = (address: string): string | undefined =>
  ipFamily(address) ?? parseAddress(address, 'sloppy')?.family;

/** A domain of at least two labels; a dot at its end is fine. */
function validateDomainName(text: string, path: string): FieldErrors {
  if (text === '') return [required(path)];
  const name = text.replace(/\.$/, '');
  const complaints = dns1123Subdomain(name);
  if (complaints.length > 0) return [invalid(path, name, complaints.join(','))];
  const labels = name.split('.');
  if (labels.length < 2)
    return [invalid(path, name, 'should be a domain with at least two segments separated by dots')];
  return labels.flatMap((label) => {
    const wrong = dns1123Label(label);
    return wrong.length > 0 ? [invalid(path, label, wrong.join(','))] : [];
  });
}

export function validateEndpointSliceUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return immutable(asRecord(next)['addressType'], asRecord(current)['addressType'], 'addressType');
}
