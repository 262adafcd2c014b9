import { describe, expect, it } from 'vitest';
import { judgePolicies, type Policy, type PolicyRule } from '../../../src/network/check/judge-policies.ts';
import { aRunningPod } from '../../support/network-check.ts';

const from = aRunningPod('client', 'a', '10.244.0.5', { labels: { role: 'client' }, namespace: 'shop' });
const to = aRunningPod('db', 'b', '10.244.1.5', { namespace: 'data' });
const namespaces = new Map([
  ['shop', { team: 'shop' }],
  ['data', { team: 'data' }],
]);
const policy = (spec: Policy['spec'] & object, namespace = 'data', name = 'p'): Policy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
  spec: { podSelector: {}, ...spec },
});
const ingress = (rules: readonly PolicyRule[] | undefined, port = 8080) =>
  judgePolicies(
    'Ingress',
    { from, to, port },
    { policies: [policy(rules ? { ingress: rules } : {})], namespaces },
  );

describe('policies of the pod that is reached', () => {
  it.each<[string, readonly PolicyRule[] | undefined, boolean]>([
    ['without rules', undefined, false],
    ['with an empty rule', [{}], true],
    ['with pods of its own namespace', [{ from: [{ podSelector: {} }] }], false],
    ['with another namespace', [{ from: [{ namespaceSelector: { matchLabels: { team: 'shop' } } }] }], true],
    [
      'with pods of another namespace',
      [{ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { role: 'client' } } }] }],
      true,
    ],
    [
      'with other pods of that namespace',
      [{ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { role: 'other' } } }] }],
      false,
    ],
    ['with a block', [{ from: [{ ipBlock: { cidr: '10.244.0.0/16' } }] }], true],
    [
      'with a block except it',
      [{ from: [{ ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.0.0/24'] } }] }],
      false,
    ],
    ['with its port', [{ ports: [{ port: 8080 }] }], true],
    ['with a range of ports', [{ ports: [{ port: 8000, endPort: 8100 }] }], true],
    ['with a named port', [{ ports: [{ port: 'http' }] }], true],
    ['with another name', [{ ports: [{ port: 'admin' }] }], false],
    ['with another port', [{ ports: [{ port: 81 }] }], false],
    ['with another protocol', [{ ports: [{ protocol: 'UDP', port: 8080 }] }], false],
    ['with one rule of two', [{ ports: [{ port: 81 }] }, { ports: [{ port: 8080 }] }], true],
  ])('%s', (_what, rules, allowed) => {
    expect(ingress(rules)).toEqual({ allowed, policies: ['data/p'] });
  });

  it('count together, and only for the pods that they select', () => {
    const judge = (policies: readonly Policy[]) =>
      judgePolicies('Ingress', { from, to, port: 8080 }, { policies, namespaces });
    const deny = policy({});
    expect(judge([deny, policy({ ingress: [{}] }, 'data', 'q')])).toEqual({
      allowed: true,
      policies: ['data/p', 'data/q'],
    });
    expect(judge([policy({}, 'shop'), policy({ podSelector: { matchLabels: { app: 'x' } } })])).toEqual({
      allowed: true,
      policies: [],
    });
  });
});

describe('policies of the pod that reaches out', () => {
  const egress = (spec: Policy['spec'] & object, port = 8080) =>
    judgePolicies('Egress', { from, to, port }, { policies: [policy(spec, 'shop')], namespaces }).allowed;
  it('count where they are of that type, said or not', () => {
    expect(egress({ ingress: [] })).toBe(true);
    expect(egress({ egress: [] })).toBe(false);
    expect(egress({ policyTypes: ['Egress'] })).toBe(false);
    expect(egress({ policyTypes: ['Ingress'], egress: [] })).toBe(true);
    expect(egress({ egress: [{ to: [{ namespaceSelector: { matchLabels: { team: 'data' } } }] }] })).toBe(
      true,
    );
    expect(egress({ egress: [{ to: [{ podSelector: {} }] }] })).toBe(false);
    // A named port is one of the pod that is reached.
    expect(egress({ egress: [{ ports: [{ port: 'http' }] }] })).toBe(true);
  });

  it('do not count for a pod with the network of its node', () => {
    const host = aRunningPod('host', 'a', '192.0.2.1', { namespace: 'shop', hostNetwork: true });
    const view = {
      policies: [
        policy({ egress: [] }, 'shop'),
        policy({ ingress: [{ from: [{ namespaceSelector: {} }] }] }),
      ],
      namespaces,
    };
    expect(judgePolicies('Egress', { from: host, to, port: 80 }, view).allowed).toBe(true);
    expect(judgePolicies('Ingress', { from: host, to, port: 80 }, view).allowed).toBe(false);
  });
});
