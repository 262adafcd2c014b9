/** Workloads of all kinds whose selectors match each other's pods, on all controllers. */
import { afterEach, expect, it } from 'vitest';
import type { KubeObject } from '../../src/schemas/object.ts';
import { controllerOf } from '../../src/schemas/object.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { type FakeKubelet, startFakeKubelet } from '../support/fake-kubelet/fake-kubelet.ts';

let cluster: TestCluster;
let kubelet: FakeKubelet;
afterEach(async () => {
  await kubelet[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const labels = { app: 'shared' };
const selector = { matchLabels: labels };
const workload = (apiVersion: string, kind: string, name: string, spec: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'shop' },
  spec: {
    template: {
      metadata: { labels },
      spec: {
        containers: [{ name: 'c', image: `${name}:1` }],
        ...(kind === 'Job' ? { restartPolicy: 'Never' } : {}),
      },
    },
    ...spec,
  },
});

const WORKLOADS = [
  workload('apps/v1', 'Deployment', 'one', { selector, replicas: 2 }),
  workload('apps/v1', 'Deployment', 'two', { selector, replicas: 3 }),
  workload('apps/v1', 'ReplicaSet', 'three', { selector, replicas: 1 }),
  workload('v1', 'ReplicationController', 'four', { selector: labels, replicas: 1 }),
  workload('apps/v1', 'StatefulSet', 'five', { selector, replicas: 2, serviceName: 'x' }),
  workload('apps/v1', 'DaemonSet', 'six', { selector }),
  workload('batch/v1', 'Job', 'seven', { selector, manualSelector: true, parallelism: 2, completions: 9 }),
];

it('share no pod, and do not fight', async () => {
  cluster = await startTestCluster({ admission: true, caBundle: 'ca' });
  kubelet = await startFakeKubelet(cluster);
  for (const name of ['n1', 'n2'])
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
  await cluster.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await cluster.clock.advance(8_000);
  for (const object of WORKLOADS) await cluster.objects.create(object);
  await cluster.clock.advance(20_000);
  const counts = async (): Promise<Readonly<Record<string, number>>> => {
    const found: Record<string, number> = {};
    for (const pod of (await cluster.store.list('pods')).objects) {
      // The name of a ReplicaSet of a Deployment begins with the Deployment's.
      const owner = controllerOf(pod)?.name.split('-')[0] ?? 'nobody';
      found[owner] = (found[owner] ?? 0) + 1;
    }
    return found;
  };
  const expected = { one: 2, two: 3, three: 1, four: 1, five: 2, six: 2, seven: 2 };
  expect(await counts()).toEqual(expected);
  const { store: version } = await cluster.store.versions('pods');
  await cluster.clock.advance(60_000);
  expect(await counts()).toEqual(expected);
  const written = (await cluster.store.list('pods')).objects.filter(
    ({ metadata }) => BigInt(metadata.resourceVersion ?? 0) > BigInt(version),
  );
  expect(written).toEqual([]);
});
