import { describe, expect, it } from 'vitest';
import { judgeReferences } from '../../../src/schemas/gateway/attach-routes.ts';
import { commonHostnames } from '../../../src/schemas/gateway/hostnames.ts';
import { mayRefer } from '../../../src/schemas/gateway/references.ts';
import { resolveGateway } from '../../../src/schemas/gateway/resolve-gateway.ts';
import type { Gateway, ReferenceGrant, Route, Surroundings } from '../../../src/schemas/gateway/types.ts';

describe('the hosts of a route at a listener', () => {
  it.each([
    [undefined, undefined, []],
    [undefined, ['a.b'], ['a.b']],
    ['a.b', undefined, ['a.b']],
    ['a.b', ['a.b', 'c.d'], ['a.b']],
    ['*.b', ['a.b', 'x.a.b', 'b', 'ab'], ['a.b', 'x.a.b']],
    ['a.b', ['*.b'], ['a.b']],
    ['*.b', ['*.a.b', '*.b'], ['*.a.b', '*.b']],
    ['*.a.b', ['*.b'], ['*.a.b']],
    ['a.b', ['c.d', '*.a.b'], undefined],
  ])('%s and %j: %j', (listener, route, hostnames) => {
    expect(commonHostnames(listener, route)).toEqual(hostnames);
  });
});

const grant = (to: object): ReferenceGrant => ({
  apiVersion: 'gateway.networking.k8s.io/v1beta1',
  kind: 'ReferenceGrant',
  metadata: { name: 'g', namespace: 'b' },
  spec: {
    from: [{ group: 'x', kind: 'K', namespace: 'a' }],
    to: [{ group: '', kind: 'Service', ...to }],
  },
});

it('a reference into another namespace needs a grant there, for its kinds and its name', () => {
  const from = { group: 'x', kind: 'K', namespace: 'a' };
  const to = { group: '', kind: 'Service', namespace: 'b', name: 's' };
  expect(mayRefer([], from, { ...to, namespace: 'a' })).toBe(true);
  expect(mayRefer([], from, to)).toBe(false);
  expect(mayRefer([grant({})], from, to)).toBe(true);
  expect(mayRefer([grant({ name: 'other' })], from, to)).toBe(false);
  expect(mayRefer([grant({})], { ...from, namespace: 'c' }, to)).toBe(false);
  expect(mayRefer([grant({})], from, { ...to, kind: 'Secret' })).toBe(false);
  expect(mayRefer([grant({})], from, { ...to, namespace: 'c' })).toBe(false);
});

const surroundings: Surroundings = {
  rivals: new Map(),
  grants: [],
  labelsOf: () => ({}),
  hasPort: (_namespace, name, port) => (name === 'web' ? port === 80 : undefined),
  certificateTrouble: (_namespace, name) => (name === 'good' ? undefined : 'it does not exist'),
  supportsFilter: () => true,
};
const gateway: Gateway = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'g', namespace: 'a' },
  spec: {
    gatewayClassName: 'symphony',
    listeners: [
      { name: 'http', port: 80, protocol: 'HTTP' },
      {
        name: 'https',
        port: 443,
        protocol: 'HTTPS',
        hostname: '*.b',
        tls: { certificateRefs: [{ name: 'bad' }, { name: 'good' }] },
      },
    ],
  },
};
const aRoute = (name: string, creationTimestamp: string, spec: Route['spec'] = {}): Route => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'a', creationTimestamp },
  spec: { parentRefs: [{ name: 'g' }], ...spec },
});

describe('what a proxy is rendered from', () => {
  it('has older routes first, and every backend with its share', () => {
    const backendRefs = [
      { name: 'web', port: 80, weight: 9 },
      { name: 'gone', port: 80 },
      { name: 'web', port: 81 },
    ];
    const routes = [
      aRoute('young', '2026-02-01T00:00:00Z'),
      aRoute('old', '2026-01-01T00:00:00Z', { hostnames: ['x.b'], rules: [{ backendRefs }] }),
    ];
    const { listeners } = resolveGateway(gateway, routes, surroundings);
    expect(
      listeners.map(({ routes: own }) => own.map(({ route, hostnames }) => [route.metadata.name, hostnames])),
    ).toEqual([
      [
        ['old', ['x.b']],
        ['young', []],
      ],
      [
        ['old', ['x.b']],
        ['young', ['*.b']],
      ],
    ]);
    expect(listeners[0]?.routes[0]?.rules[0]?.backends).toEqual([
      { weight: 9, filters: [], service: { namespace: 'a', name: 'web', port: 80 } },
      { weight: 1, filters: [], service: undefined },
      { weight: 1, filters: [], service: undefined },
    ]);
    expect(routes.map((route) => judgeReferences(route, surroundings).message)).toEqual([
      'All references are resolved',
      'There is no Service a/gone',
    ]);
  });

  it('has the certificates that can be used, and says which cannot', () => {
    const [, https] = resolveGateway(gateway, [], surroundings).listeners;
    expect(https).toMatchObject({ isUsable: true, certificates: [{ namespace: 'a', name: 'good' }] });
    expect(https?.conditions[2]).toMatchObject({
      reason: 'InvalidCertificateRef',
      message: 'Secret a/bad: it does not exist',
    });
  });

  it('counts a route once that comes by two of its references', () => {
    const parentRefs = [
      { name: 'g', sectionName: 'http' },
      { name: 'g', sectionName: 'http', port: 80 },
    ];
    const { listeners } = resolveGateway(gateway, [aRoute('r', '', { parentRefs })], surroundings);
    expect(listeners.map(({ attachedRoutes }) => attachedRoutes)).toEqual([1, 0]);
  });
});
