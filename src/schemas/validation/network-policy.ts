/** NetworkPolicies. */
import { asList, asNumber, asRecord, asRecords, asString, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { cidrBlock } from './addresses.ts';
import { validateLabelSelector } from './label-selector.ts';
import { portName, portNumber } from './names.ts';
import {
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';

type Fields = Readonly<Record<string, unknown>>;

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const TYPES = ['Ingress', 'Egress'];

export function validateNetworkPolicy(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const errors = validateLabelSelector(spec['podSelector'], 'spec.podSelector');
  for (const [list, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [index, rule] of asRecords(spec[list]).entries()) {
      const path = `spec.${list}[${index}]`;
      for (const [at, port] of asRecords(rule['ports']).entries())
        errors.push(...validatePort(port, `${path}.ports[${at}]`));
      for (const [at, peer] of asRecords(rule[peers]).entries())
        errors.push(...validatePeer(peer, `${path}.${peers}[${at}]`));
    }
  }
  const types = asList(spec['policyTypes']);
  if (types.length > TYPES.length)
    return [...errors, invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  for (const [index, type] of types.entries())
    if (!TYPES.includes(asString(type)))
      errors.push(notSupported(indexed('spec.policyTypes', index), type, TYPES));
  return errors;
}

function validatePort({ port, endPort, protocol }: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (!isAbsent(protocol) && !PROTOCOLS.includes(asString(protocol)))
    errors.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
  if (isAbsent(port)) {
    if (!isAbsent(endPort)) errors.push(required(`${path}.port`, 'must be specified with `endPort`'));
    return errors;
  }
  if (typeof port !== 'number') {
    errors.push(...invalidAll(`${path}.port`, port, portName(asString(port))));
    if (!isAbsent(endPort)) errors.push(invalid(`${path}.port`, port, 'must be a number with `endPort`'));
    return errors;
  }
  errors.push(...invalidAll(`${path}.port`, port, portNumber(port)));
  if (isAbsent(endPort)) return errors;
  if ((asNumber(endPort) ?? 0) < port)
    errors.push(invalid(`${path}.endPort`, port, 'must be greater than or equal to `port`'));
  else errors.push(...invalidAll(`${path}.endPort`, endPort, portNumber(endPort)));
  return errors;
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (!isAbsent(podSelector)) errors.push(...validateLabelSelector(podSelector, `${path}.podSelector`));
  if (!isAbsent(namespaceSelector))
    errors.push(...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`));
  const selects = !isAbsent(podSelector) || !isAbsent(namespaceSelector);
  if (isAbsent(ipBlock)) return selects ? errors : [required(path, 'must specify a peer')];
  const { cidr, except } = asRecord(ipBlock);
  const at = `${path}.ipBlock`;
  if (asString(cidr) === '') errors.push(required(`${at}.cidr`));
  else errors.push(...invalidAll(`${at}.cidr`, cidr, cidrBlock(asString(cidr))));
  for (const [index, block] of asList(except).entries())
    errors.push(...invalidAll(indexed(`${at}.except`, index), block, cidrBlock(asString(block))));
  if (selects) errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  return errors;
}
