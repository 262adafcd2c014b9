/** Services, but for what allocation decides (address in range, port free). */
import {
  asList,
  asNumber,
  asRecord,
  asRecords,
  asString,
  getPath,
  isAbsent,
  type JsonRecord,
} from '../json-access.ts';
import { jsonEqual } from '../../base/json.ts';
import type { KubeObject } from '../object.ts';
import { cidrBlock, ipAddress } from './addresses.ts';
import { validateProtocol } from './containers.ts';
import { validateLabels } from './metadata.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from './names.ts';
import { within } from './numbers.ts';
import { validatePort } from './probes.ts';
import {
  duplicate,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';

type Fields = Readonly<JsonRecord>;

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const AFFINITIES = ['ClientIP', 'None'];
const TRAFFIC_POLICIES = ['Cluster', 'Local'];
/** A day. */
const MAX_AFFINITY_SECONDS = 86_400;

export function validateService(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const ports = asRecords(spec['ports']);
  const isHeadless = asList(spec['clusterIPs'])[0] === 'None';
  const errors: FieldErrors = [];
  if (ports.length === 0 && !isHeadless && spec['type'] !== 'ExternalName')
    errors.push(required('spec.ports'));
  errors.push(...validateByType(spec, isHeadless));
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    errors.push(...validateServicePort(port, ports.length > 1, names, `spec.ports[${index}]`));
  }
  errors.push(
    ...validateLabels(spec['selector'], 'spec.selector'),
    ...validateAffinity(spec),
    ...validateAddresses(spec, isHeadless),
    ...validateType(spec),
    ...validatePortPairs(ports, spec['type'] === 'ClusterIP'),
    ...validateRanges(spec),
    ...validatePolicies(spec),
  );
  return errors;
}

function validateByType(spec: Fields, isHeadless: boolean): FieldErrors {
  const type = asString(spec['type']);
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless) {
    return [invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`)];
  }
  if (type !== 'ExternalName') return [];
  const errors: FieldErrors = [];
  if (asString(spec['clusterIP']) !== '' || asList(spec['clusterIPs']).length > 0) {
    errors.push(forbidden('spec.clusterIPs', 'may not be set for ExternalName services'));
  }
  const name = asString(spec['externalName']).replace(/\.$/, '');
  if (name === '') errors.push(required('spec.externalName'));
  else errors.push(...invalidAll('spec.externalName', name, dns1123Subdomain(name)));
  return errors;
}

function validateServicePort(
  port: Fields,
  needsName: boolean,
  names: Set<string>,
  path: string,
): FieldErrors {
  const errors: FieldErrors = [];
  const name = asString(port['name']);
  if (name === '') {
    if (needsName) errors.push(required(`${path}.name`));
  } else {
    errors.push(...invalidAll(`${path}.name`, name, dns1123Label(name)));
    if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
    names.add(name);
  }
  const number = asNumber(port['port']) ?? 0;
  errors.push(...invalidAll(`${path}.port`, number, portNumber(number)));
  errors.push(...validateProtocol(port['protocol'], `${path}.protocol`));
  errors.push(...validatePort(port['targetPort'], `${path}.targetPort`));
  const protocol = asString(port['appProtocol']);
  if (protocol !== '') errors.push(...invalidAll(`${path}.appProtocol`, protocol, qualifiedName(protocol)));
  return errors;
}

function validateAffinity(spec: Fields): FieldErrors {
  const affinity = asString(spec['sessionAffinity']);
  const path = 'spec.sessionAffinity';
  if (affinity === '') return [required(path)];
  if (!AFFINITIES.includes(affinity)) return [notSupported(path, affinity, AFFINITIES)];
  if (affinity === 'ClientIP') {
    const seconds = getPath(spec, 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds');
    return within(seconds, 'spec.sessionAffinityConfig.clientIP.timeoutSeconds', 1, MAX_AFFINITY_SECONDS);
  }
  if (isAbsent(spec['sessionAffinityConfig'])) return [];
  return [forbidden('spec.sessionAffinityConfig', 'must not be set when session affinity is None')];
}

/** One family: the pod network has IPv4 only. */
function validateAddresses(spec: Fields, isHeadless: boolean): FieldErrors {
  const errors: FieldErrors = [];
  const addresses = asList(spec['clusterIPs']);
  for (const [index, address] of addresses.entries()) {
    if (index === 0 && address === 'None') continue;
    errors.push(...invalidAll(`spec.clusterIPs[${index}]`, address, ipAddress(asString(address))));
  }
  if (addresses.length > 0 && addresses[0] !== spec['clusterIP']) {
    errors.push(invalid('spec.clusterIPs', addresses, 'first value must match `clusterIP`'));
  }
  const isSelectorless = Object.keys(asRecord(spec['selector'])).length === 0;
  if (spec['ipFamilyPolicy'] === 'RequireDualStack' && !(isHeadless && isSelectorless)) {
    const detail = 'this cluster is not configured for dual-stack services';
    errors.push(invalid('spec.ipFamilyPolicy', 'RequireDualStack', detail));
  }
  for (const [index, address] of asList(spec['externalIPs']).entries()) {
    errors.push(...invalidAll(`spec.externalIPs[${index}]`, address, ipAddress(asString(address))));
  }
  return errors;
}

function validateType(spec: Fields): FieldErrors {
  const type = asString(spec['type']);
  if (type === '') return [required('spec.type')];
  return TYPES.includes(type) ? [] : [notSupported('spec.type', type, TYPES)];
}

function validatePortPairs(ports: readonly Fields[], isClusterIp: boolean): FieldErrors {
  const errors: FieldErrors = [];
  const pairs = new Set<string>();
  const nodePorts = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const nodePort = asNumber(port['nodePort']) ?? 0;
    const path = `spec.ports[${index}]`;
    if (isClusterIp && nodePort !== 0) {
      errors.push(forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
    const protocol = asString(port['protocol']);
    const nodeKey = `${protocol}/${nodePort}`;
    if (nodePort !== 0 && nodePorts.has(nodeKey)) errors.push(duplicate(`${path}.nodePort`, nodePort));
    nodePorts.add(nodeKey);
    const number = asNumber(port['port']) ?? 0;
    const key = `${protocol}/${number}`;
    if (pairs.has(key)) {
      // As upstream prints its internal type.
      const shown = {
        Name: '',
        Protocol: protocol,
        AppProtocol: null,
        Port: number,
        TargetPort: 0,
        NodePort: 0,
      };
      errors.push(duplicate(path, shown));
    }
    pairs.add(key);
  }
  return errors;
}

function validateRanges(spec: Fields): FieldErrors {
  const ranges = asList(spec['loadBalancerSourceRanges']);
  const path = 'spec.loadBalancerSourceRanges';
  if (ranges.length > 0 && spec['type'] !== 'LoadBalancer') {
    return [forbidden(path, "may only be used when `type` is 'LoadBalancer'")];
  }
  return ranges.flatMap((range, index) =>
    invalidAll(`${path}[${index}]`, range, cidrBlock(asString(range).trim())),
  );
}

function validatePolicies(spec: Fields): FieldErrors {
  const errors: FieldErrors = [];
  for (const field of ['externalTrafficPolicy', 'internalTrafficPolicy']) {
    const policy = spec[field];
    if (!isAbsent(policy) && !TRAFFIC_POLICIES.includes(asString(policy))) {
      errors.push(notSupported(`spec.${field}`, policy, TRAFFIC_POLICIES));
    }
  }
  return errors;
}

/** An address that was given out stays, as long as the Service keeps one at all. */
export function validateServiceUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const isExternal = (object: KubeObject): boolean => getPath(object, 'spec', 'type') === 'ExternalName';
  if (isExternal(next) || isExternal(current)) return [];
  const addresses = asList(getPath(next, 'spec', 'clusterIPs'));
  const old = asList(getPath(current, 'spec', 'clusterIPs'));
  if (old.length === 0 || jsonEqual(addresses[0], old[0])) return [];
  return [invalid('spec.clusterIPs[0]', addresses, 'may not change once set')];
}
