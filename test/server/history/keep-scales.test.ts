/** Targets of autoscalers keep their pods after the store lost the number of replicas. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createAbort } from '../../../src/base/abort.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import { controllerOf, keyOf, type KubeObject } from '../../../src/schemas/object.ts';
import { RESTORED_OWNER, withMark } from '../../../src/schemas/pods/pod-marks.ts';
import type { Deployment, Pod } from '../../../src/schemas/types.ts';
import { keepScales } from '../../../src/server/history/keep-scales.ts';
import { aDeployment } from '../../support/builders.ts';
import type { TestCluster } from '../../support/cluster.ts';
import { type OneNode, startOneNode } from '../../support/fake-kubelet/one-node.ts';

let cluster: TestCluster;
let node: OneNode;
beforeEach(async () => {
  node = await startOneNode();
  ({ cluster } = node);
});
afterEach(() => node[Symbol.asyncDispose]());

const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'app:1' }] } };
const workload = (kind: string, replicas: number): KubeObject => ({
  apiVersion: kind === 'ReplicationController' ? 'v1' : 'apps/v1',
  kind,
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas,
    selector: kind === 'ReplicationController' ? labels : { matchLabels: labels },
    template,
    ...(kind === 'StatefulSet' ? { serviceName: 'web', podManagementPolicy: 'Parallel' } : {}),
  },
});
const autoscaler = (target: KubeObject, maxReplicas = 10, name = 'web'): KubeObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name, namespace: 'default' },
  spec: {
    scaleTargetRef: { apiVersion: target.apiVersion, kind: target.kind, name: target.metadata.name },
    maxReplicas,
  },
});
const pods = async (): Promise<readonly Pod[]> =>
  (await cluster.store.list('pods')).objects as readonly Pod[];
const uids = async (): Promise<readonly unknown[]> =>
  (await pods()).map(({ metadata }) => metadata.uid).sort();

/** The store after FLUSHALL: the pods that agents report, then Git's objects. `lost`: not reported. */
async function lose(git: readonly KubeObject[], lost: readonly string[] = []): Promise<void> {
  cluster.setMayAct(false);
  const running = await pods();
  const resources = ['deployments.apps', 'statefulsets.apps', 'replicasets.apps', 'replicationcontrollers'];
  const gone = ['horizontalpodautoscalers.autoscaling', 'controllerrevisions.apps', 'jobs.batch', 'pods'];
  for (const resource of [...resources, ...gone])
    for (const object of (await cluster.store.list(resource)).objects) {
      const expectedVersion = object.metadata.resourceVersion ?? '';
      await cluster.store.commit([{ type: 'delete', resource, key: keyOf(object), expectedVersion }]);
    }
  for (const pod of running.filter(({ metadata }) => !lost.includes(metadata.name))) {
    const owner = controllerOf(pod);
    const bare = { ...pod, metadata: omit(pod.metadata, 'ownerReferences') };
    const object = withMark(bare, RESTORED_OWNER, `${owner?.kind ?? ''}/${owner?.name ?? ''}`);
    await cluster.store.commit([{ type: 'create', resource: 'pods', key: keyOf(pod), object }]);
  }
  for (const object of git) await cluster.objects.create(object);
}

/** The end of the rebuild. */
async function rebuilt(): Promise<void> {
  const kept = keepScales({ ...cluster.context, logger: silentLogger }, createAbort().signal);
  await cluster.clock.advance(1_000);
  await kept;
  cluster.setMayAct(true);
  await cluster.clock.advance(30_000);
}

it.each(['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController'])(
  'no pod of a %s is stopped for the number of Git',
  async (kind) => {
    await cluster.objects.create(workload(kind, 6));
    await cluster.clock.advance(10_000);
    const before = await uids();
    expect(before).toHaveLength(6);
    await lose([workload(kind, 2), autoscaler(workload(kind, 2))]);
    await rebuilt();
    expect(await uids()).toEqual(before);
  },
);

it('a StatefulSet keeps its highest ordinal while a node with one below is away', async () => {
  await cluster.objects.create(workload('StatefulSet', 4));
  await cluster.clock.advance(10_000);
  await lose([workload('StatefulSet', 1), autoscaler(workload('StatefulSet', 1))], ['web-1']);
  await rebuilt();
  expect((await pods()).map(({ metadata }) => metadata.name).sort()).toEqual([
    'web-0',
    'web-1',
    'web-2',
    'web-3',
  ]);
});

it.each([
  ['no more than the autoscaler allows', 6, 2, 4, 4],
  ['no fewer than Git says', 2, 5, 10, 5],
])('there are %s', async (_, ran, git, max, left) => {
  await cluster.objects.create(workload('Deployment', ran));
  await cluster.clock.advance(10_000);
  await lose([workload('Deployment', git), autoscaler(workload('Deployment', git), max)]);
  await rebuilt();
  expect(await pods()).toHaveLength(left);
});

it('pods of another workload with its labels do not count', async () => {
  await cluster.objects.create(workload('Deployment', 2));
  const job = {
    template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } },
    parallelism: 3,
  };
  const object = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'web-job', namespace: 'default' } };
  await cluster.objects.create({ ...object, spec: job });
  await cluster.clock.advance(10_000);
  expect(await pods()).toHaveLength(5);
  await lose([workload('Deployment', 1), autoscaler(workload('Deployment', 1))]);
  await rebuilt();
  expect((await cluster.store.get('deployments.apps', 'default/web'))?.['spec']).toMatchObject({
    replicas: 2,
  });
});

it('without an autoscaler, and for a target that is gone, Git decides', async () => {
  await cluster.objects.create(workload('Deployment', 6));
  await cluster.clock.advance(10_000);
  await lose([workload('Deployment', 2), autoscaler(workload('StatefulSet', 2))]);
  await rebuilt();
  expect(await pods()).toHaveLength(2);
});

it('the ReplicaSet of a backup grows with its Deployment, and deletes nothing', async () => {
  await cluster.objects.create(aDeployment({ replicas: 2 }));
  await cluster.clock.advance(10_000);
  const backup = [
    ...(await cluster.store.list('deployments.apps')).objects,
    ...(await cluster.store.list('replicasets.apps')).objects,
  ];
  const deployment = (await cluster.store.get('deployments.apps', 'default/web')) as Deployment;
  await cluster.objects.update({ ...deployment, spec: { ...deployment.spec, replicas: 5 } });
  await cluster.clock.advance(10_000);
  const before = await uids();
  await lose([]);
  for (const object of backup) {
    const resource = object.kind === 'Deployment' ? 'deployments.apps' : 'replicasets.apps';
    await cluster.store.commit([{ type: 'create', resource, key: keyOf(object), object }]);
  }
  await cluster.objects.create(autoscaler(workload('Deployment', 2)));
  await rebuilt();
  expect(await uids()).toEqual(before);
});
