import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Event, Pod, ReplicationController } from '../../src/schemas/types.ts';
import { aDeployment, aPod, aReplicaSet, aReplicationController } from '../support/builders.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { type FakeKubelet, startFakeKubelet } from '../support/fake-kubelet/fake-kubelet.ts';

let cluster: TestCluster;
let kubelet: FakeKubelet;

beforeEach(async () => {
  cluster = await startTestCluster();
  kubelet = await startFakeKubelet(cluster);
  for (const name of ['n1', 'n2']) {
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
  }
  await cluster.clock.advance(1000);
});

afterEach(async () => {
  await kubelet[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const podsOf = async (): Promise<readonly Pod[]> =>
  (await cluster.store.list('pods')).objects as readonly Pod[];

describe('the controllers', () => {
  it('make the namespaces of the system', async () => {
    const names = (await cluster.store.list('namespaces')).objects.map(({ metadata }) => metadata.name);
    expect(names).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system', 'symphony-system']);
  });

  it('give each node its own slice of the pod network', async () => {
    const { objects } = await cluster.store.list('nodes');
    expect(objects.map((node) => (node['spec'] as { podCIDR?: string }).podCIDR)).toEqual([
      '10.244.1.0/24',
      '10.244.2.0/24',
    ]);
  });

  it('fall silent once everything is as it should be (INVARIANTS 16)', async () => {
    await cluster.objects.create(aDeployment({ replicas: 3 }));
    await cluster.clock.advance(10_000);
    const resources = ['deployments.apps', 'replicasets.apps', 'pods', 'namespaces', 'nodes', 'events'];
    const versions = async (): Promise<string[]> =>
      Promise.all(resources.map(async (resource) => (await cluster.store.versions(resource)).resource));
    const before = await versions();
    await cluster.clock.advance(1_000_000);
    expect(await versions()).toEqual(before);
  });

  it('adopt the orphaned pods that an agent restored instead of doubling them', async () => {
    for (const name of ['a', 'b']) {
      const pod = aPod({ name, node: 'n1', ready: true, labels: { app: 'web' } });
      await cluster.objects.create(pod);
    }
    await cluster.objects.create(aReplicaSet({ replicas: 2 }));
    await cluster.clock.advance(5000);
    const pods = await podsOf();
    expect(pods.map(({ metadata }) => [metadata.name, metadata.ownerReferences?.[0]?.kind])).toEqual([
      ['a', 'ReplicaSet'],
      ['b', 'ReplicaSet'],
    ]);
  });

  it('keep as many pods of a ReplicationController as it wants, and take in what its labels select', async () => {
    await cluster.objects.create(aPod({ name: 'a', node: 'n1', ready: true, labels: { app: 'web' } }));
    const created = await cluster.objects.create(aReplicationController({ replicas: 3 }));
    await cluster.clock.advance(5000);
    const owners = async (): Promise<readonly (string | undefined)[]> =>
      (await podsOf()).map(({ metadata }) => metadata.ownerReferences?.[0]?.uid);
    expect(await owners()).toEqual(Array.from({ length: 3 }, () => created.metadata.uid));
    await cluster.context.events.flush();
    const said = (await cluster.store.list('events')).objects as readonly Event[];
    const creations = said.filter(({ reason }) => reason === 'SuccessfulCreate');
    expect(creations.map(({ source }) => source?.component)).toEqual(Array(2).fill('replication-controller'));
    const current = (await cluster.store.list('replicationcontrollers')).objects[0] as ReplicationController;
    expect(current.status).toEqual({
      availableReplicas: 3,
      fullyLabeledReplicas: 3,
      observedGeneration: 1,
      readyReplicas: 3,
      replicas: 3,
    });
    await cluster.objects.update({ ...current, spec: { ...current.spec, replicas: 1 } });
    await cluster.clock.advance(60_000);
    expect(await owners()).toHaveLength(1);
  });

  it('create, delete, evict and collect nothing while the store is being rebuilt (INVARIANTS 10)', async () => {
    await cluster.objects.create(aDeployment({ replicas: 3 }));
    await cluster.clock.advance(5000);
    const before = (await podsOf()).map(({ metadata }) => metadata.name);
    cluster.setMayAct(false);
    const set = (await cluster.store.list('replicasets.apps')).objects[0];
    if (!set) throw new Error('no ReplicaSet');
    // The owner of three pods is lost, both nodes are, and a new workload waits for its pods.
    await cluster.objects.apply([
      { verb: 'delete', object: set, options: { propagationPolicy: 'Background' } },
    ]);
    for (const name of ['n1', 'n2']) {
      kubelet.setDown(name, true);
      const object = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
      await cluster.objects.apply([{ verb: 'delete', object }]);
    }
    await cluster.objects.create(aReplicaSet({ name: 'other', app: 'other', replicas: 2 }));
    await cluster.clock.advance(600_000);
    const pods = await podsOf();
    expect(pods.map(({ metadata }) => metadata.name)).toEqual(before);
    expect(pods.every(({ metadata }) => metadata.deletionTimestamp === undefined)).toBe(true);
    cluster.setMayAct(true);
    await cluster.clock.advance(5000);
    const names = (await podsOf()).map(({ metadata }) => metadata.name);
    expect(names.filter((name) => name.startsWith('other-'))).toHaveLength(2);
  });
});
