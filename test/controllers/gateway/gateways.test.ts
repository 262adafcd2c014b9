/** Gateways and their routes, with all controllers on simulated time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Judgement } from '../../../src/schemas/gateway/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
  for (const [name, labels] of [
    ['infra', {}],
    ['shop', { team: 'blue' }],
  ] as const)
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  await create('GatewayClass', 'symphony', { controllerName: 'symphony.dev/gateway' });
  await cluster.objects.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
});
afterEach(() => cluster[Symbol.asyncDispose]());

const GROUP = 'gateway.networking.k8s.io';
const PLURALS: Readonly<Record<string, string>> = {
  GatewayClass: 'gatewayclasses',
  Gateway: 'gateways',
  HTTPRoute: 'httproutes',
  ReferenceGrant: 'referencegrants',
};
const kindOf = (kind: string) =>
  cluster.context.registry.byKind(`${GROUP}/${kind === 'ReferenceGrant' ? 'v1beta1' : 'v1'}`, kind)!;

async function create(kind: string, name: string, spec: object, namespace?: string): Promise<void> {
  const { version, withDefaults } = kindOf(kind);
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  await cluster.objects.create(withDefaults({ apiVersion: `${GROUP}/${version}`, kind, metadata, spec }));
}
const remove = (kind: string, key: string): Promise<KubeObject> => cluster.objects.delete(kindOf(kind), key);
const rest = (): Promise<void> => cluster.clock.advance(2000);

interface Status {
  readonly conditions: readonly Judgement[];
  readonly listeners: readonly { name: string; attachedRoutes: number; conditions: readonly Judgement[] }[];
  readonly parents: readonly { controllerName: string; conditions: readonly Judgement[] }[];
}
const statusOf = async (kind: string, key: string): Promise<Status> =>
  (await cluster.store.get(`${PLURALS[kind]}.${GROUP}`, key))?.['status'] as Status;
const short = (conditions: readonly Judgement[] | undefined): readonly string[] =>
  (conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
const gateway = (listeners: readonly object[], name = 'public'): Promise<void> =>
  create('Gateway', name, { gatewayClassName: 'symphony', listeners }, 'infra');
const http = (more: object = {}): object => ({ name: 'http', port: 80, protocol: 'HTTP', ...more });
const fromAll = { allowedRoutes: { namespaces: { from: 'All' } } };
const route = (spec: object, namespace = 'shop'): Promise<void> =>
  create(
    'HTTPRoute',
    'web',
    {
      parentRefs: [{ name: 'public', namespace: 'infra' }],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
      ...spec,
    },
    namespace,
  );
const routeConditions = async (key = 'shop/web'): Promise<readonly string[]> =>
  short((await statusOf('HTTPRoute', key))?.parents?.[0]?.conditions);
const listenerConditions = async (): Promise<readonly (readonly string[])[]> =>
  (await statusOf('Gateway', 'infra/public')).listeners.map(({ conditions }) => short(conditions));

const GOOD = ['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs'];
const refusedFor = (reason: string): readonly string[] => [`Accepted=False ${reason}`, GOOD[1]!];

describe('a Gateway of our class', () => {
  it('is accepted with its class, and says that there is no node to serve it', async () => {
    await gateway([http()]);
    await rest();
    expect(short((await statusOf('GatewayClass', 'symphony')).conditions)).toEqual([
      'Accepted=True Accepted',
    ]);
    expect(short((await statusOf('Gateway', 'infra/public')).conditions)).toEqual([
      'Accepted=True Accepted',
      'Programmed=False NoResources',
    ]);
    expect((await statusOf('Gateway', 'infra/public')).listeners).toMatchObject([
      {
        name: 'http',
        attachedRoutes: 0,
        supportedKinds: [
          { group: GROUP, kind: 'HTTPRoute' },
          { group: GROUP, kind: 'GRPCRoute' },
        ],
      },
    ]);
    const before = await cluster.store.get(`gateways.${GROUP}`, 'infra/public');
    await cluster.clock.advance(600_000);
    expect(await cluster.store.get(`gateways.${GROUP}`, 'infra/public')).toEqual(before);
  });

  const aNode = (name: string, gateways: string): Promise<unknown> =>
    cluster.objects.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        labels: { 'symphony.dev/ingress': 'true' },
        annotations: { 'symphony.dev/gateways': gateways },
      },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      },
    });

  it('is programmed once a node serves it, and says which port no node can have', async () => {
    await gateway([http(), http({ name: 'other', port: 8080 })]);
    await rest();
    const { uid, generation } = (await cluster.store.get(`gateways.${GROUP}`, 'infra/public'))!.metadata;
    await aNode(
      'n1',
      JSON.stringify({
        served: { [uid ?? '']: generation },
        refused: { 8080: 'nginx listens on port 8080' },
      }),
    );
    await rest();
    expect(await cluster.store.get(`gateways.${GROUP}`, 'infra/public')).toMatchObject({
      status: { addresses: [{ type: 'IPAddress', value: '10.0.0.1' }] },
    });
    expect(short((await statusOf('Gateway', 'infra/public')).conditions)).toEqual([
      'Accepted=True Accepted',
      'Programmed=True Programmed',
    ]);
    const [, other] = (await statusOf('Gateway', 'infra/public')).listeners;
    expect(other?.conditions[0]).toMatchObject({
      reason: 'PortUnavailable',
      message: 'Port 8080: node n1: nginx listens on port 8080',
    });
  });

  it('keeps its port and hostname from a younger one, which gets them when it goes', async () => {
    await gateway([http()]);
    await cluster.clock.advance(1000);
    await gateway([http()], 'younger');
    await rest();
    const younger = async (): Promise<string | undefined> =>
      short((await statusOf('Gateway', 'infra/younger')).listeners[0]?.conditions)[1];
    expect(await younger()).toBe('Conflicted=True HostnameConflict');
    await remove('Gateway', 'infra/public');
    await rest();
    expect(await younger()).toBe('Conflicted=False NoConflicts');
  });

  it('loses its status with its class', async () => {
    await gateway([http()]);
    await rest();
    await remove('GatewayClass', 'symphony');
    await rest();
    expect(short((await statusOf('Gateway', 'infra/public')).conditions)).toEqual([
      'Accepted=Unknown Pending',
      'Programmed=Unknown Pending',
    ]);
  });

  it('leaves Gateways of other classes alone', async () => {
    await create('GatewayClass', 'other', { controllerName: 'example.com/other' });
    await create('Gateway', 'theirs', { gatewayClassName: 'other', listeners: [http()] }, 'infra');
    await route({ parentRefs: [{ name: 'theirs', namespace: 'infra' }] });
    await rest();
    expect(await statusOf('GatewayClass', 'other')).toBeUndefined();
    expect(await statusOf('Gateway', 'infra/theirs')).toBeUndefined();
    expect(await statusOf('HTTPRoute', 'shop/web')).toBeUndefined();
  });

  it('names the listeners that take no traffic, and keeps the others', async () => {
    await gateway([
      http(),
      { name: 'tcp', port: 81, protocol: 'TCP' },
      { name: 'a', port: 82, protocol: 'HTTP' },
      { name: 'b', port: 82, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'cert' }] } },
      {
        name: 'c',
        port: 443,
        protocol: 'HTTPS',
        tls: { certificateRefs: [{ name: 'cert', namespace: 'shop' }] },
      },
      http({ name: 'd', port: 83, allowedRoutes: { kinds: [{ kind: 'TCPRoute' }] } }),
    ]);
    await rest();
    const none = 'Conflicted=False NoConflicts';
    const invalid = 'Programmed=False Invalid';
    expect(await listenerConditions()).toEqual([
      ['Accepted=True Accepted', none, 'ResolvedRefs=True ResolvedRefs', 'Programmed=False NoResources'],
      ['Accepted=False UnsupportedProtocol', none, 'ResolvedRefs=True ResolvedRefs', invalid],
      [
        'Accepted=False ProtocolConflict',
        'Conflicted=True ProtocolConflict',
        'ResolvedRefs=True ResolvedRefs',
        invalid,
      ],
      [
        'Accepted=False ProtocolConflict',
        'Conflicted=True ProtocolConflict',
        'ResolvedRefs=False InvalidCertificateRef',
        invalid,
      ],
      ['Accepted=True Accepted', none, 'ResolvedRefs=False RefNotPermitted', invalid],
      ['Accepted=True Accepted', none, 'ResolvedRefs=False InvalidRouteKinds', invalid],
    ]);
    const { conditions } = await statusOf('Gateway', 'infra/public');
    expect(conditions[0]).toMatchObject({
      status: 'True',
      reason: 'ListenersNotValid',
      message: 'These listeners take no traffic: tcp, a, b, c, d',
    });
  });
});

describe('a route', () => {
  it('attaches to the listeners that allow it, and is counted there', async () => {
    await gateway([http(), http({ name: 'open', port: 8080, ...fromAll })]);
    await route({});
    await rest();
    expect(await routeConditions()).toEqual(GOOD);
    const { listeners } = await statusOf('Gateway', 'infra/public');
    expect(listeners.map(({ attachedRoutes }) => attachedRoutes)).toEqual([0, 1]);
    await remove('HTTPRoute', 'shop/web');
    await rest();
    expect((await statusOf('Gateway', 'infra/public')).listeners[1]?.attachedRoutes).toBe(0);
  });

  it.each([
    [
      'NoMatchingParent',
      { parentRefs: [{ name: 'public', namespace: 'infra', sectionName: 'none' }] },
      fromAll,
    ],
    ['NoMatchingParent', { parentRefs: [{ name: 'public', namespace: 'infra', port: 81 }] }, fromAll],
    ['NotAllowedByListeners', {}, {}],
    [
      'NotAllowedByListeners',
      {},
      { allowedRoutes: { ...fromAll.allowedRoutes, kinds: [{ kind: 'GRPCRoute' }] } },
    ],
    ['NoMatchingListenerHostname', { hostnames: ['a.org'] }, { ...fromAll, hostname: '*.example.com' }],
    [
      'UnsupportedValue',
      {
        rules: [{ filters: [{ type: 'ExtensionRef', extensionRef: { group: 'a', kind: 'B', name: 'c' } }] }],
      },
      fromAll,
    ],
  ])('is not accepted: %s', async (reason, spec, listener) => {
    await gateway([http(listener)]);
    await route(spec);
    await rest();
    expect(await routeConditions()).toEqual(refusedFor(reason));
  });

  it('follows the labels of its namespace', async () => {
    const selector = { matchLabels: { team: 'red' } };
    await gateway([http({ allowedRoutes: { namespaces: { from: 'Selector', selector } } })]);
    await route({});
    await rest();
    expect(await routeConditions()).toEqual(refusedFor('NotAllowedByListeners'));
    const namespace = (await cluster.store.get('namespaces', 'shop'))!;
    await cluster.objects.update({
      ...namespace,
      metadata: { ...namespace.metadata, labels: { team: 'red' } },
    });
    await rest();
    expect(await routeConditions()).toEqual(GOOD);
  });

  it('waits for its Service, and for the grant of another namespace', async () => {
    await gateway([http(fromAll)]);
    await route({ rules: [{ backendRefs: [{ name: 'web', namespace: 'shop', port: 80 }] }] }, 'infra');
    await rest();
    expect(await routeConditions('infra/web')).toEqual([GOOD[0], 'ResolvedRefs=False RefNotPermitted']);
    const from = [{ group: GROUP, kind: 'HTTPRoute', namespace: 'infra' }];
    await create(
      'ReferenceGrant',
      'web',
      { from, to: [{ group: '', kind: 'Service', name: 'web' }] },
      'shop',
    );
    await rest();
    expect(await routeConditions('infra/web')).toEqual(GOOD);
    await cluster.objects.delete(cluster.context.registry.byKind('v1', 'Service')!, 'shop/web');
    await rest();
    expect(await routeConditions('infra/web')).toEqual([GOOD[0], 'ResolvedRefs=False BackendNotFound']);
  });

  it('keeps what another controller says, and loses our word with its parent', async () => {
    await gateway([http(fromAll)]);
    await route({});
    await rest();
    const stored = (await cluster.store.get(`httproutes.${GROUP}`, 'shop/web'))!;
    const { parents } = stored['status'] as Status;
    const theirs = { ...parents[0], controllerName: 'example.com/other' };
    await cluster.objects.update(
      { ...stored, status: { parents: [...parents, theirs] } },
      { subresource: 'status' },
    );
    await remove('Gateway', 'infra/public');
    await rest();
    const after = (await statusOf('HTTPRoute', 'shop/web')).parents;
    expect(after.map(({ controllerName }) => controllerName)).toEqual(['example.com/other']);
  });
});
