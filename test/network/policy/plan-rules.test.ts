import { describe, expect, it } from 'vitest';
import { noSets, planRules } from '../../../src/network/policy/plan-rules.ts';
import { policyPodOf } from '../../../src/network/policy/policy-pod.ts';
import { addressGroupName } from '../../../src/schemas/address-groups.ts';
import { aPod } from '../../support/builders.ts';
import { stored } from '../../support/network-policies/groups.ts';
import { policy } from '../../support/network-policies/world.ts';

const SAME = `group-${addressGroupName({ namespace: 'x' })}`;
const ALL = `group-${addressGroupName({ namespaceSelector: {} })}`;
const block = (cidr: string, ...except: readonly string[]) => ({ ipBlock: { cidr, except } });

describe('the rules of a policy', () => {
  it.each<[string, object, readonly string[]]>([
    ['no peers and no ports allow all', {}, ['accept']],
    ['empty lists, too', { from: [], ports: [] }, ['accept']],
    ['a group', { from: [{ podSelector: {} }] }, [`ip saddr @${SAME} accept`]],
    [
      'the same peer twice',
      { from: [{ podSelector: {} }, { podSelector: {} }] },
      [`ip saddr @${SAME} accept`],
    ],
    [
      'blocks that overlap, with holes',
      { from: [block('10.0.0.0/30', '10.0.0.2/32'), block('10.0.0.4/30')] },
      ['ip saddr { 10.0.0.0-10.0.0.1, 10.0.0.3-10.0.0.7 } accept'],
    ],
    ['a block without a rest', { from: [block('10.0.0.0/31', '10.0.0.0/32', '10.0.0.1/32')] }, []],
    ['every address', { from: [block('0.0.0.0/0')], ports: [{ port: 80 }] }, ['tcp dport { 80 } accept']],
    ['only IPv6', { from: [block('::/0')] }, []],
    [
      'ports that overlap',
      { ports: [{ port: 80, endPort: 90 }, { port: 85 }] },
      ['tcp dport { 80-90 } accept'],
    ],
    ['a protocol', { ports: [{ protocol: 'SCTP' }] }, ['meta l4proto sctp accept']],
    ['a name', { ports: [{ port: 'http' }] }, ['ip daddr . tcp dport @port-tcp-http accept']],
    ['what the API would refuse', { from: [{}, block('no address')], ports: [{ port: 80 }] }, []],
    [
      'ports that the API would refuse',
      { ports: [{ port: 70_000 }, { port: 9, endPort: 8 }, { port: 'a b' }] },
      [],
    ],
    ['a protocol that does not exist', { ports: [{ protocol: 'tcp; flush ruleset' }] }, []],
    [
      'an operator that does not exist',
      { from: [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'Gt' }] } }] },
      [],
    ],
  ])('ingress: %s', (_, rule, expected) => {
    expect(planRules(stored(policy({ ingress: [rule] })), 'ingress', noSets())).toEqual(expected);
  });

  it.each<[string, object, readonly string[]]>([
    [
      'of a group',
      { to: [{ podSelector: {} }], ports: [{ port: 'http' }] },
      [`ip daddr . tcp dport @${SAME}-tcp-http accept`],
    ],
    [
      'of any pod',
      { ports: [{ port: 'http', protocol: 'UDP' }] },
      [`ip daddr . udp dport @${ALL}-udp-http accept`],
    ],
    [
      'of any pod in a block',
      { to: [block('10.0.0.0/8')], ports: [{ port: 'http' }] },
      [`ip daddr { 10.0.0.0-10.255.255.255 } ip daddr . tcp dport @${ALL}-tcp-http accept`],
    ],
  ])('egress: a named port %s', (_, rule, expected) => {
    expect(planRules(stored(policy({ egress: [rule] })), 'egress', noSets())).toEqual(expected);
  });
});

it('a pod has the ports of its containers and of its sidecars', () => {
  const ports = [
    { name: 'http', containerPort: 80, hostPort: 8080, hostIP: '0.0.0.0' },
    { containerPort: 53, protocol: 'UDP' as const, hostPort: 53, hostIP: '192.0.2.1' },
  ];
  const initContainers = [
    { name: 'once', ports: [{ name: 'never', containerPort: 1 }] },
    { name: 'sidecar', restartPolicy: 'Always' as const, ports: [{ name: 'metrics', containerPort: 90 }] },
  ];
  const pod = aPod({ spec: { containers: [{ name: 'c', ports }], initContainers } });
  expect(policyPodOf(pod, '10.244.1.2')).toMatchObject({
    ports: [
      { name: 'http', protocol: 'TCP', port: 80 },
      { name: 'metrics', protocol: 'TCP', port: 90 },
    ],
    published: [
      { protocol: 'TCP', hostIp: '', hostPort: 8080, port: 80 },
      { protocol: 'UDP', hostIp: '192.0.2.1', hostPort: 53, port: 53 },
    ],
  });
});
