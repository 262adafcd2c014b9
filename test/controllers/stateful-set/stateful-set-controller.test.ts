/** StatefulSets on the real API core and all controllers, on simulated time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toRfc3339 } from '../../../src/base/clock.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Event, Pod, StatefulSet } from '../../../src/schemas/types.ts';
import { UNREPORTED_KEY, UNREPORTED_NODES, unreportedList } from '../../../src/schemas/unreported-nodes.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { type FakeKubelet, startFakeKubelet } from '../../support/fake-kubelet/fake-kubelet.ts';
import { aClaimTemplate, aStatefulSet, type SetSpec } from './plan-world.ts';

let cluster: TestCluster;
let kubelet: FakeKubelet;

async function start(): Promise<void> {
  cluster = await startTestCluster({
    admission: true,
    caBundle: 'ca',
    nodeHealth: { gracePeriodMs: 6_000, leaseGracePeriodMs: 6_000 },
  });
  kubelet = await startFakeKubelet(cluster);
  for (const name of ['n1', 'n2'])
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
  await cluster.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await pass(8_000);
}
beforeEach(start);
afterEach(async () => {
  await kubelet[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const pass = (ms: number): Promise<void> => cluster.clock.advance(ms);
const list = async <T extends KubeObject>(resource: string): Promise<readonly T[]> =>
  (await cluster.store.list(resource)).objects as unknown as readonly T[];
const pods = async (): Promise<readonly Pod[]> => list<Pod>('pods');
const names = async (): Promise<readonly string[]> =>
  (await pods()).map(({ metadata }) => metadata.name).sort();

async function create(spec: SetSpec, name = 'db'): Promise<void> {
  const { apiVersion, kind, spec: full } = aStatefulSet(spec);
  await cluster.objects.create({ apiVersion, kind, metadata: { name, namespace: 'shop' }, spec: full });
}

async function change(spec: SetSpec, name = 'db'): Promise<void> {
  const set = (await cluster.store.get('statefulsets.apps', `shop/${name}`)) as StatefulSet;
  await cluster.objects.update({ ...set, spec: { ...set.spec, ...spec } });
}

const remove = (kind: string, name: string, options = {}): Promise<unknown> =>
  cluster.objects.apply([
    {
      verb: 'delete',
      object: {
        apiVersion: 'v1',
        kind,
        metadata: { name, ...(kind === 'Node' ? {} : { namespace: 'shop' }) },
      },
      options,
    },
  ]);

async function events(reason: string): Promise<readonly string[]> {
  await cluster.context.events.flush();
  return (await list<Event>('events'))
    .filter((event) => event.involvedObject.kind === 'StatefulSet' && event.reason === reason)
    .map(({ message }) => message ?? '');
}

describe('an ordinal', () => {
  it('has one pod while its node is silent, and gets another when the node is deleted', async () => {
    await create({ replicas: 2 });
    await pass(5_000);
    const before = (await pods()).find(({ metadata }) => metadata.name === 'db-1');
    const node = before?.spec.nodeName ?? '';
    kubelet.setDown(node, true);
    await pass(400_000);
    const silent = (await pods()).filter(({ metadata }) => metadata.name === 'db-1');
    expect(silent.map(({ metadata }) => [metadata.uid, metadata.deletionTimestamp !== undefined])).toEqual([
      [before?.metadata.uid, true],
    ]);
    await remove('Node', node);
    await pass(90_000);
    const after = (await pods()).find(({ metadata }) => metadata.name === 'db-1');
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
    expect(after?.spec.nodeName).not.toBe(node);
  });

  it('has one pod after a forced deletion: the object is gone, and whoever forced it answers for it', async () => {
    await create({ replicas: 1 });
    await pass(5_000);
    const [before] = await pods();
    await remove('Pod', 'db-0', { gracePeriodSeconds: 0 });
    await pass(5_000);
    const after = await pods();
    expect(after).toHaveLength(1);
    expect(after[0]?.metadata.uid).not.toBe(before?.metadata.uid);
  });

  it('waits for a foreign pod of its name, and gets its own when that is gone', async () => {
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    await cluster.objects.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'db-0', namespace: 'shop', labels: { app: 'mine' } },
      spec,
    });
    await create({ replicas: 1 });
    await pass(5_000);
    expect((await pods()).map(({ metadata }) => metadata.labels?.['app'])).toEqual(['mine']);
    await remove('Pod', 'db-0', { gracePeriodSeconds: 0 });
    await pass(2_000);
    expect((await pods()).map(({ metadata }) => metadata.labels?.['app'])).toEqual(['db']);
  });
});

describe('an ordinal that may run on a node which did not report after a rebuild', () => {
  const list = (): Promise<unknown> =>
    cluster.objects.create(unreportedList(['n9'], toRfc3339(cluster.clock.now())));

  beforeEach(async () => {
    await create({ replicas: 2 });
    await pass(5_000);
    await cluster.objects
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: UNREPORTED_NODES.namespace } })
      .catch(() => undefined);
    await list();
    await remove('Pod', 'db-1', { gracePeriodSeconds: 0 });
    await pass(5_000);
  });

  it('waits, and says why', async () => {
    expect(await names()).toEqual(['db-0']);
    expect(await events('FailedCreate')).toEqual([
      'Create Pod db-1 in StatefulSet db failed error: node n9 has not reported its pods since the store was rebuilt, and may run this one',
    ]);
  });

  it('is made once the node is registered, which ends the list', async () => {
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n9' }, spec: {} });
    await pass(5_000);
    expect(await names()).toEqual(['db-0', 'db-1']);
    expect(await cluster.store.get('configmaps', UNREPORTED_KEY)).toBeUndefined();
  });

  it('is made once an administrator says that the node is gone', async () => {
    const found = await cluster.store.get('configmaps', UNREPORTED_KEY);
    if (found) await cluster.objects.update({ ...found, data: {} });
    await pass(5_000);
    expect(await names()).toEqual(['db-0', 'db-1']);
  });

  it('does not wait in a set that is younger than the list', async () => {
    await create({ replicas: 1 }, 'new');
    await pass(5_000);
    expect(await names()).toEqual(['db-0', 'new-0']);
  });
});

describe('bad input', () => {
  it('two sets with one selector share no pod, and do not fight', async () => {
    await create({ replicas: 2 }, 'a');
    await create({ replicas: 2 }, 'b');
    await pass(10_000);
    expect(await names()).toEqual(['a-0', 'a-1', 'b-0', 'b-1']);
    const { store: version } = await cluster.store.versions('pods');
    await pass(20_000);
    const written = (await list('pods')).filter(
      ({ metadata }) => BigInt(metadata.resourceVersion ?? 0) > BigInt(version),
    );
    expect(written).toEqual([]);
  });

  it('pods that a quota refuses are reported, hold up no other set, and come when there is room', async () => {
    await cluster.objects.create({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q', namespace: 'shop' },
      spec: { hard: { pods: '2' } },
    });
    await pass(1_000);
    await create({ replicas: 4, podManagementPolicy: 'Parallel' });
    await pass(5_000);
    expect(await names()).toHaveLength(2);
    const [refusal] = await events('FailedCreate');
    expect(refusal).toMatch(
      /^Create Pod db-\d in StatefulSet db failed error: pods "db-\d" is forbidden: exceeded quota/,
    );
    const quota = await cluster.store.get('resourcequotas', 'shop/q');
    if (quota) await cluster.objects.update({ ...quota, spec: { hard: { pods: '9' } } });
    await pass(400_000);
    expect(await names()).toEqual(['db-0', 'db-1', 'db-2', 'db-3']);
  });

  it('claims of a class that does not exist keep the pod pending, until the class is there', async () => {
    const template = aClaimTemplate();
    const claim = { ...template, spec: { ...template.spec, storageClassName: 'fast' } };
    await create({ replicas: 1, volumeClaimTemplates: [claim] });
    await pass(5_000);
    expect((await pods()).map(({ status }) => status?.phase)).toEqual(['Pending']);
    await cluster.objects.create({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'fast' },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    });
    await cluster.objects.create({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'v' },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'fast',
        hostPath: { path: '/v' },
        claimRef: { namespace: 'shop', name: 'data-db-0' },
      },
    });
    await pass(60_000);
    expect((await pods()).map(({ status }) => status?.phase)).toEqual(['Running']);
  });

  it.each<[string, SetSpec, RegExp]>([
    [
      'a selector that misses its template',
      { selector: { matchLabels: { app: 'x' } } },
      /does not match template/,
    ],
    ['negative replicas', { replicas: -1 }, /spec.replicas: Invalid value: -1/],
    ['a negative first ordinal', { ordinals: { start: -1 } }, /spec.ordinals.start: Invalid value: -1/],
    [
      'no pod that may be unavailable',
      { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } } },
      /maxUnavailable: Invalid value: 0: cannot be 0/,
    ],
    [
      'more than all pods unavailable',
      { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '101%' } } },
      /must not be greater than 100%/,
    ],
  ])('%s is refused', async (_, spec, message) => {
    await expect(create(spec)).rejects.toThrow(message);
  });

  it('a change of what is fixed is refused', async () => {
    await create({ replicas: 1 });
    await expect(change({ serviceName: 'other' })).rejects.toThrow(/updates to statefulset spec for fields/);
    await expect(change({ volumeClaimTemplates: [aClaimTemplate()] })).rejects.toThrow(/are forbidden/);
  });
});

it('a name that a revision has already is counted, and another one is taken', async () => {
  await create({ replicas: 1 });
  await pass(3_000);
  const [first] = await list('controllerrevisions.apps');
  await change({ replicas: 0 });
  await pass(3_000);
  await cluster.objects.apply([{ verb: 'delete', object: first as KubeObject }]);
  await pass(3_000);
  const [again] = await list('controllerrevisions.apps');
  expect(again?.metadata.name).toBe(first?.metadata.name);
  expect(again?.metadata.uid).not.toBe(first?.metadata.uid);
});
