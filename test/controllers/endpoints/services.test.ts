/** Services, pods, nodes and hand-made endpoints, with all controllers on simulated time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { badRequest } from '../../../src/schemas/errors/status.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Endpoints, EndpointSlice, Event, Pod, Service } from '../../../src/schemas/types.ts';
import { aLease, aNode } from '../../support/builders.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { anEndpointPod, aService, endpointsIn } from '../endpoint-slice/world.ts';

const SLICES = 'endpointslices.discovery.k8s.io';
let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
  for (const name of ['n1', 'n2', 'n3']) await cluster.objects.create(aNode({ name }));
});
afterEach(() => cluster[Symbol.asyncDispose]());

const bare = <T extends KubeObject>(object: T): T => ({
  ...object,
  metadata: omit(object.metadata, 'uid', 'creationTimestamp'),
});
const createService = (spec: Partial<Service['spec']> = {}): Promise<KubeObject> =>
  cluster.objects.create(bare(aService(spec)));
async function createPod(
  name: string,
  ip: string,
  options: Parameters<typeof anEndpointPod>[2] = {},
): Promise<void> {
  const pod = bare(anEndpointPod(name, ip, options));
  await cluster.objects.create(pod);
  await cluster.objects.update(pod, { subresource: 'status' });
}
const kindOf = (apiVersion: string, kind: string) => cluster.context.registry.byKind(apiVersion, kind)!;
const remove = (apiVersion: string, kind: string, name: string): Promise<KubeObject> =>
  cluster.objects.delete(kindOf(apiVersion, kind), `default/${name}`);
const slices = async (): Promise<readonly EndpointSlice[]> =>
  (await cluster.store.list(SLICES)).objects as readonly EndpointSlice[];
const endpoints = async (): Promise<Endpoints | undefined> =>
  await cluster.store.get('endpoints', 'default/web');
const ready = async (): Promise<readonly (string | undefined)[]> =>
  endpointsIn(await slices())
    .filter(({ conditions }) => conditions?.ready === true)
    .map(({ targetRef, addresses }) => targetRef?.name ?? addresses[0])
    .sort();
const rest = (ms = 3000): Promise<void> => cluster.clock.advance(ms);

describe('a Service with a selector', () => {
  it('has Endpoints and slices from its first moment, and neither after its end', async () => {
    await createService();
    await settle(20);
    expect([(await slices()).length, (await endpoints())?.metadata.name]).toEqual([1, 'web']);
    await remove('v1', 'Service', 'web');
    await rest(30_000);
    expect([await slices(), await endpoints()]).toEqual([[], undefined]);
  });

  it('follows the labels of pods and its own selector', async () => {
    await createService();
    await createPod('a', '10.1.0.1');
    await createPod('b', '10.1.0.2', { labels: { app: 'other' } });
    await rest();
    expect(await ready()).toEqual(['a']);
    const change = (pod: KubeObject): KubeObject => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { app: 'web' } },
    });
    await cluster.objects.update(change((await cluster.store.get('pods', 'default/b'))!));
    await rest();
    expect(await ready()).toEqual(['a', 'b']);
    const service = (await cluster.store.get('services', 'default/web')) as Service;
    await cluster.objects.update({ ...service, spec: { ...service.spec, selector: { app: 'none' } } });
    await rest();
    expect([await ready(), (await endpoints())?.subsets]).toEqual([[], undefined]);
  });

  it('loses a pod at once that is removed without a grace period, or while it terminates', async () => {
    await createService();
    await createPod('a', '10.1.0.1');
    await createPod('b', '10.1.0.2');
    await createPod('c', '10.1.0.3');
    await rest();
    await remove('v1', 'Pod', 'b');
    await rest();
    for (const name of ['a', 'b'])
      await cluster.objects.delete(kindOf('v1', 'Pod'), `default/${name}`, { gracePeriodSeconds: 0 });
    await rest();
    const left = endpointsIn(await slices()).map(({ targetRef }) => targetRef?.name);
    expect([left, (await endpoints())?.subsets?.[0]?.addresses?.length]).toEqual([['c'], 1]);
  });

  it('loses the endpoints of a node that falls silent (INVARIANTS 11)', async () => {
    const renew = (name: string, second: number): Promise<unknown> => {
      const renewTime = new Date(cluster.clock.now() + second).toISOString().replace('Z', '000Z');
      const lease = aLease({ name, renewTime });
      return cluster.objects.update({ ...lease, metadata: { name, namespace: 'kube-node-lease' } });
    };
    for (const name of ['n1', 'n2', 'n3'])
      await cluster.objects.create({
        ...bare(aLease({ name })),
        metadata: { name, namespace: 'kube-node-lease' },
      });
    await createService();
    await createPod('a', '10.1.0.1', { node: 'n1' });
    await createPod('b', '10.1.0.2', { node: 'n2' });
    await rest();
    expect(await ready()).toEqual(['a', 'b']);
    for (let second = 0; second < 60; second += 2) {
      await renew('n2', second);
      await renew('n3', second);
      await rest(2000);
    }
    expect(await ready()).toEqual(['b']);
    expect((await endpoints())?.subsets?.[0]?.addresses?.map(({ targetRef }) => targetRef?.name)).toEqual([
      'b',
    ]);
  });

  it('repairs a slice that somebody changed, and leaves those of other managers alone', async () => {
    await createService();
    await createPod('a', '10.1.0.1');
    const other = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'mine', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
    };
    await cluster.objects.create(other);
    await rest();
    const ours = (await slices()).find(({ metadata }) => metadata.name !== 'mine')!;
    await cluster.objects.update({ ...ours, endpoints: [] });
    await rest();
    expect(await ready()).toEqual(['192.0.2.1', 'a']);
  });

  it('repairs Endpoints that somebody changed or deleted, at once', async () => {
    await createService();
    await createPod('a', '10.1.0.1');
    await rest();
    const made = (await endpoints())!;
    const repaired = async (): Promise<unknown> => {
      await rest(500);
      const { metadata, subsets } = (await endpoints())!;
      return [metadata.labels, subsets];
    };
    const asMade = [made.metadata.labels, made.subsets];
    await cluster.objects.update({ ...made, subsets: [] });
    expect(await repaired()).toEqual(asMade);
    const unmarked = { ...(await endpoints())!, metadata: { name: 'web', namespace: 'default' } };
    await cluster.objects.update({ ...unmarked, subsets: [{ addresses: [{ ip: '192.0.2.1' }] }] });
    expect(await repaired()).toEqual(asMade);
    await remove('v1', 'Endpoints', 'web');
    expect(await repaired()).toEqual(asMade);
  });

  it('writes nothing while the store is rebuilt, and what is missing afterwards', async () => {
    cluster.setMayAct(false);
    await createService();
    await createPod('a', '10.1.0.1');
    await rest();
    expect([await slices(), await endpoints()]).toEqual([[], undefined]);
    cluster.setMayAct(true);
    await rest();
    expect(await ready()).toEqual(['a']);
  });

  it('coalesces a crowd of changes into few writes', async () => {
    await createService();
    const names = Array.from({ length: 150 }, (_, index) => `p${String(index)}`);
    await Promise.all(names.map((name, index) => createPod(name, `10.1.0.${String(index + 1)}`)));
    await rest();
    let writes = 0;
    const subscription = (await cluster.context.caches.open(SLICES)).subscribe(() => (writes += 1));
    const pods = (await cluster.store.list('pods')).objects as readonly Pod[];
    for (const pod of pods) {
      const conditions = (pod.status?.conditions ?? []).map((item) => ({
        ...item,
        status: 'False' as const,
      }));
      await cluster.objects.update(
        { ...pod, status: { ...pod.status, conditions } },
        { subresource: 'status' },
      );
    }
    await rest();
    subscription[Symbol.dispose]();
    expect(await ready()).toEqual([]);
    expect(writes).toBeLessThan(10);
  });
});

describe('a slice without an owner', () => {
  it('goes when its Service is gone', async () => {
    await cluster.objects.create({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'left',
        namespace: 'default',
        labels: {
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
      },
      addressType: 'IPv4',
    });
    await rest();
    expect(await slices()).toEqual([]);
  });
});

describe('Endpoints made by hand', () => {
  const handMade = (ip: string, labels: Record<string, string> = {}): Endpoints => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'web', namespace: 'default', labels, annotations: { note: 'kept' } },
    subsets: [
      {
        addresses: [{ ip }],
        notReadyAddresses: [{ ip: '192.0.2.9' }],
        ports: [{ port: 80, protocol: 'TCP' }],
      },
    ],
  });
  const withoutSelector = (): Promise<KubeObject> => createService({ selector: {} });

  it('are mirrored into slices through their life', async () => {
    await withoutSelector();
    await cluster.objects.create(handMade('192.0.2.1', { team: 'x' }));
    await rest();
    const [mirror, ...others] = await slices();
    expect(others).toEqual([]);
    expect(mirror).toMatchObject({
      metadata: {
        generateName: 'web-',
        labels: {
          team: 'x',
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
        },
        annotations: { note: 'kept' },
        ownerReferences: [{ kind: 'Endpoints', name: 'web', controller: true }],
      },
      addressType: 'IPv4',
      ports: [{ name: '', port: 80, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['192.0.2.1'], conditions: { ready: true } },
        { addresses: ['192.0.2.9'], conditions: { ready: false } },
      ],
    });
    await cluster.objects.update({ ...(await endpoints())!, subsets: handMade('192.0.2.2').subsets });
    await rest();
    expect(await ready()).toEqual(['192.0.2.2']);
    expect((await slices())[0]?.metadata.name).toBe(mirror?.metadata.name);
    await remove('v1', 'Endpoints', 'web');
    await rest();
    expect(await slices()).toEqual([]);
  });

  it('are not mirrored where they say so, and no longer once they do', async () => {
    await withoutSelector();
    const created = await cluster.objects.create(handMade('192.0.2.1'));
    await rest();
    expect(await slices()).toHaveLength(1);
    const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    await cluster.objects.update({ ...created, metadata: { ...created.metadata, labels } });
    await rest();
    expect(await slices()).toEqual([]);
  });

  it('wait for their Service, and go with it', async () => {
    await cluster.objects.create(handMade('192.0.2.1'));
    await rest(600_000);
    expect([await slices(), (await endpoints())?.subsets?.length]).toEqual([[], 1]);
    await withoutSelector();
    await rest();
    expect(await ready()).toEqual(['192.0.2.1']);
    await remove('v1', 'Service', 'web');
    await rest();
    expect([await slices(), await endpoints()]).toEqual([[], undefined]);
  });

  it('tell what is not mirrored', async () => {
    await withoutSelector();
    const addresses = Array.from({ length: 1002 }, (_, index) => ({
      ip: `10.9.${String(index >> 8)}.${String((index & 255) + 1)}`.replace('.256', '.0'),
    }));
    await cluster.objects.create({
      ...handMade('192.0.2.1'),
      subsets: [{ addresses, ports: [{ port: 80 }] }],
    });
    await rest();
    expect(endpointsIn(await slices())).toHaveLength(1000);
    await cluster.context.events.flush();
    const events = (await cluster.store.list('events')).objects as readonly Event[];
    expect(
      events.filter(({ reason }) => reason === 'TooManyAddressesToMirror').map(({ message }) => message),
    ).toEqual([
      'A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 addresses were skipped',
    ]);
  });
});

it('updates that are refused are told', async () => {
  let refuses = false;
  const told = await startTestCluster({
    wrapStore: (store) => ({
      ...store,
      commit(ops, commitOptions) {
        const isRefused = ops.some(
          ({ type, resource }) => type === 'update' && resource.startsWith('endpoint'),
        );
        if (refuses && isRefused) throw badRequest('not today');
        return store.commit(ops, commitOptions);
      },
    }),
  });
  await told.objects.create(aNode({ name: 'n1' }));
  await told.objects.create(bare(aService()));
  await told.clock.advance(3000);
  refuses = true;
  await told.objects.create(bare(anEndpointPod('a', '10.1.0.1')));
  await told.objects.update(bare(anEndpointPod('a', '10.1.0.1')), { subresource: 'status' });
  await told.clock.advance(3000);
  await told.context.events.flush();
  const events = (await told.store.list('events')).objects as readonly Event[];
  await told[Symbol.asyncDispose]();
  expect(new Set(events.flatMap(({ type, message = '' }) => (type === 'Warning' ? message : [])))).toEqual(
    new Set([
      'Failed to update endpoint default/web: not today',
      'Error updating Endpoint Slices for Service default/web: failed to update EndpointSlice for Service default/web: not today',
    ]),
  );
});

it('a Service that is a name of another host has no endpoints', async () => {
  await cluster.objects.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'example.com', selector: { app: 'web' } },
  });
  await createPod('a', '10.1.0.1');
  await rest();
  expect([await slices(), await endpoints()]).toEqual([[], undefined]);
});
