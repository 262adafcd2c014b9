/** Worlds of policies, by the sentence that says what they are. */
import type { Policy } from './oracle.ts';
import { policy } from './world.ts';

const BOTH = ['Ingress', 'Egress'] as const;
const everyPod = { podSelector: {} };
const a = { podSelector: { matchLabels: { pod: 'a' } } };
const inNamespaces = (...values: readonly string[]) => ({
  namespaceSelector: { matchExpressions: [{ key: 'ns', operator: 'In', values }] },
});

export const POLICIES: Readonly<Record<string, readonly Policy[]>> = {
  'no policy': [],
  'deny all ingress': [policy({ ...everyPod, policyTypes: ['Ingress'] })],
  'deny all egress': [policy({ ...everyPod, policyTypes: ['Egress'] })],
  'deny everything of one pod': [policy({ ...a, policyTypes: BOTH })],
  'deny everything of all namespaces': ['x', 'y', 'z'].map((ns) =>
    policy({ ...everyPod, policyTypes: BOTH }, ns),
  ),
  'an empty rule allows all': [policy({ ...everyPod, ingress: [{}] })],
  'from the same namespace': [policy({ ...everyPod, ingress: [{ from: [everyPod] }] })],
  'from another namespace': [policy({ ...everyPod, ingress: [{ from: [inNamespaces('y')] }] })],
  'from some pods of some namespaces': [
    policy({
      ...everyPod,
      ingress: [{ from: [{ ...inNamespaces('y', 'z'), podSelector: { matchLabels: { pod: 'b' } } }] }],
    }),
  ],
  'from some pods or some namespaces': [
    policy({
      ...everyPod,
      ingress: [{ from: [inNamespaces('y'), { podSelector: { matchLabels: { pod: 'b' } } }] }],
    }),
  ],
  'from namespaces without a label': [
    policy({
      ...everyPod,
      ingress: [
        { from: [{ namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] } }] },
      ],
    }),
  ],
  'from nobody, as the selector matches nobody': [
    policy({ ...everyPod, ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'nobody' } } }] }] }),
  ],
  'one port': [policy({ ...everyPod, ingress: [{ ports: [{ port: 80 }] }] })],
  'one protocol': [policy({ ...everyPod, ingress: [{ ports: [{ protocol: 'UDP' }] }] })],
  'ports and peers of two rules': [
    policy({
      ...everyPod,
      ingress: [
        { from: [inNamespaces('y')], ports: [{ port: 80 }] },
        { from: [inNamespaces('z')], ports: [{ protocol: 'UDP', port: 81 }] },
      ],
    }),
  ],
  'a named port, which is another of each pod': [
    policy({ ...everyPod, ingress: [{ ports: [{ port: 'serve' }] }] }),
  ],
  'a range of ports, and another that overlaps it': [
    policy({
      ...everyPod,
      ingress: [
        {
          ports: [
            { port: 81, endPort: 90 },
            { port: 85, endPort: 99 },
          ],
        },
      ],
    }),
  ],
  'from a block of addresses with exceptions': [
    policy({
      ...everyPod,
      ingress: [
        { from: [{ ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.1.0/24', '10.244.2.30/31'] } }] },
      ],
    }),
  ],
  'from all addresses, and from blocks of IPv6': [
    policy({
      ...everyPod,
      ingress: [
        { from: [{ ipBlock: { cidr: '2001:db8::/32' } }], ports: [{ port: 81 }] },
        { from: [{ ipBlock: { cidr: '::/0' } }, { ipBlock: { cidr: '0.0.0.0/0' } }], ports: [{ port: 80 }] },
      ],
    }),
  ],
  'from clients outside': [
    policy({
      ...everyPod,
      ingress: [{ from: [{ ipBlock: { cidr: '192.168.77.0/24', except: ['192.168.77.11/32'] } }] }],
    }),
  ],
  'egress to a port of another namespace': [
    policy({
      ...everyPod,
      egress: [{ to: [inNamespaces('y')], ports: [{ port: 81 }] }],
      policyTypes: ['Egress'],
    }),
  ],
  'egress to a named port': [
    policy({
      ...everyPod,
      policyTypes: ['Egress'],
      egress: [{ to: [inNamespaces('x', 'y')], ports: [{ port: 'serve' }] }],
    }),
  ],
  'egress to a named port of any pod in a block': [
    policy({
      ...everyPod,
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '10.244.2.0/24' } }], ports: [{ port: 'serve' }] }],
    }),
  ],
  'egress to addresses outside only': [
    policy({
      ...everyPod,
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '192.168.77.0/24' } }] }],
    }),
  ],
  'both directions, each at its pods': [
    policy({ ...everyPod, policyTypes: ['Egress'], egress: [{ to: [inNamespaces('y')] }] }),
    policy({ ...a, policyTypes: ['Ingress'], ingress: [{ from: [inNamespaces('x')] }] }, 'y'),
  ],
  'the union of several': [
    policy({ ...everyPod, policyTypes: BOTH }, 'x', 'deny'),
    policy({ ...a, ingress: [{ from: [inNamespaces('y')] }] }, 'x', 'in'),
    policy(
      { ...a, ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'c' } } }], ports: [{ port: 80 }] }] },
      'x',
      'more',
    ),
    policy({ ...everyPod, egress: [{ to: [everyPod] }], policyTypes: ['Egress'] }, 'x', 'out'),
  ],
  'policyTypes are implied': [policy({ ...everyPod, egress: [{ to: [everyPod] }] })],
};
