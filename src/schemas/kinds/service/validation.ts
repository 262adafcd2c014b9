/** Services, without the errors of allocation. For addresses see service-addresses.ts. */
import { jsonEqual } from '../../../base/json.ts';
import { isReachable } from './allocations.ts';
import { isHeadless } from '../../defaults/service-families.ts';
import {
  asList,
  asNumber,
  asRecord,
  asRecords,
  asString,
  type Fields,
  getPath,
  isAbsent,
} from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { cidrBlock, endpointIp, ipAddress, keptTexts } from '../../validation/addresses.ts';
import { validateProtocol } from '../../validation/containers.ts';
import { validateLoadBalancerStatus } from '../../validation/load-balancer.ts';
import { validateLabels } from '../../validation/metadata.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '../../validation/names.ts';
import { validatePort } from '../../validation/probes.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  keyed,
  notSupported,
  required,
} from '../../validation/report.ts';
import { validateAddressUpdate, validateClusterAddresses } from '../../validation/service-addresses.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const AFFINITIES = ['ClientIP', 'None'];
const TRAFFIC_POLICIES = ['Cluster', 'Local'];
const TRAFFIC_DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
/** A day. */
const MAX_AFFINITY_SECONDS = 86_400;
const RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'";

export function validateService(object: KubeObject, current?: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const old = asRecord(current?.['spec']);
  const addresses = validateClusterAddresses(spec, old);
  if (addresses.length > 0) return addresses;
  const annotations = asRecord(asRecord(object.metadata)['annotations']);
  const ports = asRecords(spec['ports']);
  const names = new Set<string>();
  return [
    ...validateTopology(annotations),
    ...(ports.length === 0 && !isHeadless(spec) && spec['type'] !== 'ExternalName'
      ? [required('spec.ports')]
      : []),
    ...validateByType(spec),
    ...ports.flatMap((port, index) =>
      validateServicePort(port, ports.length > 1, names, indexed('spec.ports', index)),
    ),
    ...validateLabels(spec['selector'], 'spec.selector'),
    ...validateAffinity(spec),
    ...validateExternalAddresses(spec, old),
    ...validateType(spec),
    ...validatePortPairs(ports, spec['type'] === 'ClusterIP'),
    ...validateRanges(spec, annotations, old),
    ...validateBalancing(spec),
    ...validateTraffic(spec),
  ];
}

function validateTopology(annotations: Fields): FieldErrors {
  const { [TOPOLOGY_MODE]: mode, [TOPOLOGY_HINTS]: hints } = annotations;
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const detail = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
  return [invalid(keyed('metadata.annotations', TOPOLOGY_MODE), mode, detail)];
}

function validateByType(spec: Fields): FieldErrors {
  const type = asString(spec['type']);
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(spec))
    return [invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`)];
  return type === 'ExternalName' ? validateExternalName(spec) : [];
}

function validateExternalName(spec: Fields): FieldErrors {
  const errors: FieldErrors = [];
  const addressed = asString(spec['clusterIP']) !== '' || asList(spec['clusterIPs']).length > 0;
  for (const [field, isSet] of [
    ['clusterIPs', addressed],
    ['ipFamilies', asList(spec['ipFamilies']).length > 0],
    ['ipFamilyPolicy', !isAbsent(spec['ipFamilyPolicy'])],
  ] as const)
    if (isSet) errors.push(forbidden(`spec.${field}`, 'may not be set for ExternalName services'));
  const name = asString(spec['externalName']).replace(/\.$/, '');
  if (name === '') errors.push(required('spec.externalName'));
  else append(errors, invalidAll('spec.externalName', name, dns1123Subdomain(name)));
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
    append(errors, invalidAll(`${path}.name`, name, dns1123Label(name)));
    if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
    names.add(name);
  }
  const number = asNumber(port['port']) ?? 0;
  append(errors, invalidAll(`${path}.port`, number, portNumber(number)));
  append(errors, validateProtocol(port['protocol'], `${path}.protocol`));
  append(errors, validatePort(port['targetPort'], `${path}.targetPort`));
  const { appProtocol } = port;
  if (!isAbsent(appProtocol))
    append(errors, invalidAll(`${path}.appProtocol`, appProtocol, qualifiedName(asString(appProtocol))));
  return errors;
}

function validateAffinity(spec: Fields): FieldErrors {
  const affinity = asString(spec['sessionAffinity']);
  const path = 'spec.sessionAffinity';
  if (affinity === '') return [required(path)];
  if (!AFFINITIES.includes(affinity)) return [notSupported(path, affinity, AFFINITIES)];
  const config = 'spec.sessionAffinityConfig';
  if (affinity === 'ClientIP') {
    const seconds = asNumber(getPath(spec, 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds'));
    if (seconds === undefined || (seconds > 0 && seconds <= MAX_AFFINITY_SECONDS)) return [];
    const detail = `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`;
    return [invalid(`${config}.clientIP.timeoutSeconds`, seconds, detail)];
  }
  if (isAbsent(spec['sessionAffinityConfig'])) return [];
  return [forbidden(config, 'must not be set when session affinity is None')];
}

function validateExternalAddresses(spec: Fields, old: Fields): FieldErrors {
  const kept = keptTexts(old['externalIPs']);
  return asList(spec['externalIPs']).flatMap((item, index) => {
    const address = asString(item);
    const unreadable = ipAddress(address, kept);
    const complaints = unreadable.length > 0 ? unreadable : endpointIp(address);
    return invalidAll(indexed('spec.externalIPs', index), address, complaints);
  });
}

function validateType(spec: Fields): FieldErrors {
  const type = asString(spec['type']);
  if (type === '') return [required('spec.type')];
  return TYPES.includes(type) ? [] : [notSupported('spec.type', type, TYPES)];
}

function validatePortPairs(ports: readonly Fields[], isClusterIp: boolean): FieldErrors {
  const forbiddenPorts: FieldErrors = [];
  const sameNodePorts: FieldErrors = [];
  const samePorts: FieldErrors = [];
  const pairs = new Set<string>();
  const nodePorts = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const nodePort = asNumber(port['nodePort']) ?? 0;
    const path = indexed('spec.ports', index);
    const protocol = asString(port['protocol']);
    if (nodePort !== 0) {
      const key = `${protocol}/${nodePort}`;
      if (isClusterIp)
        forbiddenPorts.push(forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
      if (nodePorts.has(key)) sameNodePorts.push(duplicate(`${path}.nodePort`, nodePort));
      nodePorts.add(key);
    }
    const number = asNumber(port['port']) ?? 0;
    const key = `${protocol}/${number}`;
    if (pairs.has(key)) samePorts.push(duplicate(path, shownPort(protocol, number)));
    pairs.add(key);
  }
  return [...forbiddenPorts, ...sameNodePorts, ...samePorts];
}

/** As upstream prints its internal type. */
const shownPort = (protocol: string, port: number): unknown => ({
  Name: '',
  Protocol: protocol,
  AppProtocol: null,
  Port: port,
  TargetPort: 0,
  NodePort: 0,
});

/** The field, or else the older annotation. Both tolerate blanks around a block. */
function validateRanges(spec: Fields, annotations: Fields, old: Fields): FieldErrors {
  const ranges = asList(spec['loadBalancerSourceRanges']).map(asString);
  const annotation = annotations[RANGES_ANNOTATION];
  if (ranges.length === 0 && annotation === undefined) return [];
  const isField = ranges.length > 0;
  const path = isField ? 'spec.LoadBalancerSourceRanges' : keyed('metadata.annotations', RANGES_ANNOTATION);
  const errors: FieldErrors = spec['type'] === 'LoadBalancer' ? [] : [forbidden(path, ONLY_BALANCED)];
  const kept = keptTexts(asList(old['loadBalancerSourceRanges']).map((range) => asString(range).trim()));
  const text = asString(annotation).trim();
  const blocks = isField ? ranges : text === '' ? [] : text.split(',');
  for (const [index, range] of blocks.entries()) {
    const block = range.trim();
    append(errors, invalidAll(isField ? indexed(path, index) : path, block, cidrBlock(block, kept)));
  }
  return errors;
}

function validateBalancing(spec: Fields): FieldErrors {
  const { type, loadBalancerClass } = spec;
  const errors: FieldErrors = [];
  const path = 'spec.loadBalancerClass';
  if (type !== 'LoadBalancer') {
    for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'])
      if (!isAbsent(spec[field])) errors.push(forbidden(`spec.${field}`, ONLY_BALANCED));
  } else if (!isAbsent(loadBalancerClass))
    append(errors, invalidAll(path, loadBalancerClass, qualifiedName(asString(loadBalancerClass))));
  return errors;
}

function validateTraffic(spec: Fields): FieldErrors {
  const errors: FieldErrors = [];
  const external = asString(spec['externalTrafficPolicy']);
  const at = 'spec.externalTrafficPolicy';
  if (!isReachable(spec)) {
    if (external !== '')
      errors.push(invalid(at, external, 'may only be set for externally-accessible services'));
  } else if (external === '') errors.push(required(at));
  else if (!TRAFFIC_POLICIES.includes(external)) errors.push(notSupported(at, external, TRAFFIC_POLICIES));
  const port = asNumber(spec['healthCheckNodePort']) ?? 0;
  const portAt = 'spec.healthCheckNodePort';
  if (port !== 0) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    if (needsHealthPort(spec)) append(errors, invalidAll(portAt, port, portNumber(port)));
    else errors.push(invalid(portAt, port, detail));
  }
  for (const [field, values] of [
    ['internalTrafficPolicy', TRAFFIC_POLICIES],
    ['trafficDistribution', TRAFFIC_DISTRIBUTIONS],
  ] as const)
    if (!isAbsent(spec[field]) && !values.includes(asString(spec[field])))
      errors.push(notSupported(`spec.${field}`, spec[field], values));
  return errors;
}

const needsHealthPort = (spec: Fields): boolean =>
  spec['type'] === 'LoadBalancer' && spec['externalTrafficPolicy'] === 'Local';

export function validateServiceUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [spec, old] = [asRecord(next['spec']), asRecord(current['spec'])];
  // The allocator's errors come first: see validateService.
  if (validateClusterAddresses(spec, old).length > 0) return [];
  const errors = validateAddressUpdate(next, current);
  const isBalanced = spec['type'] === 'LoadBalancer' && old['type'] === 'LoadBalancer';
  const className = spec['loadBalancerClass'] ?? null;
  if (isBalanced && !jsonEqual(className, old['loadBalancerClass'] ?? null))
    errors.push(invalid('spec.loadBalancerClass', className, 'may not change once set'));
  if (
    needsHealthPort(spec) &&
    needsHealthPort(old) &&
    spec['healthCheckNodePort'] !== old['healthCheckNodePort']
  )
    errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
  return errors;
}

export function validateServiceStatus(next: KubeObject): FieldErrors {
  const entries = asList(getPath(next, 'status', 'loadBalancer', 'ingress'));
  if (entries.length > 0 && getPath(next, 'spec', 'type') !== 'LoadBalancer')
    return [forbidden('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'")];
  return validateLoadBalancerStatus(next, true);
}
