/** DaemonSets in a cluster: nodes come and go, agents bring pods back, and work is shared. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { omit } from '../../../src/schemas/json-access.ts';
import { controllerOf, keyOf, type KubeObject } from '../../../src/schemas/object.ts';
import { RESTORED_OWNER, withMark } from '../../../src/schemas/pods/pod-marks.ts';
import type { DaemonSet, Pod } from '../../../src/schemas/types.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { type FakeKubelet, startFakeKubelet } from '../../support/fake-kubelet/fake-kubelet.ts';

const daemonSetOf = (image: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'agent' } },
    template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image }] } },
  },
});
const node = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });

describe('a DaemonSet in a cluster', () => {
  let cluster: TestCluster;
  let kubelet: FakeKubelet;

  beforeEach(async () => {
    cluster = await startTestCluster({ admission: true });
    kubelet = await startFakeKubelet(cluster);
    for (const name of ['n1', 'n2', 'n3']) await cluster.objects.create(node(name));
    await cluster.clock.advance(2_000);
    await cluster.objects.create(daemonSetOf('registry.example/app:1'));
    await cluster.clock.advance(5_000);
  });
  afterEach(async () => {
    await kubelet[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  const pods = async (): Promise<readonly Pod[]> =>
    (await cluster.store.list('pods')).objects as readonly Pod[];
  const nodesOf = async (): Promise<string[]> => (await pods()).map(({ spec }) => spec.nodeName ?? '').sort();
  const status = async (): Promise<DaemonSet['status']> =>
    ((await cluster.store.get('daemonsets.apps', 'default/agent')) as DaemonSet | undefined)?.status;

  async function drop(resource: string): Promise<void> {
    for (const object of (await cluster.store.list(resource)).objects) {
      const expectedVersion = object.metadata.resourceVersion ?? '';
      await cluster.store.commit([{ type: 'delete', resource, key: keyOf(object), expectedVersion }]);
    }
  }

  /** The store after FLUSHALL, Git's sync and the agents' reports. */
  async function rebuilt(image: string): Promise<void> {
    cluster.setMayAct(false);
    const running = await pods();
    for (const resource of ['daemonsets.apps', 'controllerrevisions.apps', 'pods']) await drop(resource);
    await cluster.objects.create(daemonSetOf(image));
    await cluster.clock.advance(2_000);
    expect(await pods()).toEqual([]);
    for (const pod of running) {
      const bare = { ...pod, metadata: omit(pod.metadata, 'ownerReferences') };
      const object = withMark(bare, RESTORED_OWNER, 'DaemonSet/agent');
      await cluster.store.commit([{ type: 'create', resource: 'pods', key: keyOf(pod), object }]);
    }
    await cluster.clock.advance(2_000);
    expect((await pods()).map(({ metadata }) => metadata.uid).sort()).toEqual(
      running.map(({ metadata }) => metadata.uid).sort(),
    );
    cluster.setMayAct(true);
    await cluster.clock.advance(20_000);
  }

  it('has a pod on each node, also on one that comes later', async () => {
    expect(await nodesOf()).toEqual(['n1', 'n2', 'n3']);
    await cluster.objects.create(node('n4'));
    await cluster.clock.advance(5_000);
    expect(await nodesOf()).toEqual(['n1', 'n2', 'n3', 'n4']);
    expect(await status()).toMatchObject({ desiredNumberScheduled: 4, numberAvailable: 4 });
  });

  it('keeps a revision of its own that users make of the same template, as upstream', async () => {
    const revisions = async (): Promise<readonly KubeObject[]> =>
      (await cluster.store.list('controllerrevisions.apps')).objects;
    const [first] = await revisions();
    if (!first) throw new Error('No revision');
    const { name, namespace = '', labels, ownerReferences = [] } = first.metadata;
    const metadata = { name: `${name}-twin`, namespace, labels: { ...labels }, ownerReferences };
    await cluster.objects.create({ ...first, metadata, revision: 2 });
    await cluster.clock.advance(5_000);
    expect((await revisions()).map((revision) => revision.metadata.name)).toEqual([name, `${name}-twin`]);
    await cluster.objects.apply([{ verb: 'delete', object: first }]);
    await cluster.clock.advance(5_000);
    expect((await revisions()).map((revision) => revision['revision'])).toEqual([2]);
    expect(await status()).toMatchObject({ numberAvailable: 3, updatedNumberScheduled: 3 });
  });

  it('adopts the pods that agents bring back, and makes none twice', async () => {
    const before = (await pods()).map(({ metadata }) => metadata.uid).sort();
    await rebuilt('registry.example/app:1');
    const after = await pods();
    expect(after.map(({ metadata }) => metadata.uid).sort()).toEqual(before);
    for (const pod of after) expect(controllerOf(pod)?.name).toBe('agent');
    expect(await status()).toMatchObject({ numberAvailable: 3, updatedNumberScheduled: 3 });
  });

  it('rolls pods that came back to a template that changed meanwhile', async () => {
    await rebuilt('registry.example/app:2');
    const images = (await pods()).map(({ spec }) => spec.containers[0]?.image);
    expect(images).toEqual(Array.from({ length: 3 }, () => 'registry.example/app:2'));
    expect(await status()).toMatchObject({ numberAvailable: 3, updatedNumberScheduled: 3 });
  });
});
