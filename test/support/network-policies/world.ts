/**
 * Pods a, b and c in the namespaces x, y and z, as in Kubernetes' own tests of network policies, on
 * two hosts; and policies at random.
 */
import fc from 'fast-check';
import type { LabelSelector, Peer, Policy, PolicyPort, PolicySpec, WorldPod } from './oracle.ts';

export const NAMES = ['a', 'b', 'c'] as const;
export const NAMESPACES = { x: { ns: 'x' }, y: { ns: 'y' }, z: { ns: 'z', team: 'ops' } } as const;
export const PORTS = [80, 81] as const;
export const PROTOCOLS = ['TCP', 'UDP'] as const;

/** The pods c call another port `serve` than the others do. */
export const PODS: readonly WorldPod[] = Object.keys(NAMESPACES).flatMap((namespace, index) =>
  NAMES.map((name, at) => {
    const host = (index + at) % 2 === 0 ? 'h1' : 'h2';
    return {
      namespace,
      name,
      labels: { pod: name, ...(name === 'b' ? { tier: 'back' } : {}) },
      host,
      address: `10.244.${host === 'h1' ? 1 : 2}.${10 * (index + 1) + at}`,
      ports: PROTOCOLS.map((protocol) => ({ name: 'serve', protocol, port: name === 'c' ? 81 : 80 })),
    };
  }),
);

/** The port 80 of each pod is published at this port of its host. */
export const publishedPort = (pod: WorldPod): number => 8_000 + PODS.indexOf(pod);

export const policy = (spec: PolicySpec, namespace = 'x', name = 'one'): Policy => ({
  metadata: { namespace, name },
  spec,
});

const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  fc.constant({}),
  fc.record({
    matchLabels: fc.dictionary(fc.constantFrom('pod', 'ns'), fc.constantFrom('a', 'b', 'x', 'y')),
  }),
  fc.record({
    matchExpressions: fc.array(
      fc.oneof(
        fc.record({
          key: fc.constantFrom('pod', 'ns', 'tier'),
          operator: fc.constantFrom('In', 'NotIn'),
          values: fc.array(fc.constantFrom('a', 'b', 'x', 'y', 'back'), { minLength: 1, maxLength: 2 }),
        }),
        fc.record({
          key: fc.constantFrom('tier', 'team'),
          operator: fc.constantFrom('Exists', 'DoesNotExist'),
        }),
      ),
      { maxLength: 2 },
    ),
  }),
);

const block = fc.record(
  {
    cidr: fc.constantFrom('0.0.0.0/0', '10.244.0.0/16', '10.244.1.0/24', '192.168.77.0/24', '2001:db8::/32'),
    except: fc.array(
      fc.constantFrom('10.244.1.0/28', '10.244.2.16/28', '10.244.1.21/32', '192.168.77.1/32'),
      {
        maxLength: 3,
      },
    ),
  },
  { requiredKeys: ['cidr'] },
);

const peer: fc.Arbitrary<Peer> = fc.oneof(
  fc.record({ ipBlock: block }),
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: selector }),
  fc.record({ podSelector: selector, namespaceSelector: selector }),
);

const protocol = { protocol: fc.constantFrom(...PROTOCOLS, 'SCTP') };
const port: fc.Arbitrary<PolicyPort> = fc.oneof(
  fc.record({ ...protocol, port: fc.constantFrom(...PORTS) }, { requiredKeys: ['port'] }),
  fc.record({ ...protocol, port: fc.constantFrom(1, 80), endPort: fc.constantFrom(80, 90) }),
  fc.record({ ...protocol, port: fc.constantFrom('serve', 'nothing') }),
  fc.record(protocol),
);

const peers = fc.array(peer, { maxLength: 3 });
const ports = fc.array(port, { maxLength: 3 });

export const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  metadata: fc.record({
    namespace: fc.constantFrom('x', 'y', 'z'),
    name: fc.constantFrom('p', 'q', 'r'),
  }),
  spec: fc.record(
    {
      podSelector: selector,
      policyTypes: fc.constantFrom(['Ingress'] as const, ['Egress'] as const, ['Ingress', 'Egress'] as const),
      ingress: fc.array(fc.record({ from: peers, ports }, { requiredKeys: [] }), { maxLength: 2 }),
      egress: fc.array(fc.record({ to: peers, ports }, { requiredKeys: [] }), { maxLength: 2 }),
    },
    { requiredKeys: ['podSelector'] },
  ),
});

/** Names are unique. */
export const anyPolicies: fc.Arbitrary<readonly Policy[]> = fc.uniqueArray(anyPolicy, {
  maxLength: 4,
  selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
});
