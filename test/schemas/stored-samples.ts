/** One valid object of each kind that has no effect on pods, or none yet. */
import type { KubeObject } from '../../src/schemas/object.ts';

const object = (apiVersion: string, kind: string, rest: object, namespaced = true): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'a', ...(namespaced ? { namespace: 'testns' } : {}) },
  ...rest,
});

export const storedSamples: readonly KubeObject[] = [
  object('v1', 'Endpoints', { subsets: [{ addresses: [{ ip: '10.9.9.2' }], ports: [{ port: 80 }] }] }),
  object('discovery.k8s.io/v1', 'EndpointSlice', {
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: [{ addresses: ['10.9.9.1'], conditions: { ready: false } }],
  }),
  object('v1', 'LimitRange', {
    spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { cpu: '100m' } }] },
  }),
  object('v1', 'ResourceQuota', {
    spec: { hard: { pods: '10', 'count/deployments.apps': '4' }, scopes: ['BestEffort'] },
  }),
  object('scheduling.k8s.io/v1', 'PriorityClass', { value: 100, description: 'important' }, false),
  object('policy/v1', 'PodDisruptionBudget', {
    spec: { minAvailable: '50%', selector: { matchLabels: { app: 'a' } } },
  }),
  object('networking.k8s.io/v1', 'NetworkPolicy', {
    spec: {
      podSelector: {},
      egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 53, protocol: 'UDP' }] }],
    },
  }),
  object('networking.k8s.io/v1', 'Ingress', {
    spec: {
      rules: [
        {
          host: '*.example.com',
          http: {
            paths: [
              { path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  }),
  object('networking.k8s.io/v1', 'IngressClass', { spec: { controller: 'example.com/ic' } }, false),
  object('networking.k8s.io/v1', 'ServiceCIDR', { spec: { cidrs: ['10.98.0.0/16'] } }, false),
  object('node.k8s.io/v1', 'RuntimeClass', { handler: 'runc' }, false),
];

/** Objects that nothing acts on: their writers are told so. */
export const idleSamples: readonly KubeObject[] = [
  object('networking.k8s.io/v1', 'IPAddress', {
    metadata: { name: '10.96.0.9' },
    spec: { parentRef: { resource: 'services', namespace: 'testns', name: 'a' } },
  }),
];
