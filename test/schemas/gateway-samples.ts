/** One valid object of each kind of the Gateway API, in each version. */
import type { KubeObject } from '../../src/schemas/object.ts';

const object = (kind: string, version: string, spec: object, namespace?: string): KubeObject => ({
  apiVersion: `gateway.networking.k8s.io/${version}`,
  kind,
  metadata: { name: 'a', ...(namespace === undefined ? {} : { namespace }) },
  spec,
});

const gateway = {
  gatewayClassName: 'symphony',
  listeners: [
    { name: 'http', port: 80, protocol: 'HTTP' },
    {
      name: 'https',
      port: 443,
      protocol: 'HTTPS',
      hostname: '*.example.com',
      tls: { certificateRefs: [{ name: 'cert' }] },
      allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: { a: 'b' } } } },
    },
  ],
  addresses: [{ value: '192.0.2.1' }],
};
const httpRoute = {
  parentRefs: [{ name: 'a', sectionName: 'http' }],
  hostnames: ['shop.example.com'],
  rules: [
    {
      matches: [{ path: { type: 'Exact', value: '/a' }, headers: [{ name: 'X-Version', value: '2' }] }],
      filters: [
        { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] } },
      ],
      backendRefs: [{ name: 'web', port: 80, weight: 9 }],
      timeouts: { request: '10s', backendRequest: '2s' },
    },
  ],
};
const grpcRoute = {
  parentRefs: [{ name: 'a' }],
  rules: [
    {
      matches: [{ method: { service: 'shop.Cart', method: 'Add' } }],
      backendRefs: [{ name: 'cart', port: 90 }],
    },
  ],
};
const referenceGrant = {
  from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }],
  to: [{ group: '', kind: 'Service' }],
};

export const gatewaySamples: readonly KubeObject[] = [
  ...['v1', 'v1beta1'].flatMap((version) => [
    object('GatewayClass', version, { controllerName: 'symphony.dev/gateway' }),
    object('Gateway', version, gateway, 'testns'),
    object('HTTPRoute', version, httpRoute, 'testns'),
    object('ReferenceGrant', version, referenceGrant, 'testns'),
  ]),
  object('GRPCRoute', 'v1', grpcRoute, 'testns'),
];
