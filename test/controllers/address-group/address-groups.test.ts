/** Policies, pods and namespaces, with all controllers on simulated time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_SELECTIONS_PER_POLICY } from '../../../src/controllers/address-group/plan-address-group.ts';
import {
  ADDRESS_GROUPS,
  addressGroupName,
  type AddressGroup,
  type AddressSelection,
  ALL_PODS,
} from '../../../src/schemas/address-groups.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Event } from '../../../src/schemas/types.ts';
import { aNode, aPod, type PodOptions } from '../../support/builders.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
  await cluster.objects.create(aNode({ name: 'n1' }));
  await createNamespace('shop', { team: 'blue' });
});
afterEach(() => cluster[Symbol.asyncDispose]());

const bare = <T extends KubeObject>(object: T): T => ({
  ...object,
  metadata: omit(object.metadata, 'uid', 'creationTimestamp'),
});
const aNamespace = (name: string, labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const createNamespace = (name: string, labels: Record<string, string> = {}): Promise<KubeObject> =>
  cluster.objects.create(aNamespace(name, labels));
const aPolicy = (name: string, spec: object): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace: 'shop' },
  spec: { podSelector: {}, ...spec },
});
const createPolicy = (name: string, spec: object): Promise<KubeObject> =>
  cluster.objects.create(aPolicy(name, spec));
const from = (...peers: readonly object[]): object => ({ ingress: [{ from: peers }] });

async function createPod(name: string, ip: string, options: PodOptions = {}): Promise<void> {
  const pod = bare(
    aPod({ name, namespace: 'shop', labels: { app: 'web' }, ready: true, node: 'n1', ...options }),
  );
  const status = { ...pod.status, podIP: ip, podIPs: [{ ip }] };
  await cluster.objects.create(pod);
  await cluster.objects.update({ ...pod, status }, { subresource: 'status' });
}
const kindOf = (apiVersion: string, kind: string) => cluster.context.registry.byKind(apiVersion, kind)!;
const removePolicy = (name: string): Promise<KubeObject> =>
  cluster.objects.delete(kindOf('networking.k8s.io/v1', 'NetworkPolicy'), `shop/${name}`);
const rest = (ms = 3000): Promise<void> => cluster.clock.advance(ms);

const groups = async (): Promise<readonly AddressGroup[]> =>
  (await cluster.store.list(ADDRESS_GROUPS)).objects as readonly AddressGroup[];
/** The addresses of a selection; undefined where it is not resolved. */
async function addressesOf(selection: AddressSelection): Promise<readonly string[] | undefined> {
  const name = addressGroupName(selection);
  const own = (await groups()).filter(({ metadata }) => metadata.name.startsWith(name));
  return own.length === 0
    ? undefined
    : own
        .flatMap(({ addresses }) => addresses ?? [])
        .map(({ ip }) => ip)
        .sort();
}
/** How many objects are written while something happens. */
async function writesDuring(happens: () => Promise<unknown>): Promise<number> {
  let writes = 0;
  const subscription = (await cluster.context.caches.open(ADDRESS_GROUPS)).subscribe(() => (writes += 1));
  await happens();
  await rest();
  subscription[Symbol.dispose]();
  return writes;
}

const web = { podSelector: { matchLabels: { app: 'web' } } };
const webInShop = { namespace: 'shop', ...web };
const blue = { namespaceSelector: { matchLabels: { team: 'blue' } } };

describe('the AddressGroups of NetworkPolicies', () => {
  it('are none without a policy', async () => {
    await createPod('a', '10.1.0.1');
    await rest();
    expect(await groups()).toEqual([]);
  });

  it('are shared by policies, and go with the last', async () => {
    await createPod('a', '10.1.0.1');
    await createPolicy('one', from(web));
    await createPolicy('two', { egress: [{ to: [web, { podSelector: {} }] }] });
    await rest();
    expect(await addressesOf(webInShop)).toEqual(['10.1.0.1']);
    expect(await groups()).toHaveLength(2);
    await removePolicy('two');
    await rest();
    expect(await groups()).toHaveLength(1);
    await removePolicy('one');
    await rest();
    expect(await groups()).toEqual([]);
  });

  it('follow pods that come, change their labels and go', async () => {
    await createPolicy('one', from(web));
    await rest();
    expect(await addressesOf(webInShop)).toEqual([]);
    await createPod('a', '10.1.0.1');
    await createPod('b', '10.1.0.2');
    await createPod('db', '10.1.0.3', { labels: { app: 'db' } });
    await rest();
    expect(await addressesOf(webInShop)).toEqual(['10.1.0.1', '10.1.0.2']);
    const pod = (await cluster.store.get('pods', 'shop/a'))!;
    await cluster.objects.update({ ...pod, metadata: { ...pod.metadata, labels: {} } });
    await rest();
    expect(await addressesOf(webInShop)).toEqual(['10.1.0.2']);
    const other = (await cluster.store.get('pods', 'shop/b'))!;
    await cluster.objects.update(
      { ...other, status: { ...(other['status'] as object), phase: 'Failed' } },
      { subresource: 'status' },
    );
    await rest();
    expect(await addressesOf(webInShop)).toEqual([]);
  });

  it('follow the labels of namespaces', async () => {
    await createNamespace('other');
    await createPod('a', '10.1.0.1');
    await createPod('b', '10.1.0.2', { namespace: 'other' });
    await createPolicy('one', from(blue, { ...blue, ...web }, { namespaceSelector: {} }));
    await rest();
    expect(await addressesOf(blue)).toEqual(['10.1.0.1']);
    expect(await addressesOf(ALL_PODS)).toEqual(['10.1.0.1', '10.1.0.2']);
    const relabel = async (name: string, labels: Record<string, string>): Promise<void> => {
      const namespace = (await cluster.store.get('namespaces', name))!;
      await cluster.objects.update({ ...namespace, metadata: { ...namespace.metadata, labels } });
      await rest();
    };
    await relabel('other', { team: 'blue' });
    expect(await addressesOf(blue)).toEqual(['10.1.0.1', '10.1.0.2']);
    expect(await addressesOf({ ...blue, ...web })).toEqual(['10.1.0.1', '10.1.0.2']);
    await relabel('shop', { team: 'red' });
    expect(await addressesOf(blue)).toEqual(['10.1.0.2']);
  });

  it('number the ports that egress rules name', async () => {
    const ports = [{ name: 'http', containerPort: 8080 }];
    await createPod('a', '10.1.0.1', { spec: { containers: [{ name: 'c', image: 'i', ports }] } });
    await createPolicy('one', from(web));
    await rest();
    const addresses = async (): Promise<unknown> =>
      (await groups()).flatMap((group) => group.addresses ?? []);
    expect(await addresses()).toEqual([{ ip: '10.1.0.1' }]);
    await createPolicy('two', { egress: [{ to: [web], ports: [{ port: 'http' }] }] });
    await rest();
    const named = { ip: '10.1.0.1', ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] };
    expect(await addresses()).toEqual([named]);
    await removePolicy('two');
    await rest();
    expect(await addresses()).toEqual([{ ip: '10.1.0.1' }]);
  });

  it('are written a few times while hundreds of pods start, and never where no pod is concerned', async () => {
    await createPolicy('one', from(web));
    await rest();
    const crowd = Array.from({ length: 400 }, (_, index) => index);
    const writes = await writesDuring(() =>
      Promise.all(
        crowd.map((at) => createPod(`p${String(at)}`, `10.1.${String(at >> 8)}.${String(at & 255)}`)),
      ),
    );
    expect(await addressesOf(webInShop)).toHaveLength(400);
    expect(writes).toBeLessThan(20);
    const others = await writesDuring(async () => {
      await createPod('db', '10.2.0.1', { labels: { app: 'db' } });
      const pod = (await cluster.store.get('pods', 'shop/p1'))!;
      const conditions = [{ type: 'Ready', status: 'False' }];
      await cluster.objects.update(
        { ...pod, status: { ...(pod['status'] as object), conditions } },
        { subresource: 'status' },
      );
      await createNamespace('empty', { team: 'blue' });
    });
    expect(others).toBe(0);
  });

  it('come back when they are lost, and wait for the store to be rebuilt', async () => {
    await createPod('a', '10.1.0.1');
    await createPolicy('one', from(web));
    await rest();
    const [group] = await groups();
    await cluster.objects.delete(kindOf('symphony.dev/v1alpha1', 'AddressGroup'), group!.metadata.name);
    await rest();
    expect(await addressesOf(webInShop)).toEqual(['10.1.0.1']);
    cluster.setMayAct(false);
    await createPod('b', '10.1.0.2');
    await removePolicy('one');
    await rest();
    expect(await addressesOf(webInShop)).toEqual(['10.1.0.1']);
    cluster.setMayAct(true);
    await rest();
    expect(await groups()).toEqual([]);
  });

  it('are bounded for each policy, which is told so', async () => {
    const peers = Array.from({ length: MAX_SELECTIONS_PER_POLICY + 2 }, (_, index) => ({
      podSelector: { matchLabels: { app: `app-${String(index)}` } },
    }));
    await createPolicy('many', from(...peers));
    await rest();
    expect(await groups()).toHaveLength(MAX_SELECTIONS_PER_POLICY);
    await cluster.context.events.flush();
    const events = (await cluster.store.list('events')).objects as readonly Event[];
    expect(events.filter(({ reason }) => reason === 'TooManyPeers')).toMatchObject([
      {
        type: 'Warning',
        message: 'It names 502 selections of pods. The first 500 count, the others select nothing',
        involvedObject: { kind: 'NetworkPolicy', name: 'many' },
      },
    ]);
  });
});
