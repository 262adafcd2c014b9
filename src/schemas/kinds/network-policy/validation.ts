/** NetworkPolicies. */
import { holdsBlock, parseBlock } from '../../values/ip-address.ts';
import { asList, asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { cidrBlock, type KeptTexts, keptTexts } from '../../validation/addresses.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { portName, portNumber } from '../../validation/names.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
} from '../../validation/report.ts';
import { optionalWord } from '../../validation/texts.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const TYPES = ['Ingress', 'Egress'];

const DIRECTIONS = [
  ['ingress', 'from'],
  ['egress', 'to'],
] as const;

export function validateNetworkPolicy(object: KubeObject, current?: KubeObject): FieldErrors {
  const kept = keptTexts(blocksOf(current));
  const spec = asRecord(object['spec']);
  const errors = validateLabelSelector(spec['podSelector'], 'spec.podSelector');
  for (const [list, peers] of DIRECTIONS) {
    for (const [index, rule] of asRecords(spec[list]).entries()) {
      const path = `spec.${list}[${index}]`;
      for (const [at, port] of asRecords(rule['ports']).entries())
        append(errors, validatePort(port, `${path}.ports[${at}]`));
      for (const [at, peer] of asRecords(rule[peers]).entries())
        append(errors, validatePeer(peer, `${path}.${peers}[${at}]`, kept));
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
  const errors = optionalWord(protocol, `${path}.protocol`, PROTOCOLS);
  const complain = (why: string): void => {
    if (!isAbsent(endPort))
      errors.push(invalid(`${path}.endPort`, endPort, `may not be specified when \`port\` is ${why}`));
  };
  if (isAbsent(port)) {
    complain('not specified');
    return errors;
  }
  if (typeof port !== 'number') {
    complain('non-numeric');
    return [...errors, ...invalidAll(`${path}.port`, port, portName(asString(port)))];
  }
  append(errors, invalidAll(`${path}.port`, port, portNumber(port)));
  if (isAbsent(endPort)) return errors;
  if ((asNumber(endPort) ?? 0) < port)
    errors.push(invalid(`${path}.endPort`, port, 'must be greater than or equal to `port`'));
  return [...errors, ...invalidAll(`${path}.endPort`, endPort, portNumber(endPort))];
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: Fields,
  path: string,
  kept: KeptTexts,
): FieldErrors {
  const errors: FieldErrors = [];
  if (!isAbsent(podSelector)) append(errors, validateLabelSelector(podSelector, `${path}.podSelector`));
  if (!isAbsent(namespaceSelector))
    append(errors, validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`));
  const selects = !isAbsent(podSelector) || !isAbsent(namespaceSelector);
  if (isAbsent(ipBlock)) return selects ? errors : [required(path, 'must specify a peer')];
  append(errors, validateIpBlock(asRecord(ipBlock), `${path}.ipBlock`, kept));
  if (selects) errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  return errors;
}

function validateIpBlock({ cidr, except }: Fields, path: string, kept: KeptTexts): FieldErrors {
  const text = asString(cidr);
  if (text === '') return [required(`${path}.cidr`)];
  const errors = invalidAll(`${path}.cidr`, text, cidrBlock(text, kept));
  const outer = parseBlock(text, 'sloppy');
  if (!outer) return errors;
  for (const [index, item] of asList(except).entries()) {
    const at = indexed(`${path}.except`, index);
    const exception = asString(item);
    append(errors, invalidAll(at, exception, cidrBlock(exception, kept)));
    const inner = parseBlock(exception, 'sloppy');
    if (inner && !(outer.prefix < inner.prefix && holdsBlock(outer, inner)))
      errors.push(invalid(at, exception, 'must be a strict subset of `cidr`'));
  }
  return errors;
}

/** The blocks that a policy names. */
const blocksOf = (object: KubeObject | undefined): readonly unknown[] =>
  DIRECTIONS.flatMap(([list, peers]) =>
    asRecords(asRecord(object?.['spec'])[list]).flatMap((rule) =>
      asRecords(rule[peers]).flatMap(({ ipBlock }) => {
        const { cidr, except } = asRecord(ipBlock);
        return [cidr, ...asList(except)];
      }),
    ),
  );
