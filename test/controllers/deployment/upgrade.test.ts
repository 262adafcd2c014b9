/** An upgrade brings a default: what an older version stored without it must go on as it is. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonClone } from '../../../src/base/json.ts';
import { specHash } from '../../../src/node-agent/container-spec/identity.ts';
import { type KubeObject, keyOf } from '../../../src/schemas/object.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { type FakeKubelet, startFakeKubelet } from '../../support/fake-kubelet/fake-kubelet.ts';

const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'registry.example/app:1',
            readinessProbe: { httpGet: { path: '/', port: 80 } },
          },
        ],
      },
    },
  },
};

/** Members that withDefaults writes. The older version is one that knew none of them. */
const NEW_DEFAULTS: ReadonlySet<string> = new Set([
  'terminationMessagePolicy',
  'schedulerName',
  'periodSeconds',
  'scheme',
  'progressDeadlineSeconds',
  'enableServiceLinks',
]);

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name]) => !NEW_DEFAULTS.has(name));
  return Object.fromEntries(members.map(([name, member]) => [name, strip(member)]));
}

let cluster: TestCluster;
let kubelet: FakeKubelet;
const listOf = async <T extends KubeObject>(resource: string): Promise<T[]> =>
  (await cluster.store.list(resource)).objects as T[];

async function asStoredByAnOlderVersion(resource: string): Promise<void> {
  for (const object of await listOf(resource)) {
    const { spec, ...rest } = jsonClone(object);
    const expectedVersion = object.metadata.resourceVersion ?? '';
    const older = { ...rest, spec: strip(spec) } as KubeObject;
    await cluster.store.commit([
      { type: 'update', resource, key: keyOf(object), object: older, expectedVersion },
    ]);
  }
}

const state = async (): Promise<unknown> => ({
  replicaSets: (await listOf<ReplicaSet>('replicasets.apps')).map(({ metadata, spec }) => [
    metadata.uid,
    spec.replicas,
  ]),
  pods: (await listOf<Pod>('pods')).map(({ metadata }) => metadata.uid),
});

beforeEach(async () => {
  cluster = await startTestCluster();
  kubelet = await startFakeKubelet(cluster);
  await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} });
  await cluster.clock.advance(2_000);
  await cluster.objects.create(deployment);
  await cluster.clock.advance(10_000);
  for (const resource of ['deployments.apps', 'replicasets.apps', 'pods'])
    await asStoredByAnOlderVersion(resource);
});
afterEach(async () => {
  await kubelet[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

describe('after an upgrade that brings a default', () => {
  it('a Deployment that is written again does not roll', async () => {
    const before = await state();
    const lying = [...(cluster.store.data.resources.get('deployments.apps')?.objects.values() ?? [])];
    expect(JSON.stringify(lying)).not.toContain('terminationMessagePolicy');
    const [stored] = await listOf<Deployment>('deployments.apps');
    expect(JSON.stringify(stored)).toContain('terminationMessagePolicy');
    const labelled = { ...jsonClone(stored as Deployment) };
    labelled.metadata.labels = { written: 'again' };
    const updated = await cluster.objects.update(labelled);
    expect(JSON.stringify(updated)).toContain('terminationMessagePolicy');
    expect(updated.metadata.generation).toBe(stored?.metadata.generation);
    await cluster.clock.advance(60_000);
    expect(await state()).toEqual(before);
  });

  it('a Deployment that is scaled keeps its ReplicaSet, and what it had changed rolls', async () => {
    const [stored] = await listOf<Deployment>('deployments.apps');
    const metadata = { ...(stored as Deployment).metadata };
    delete metadata.resourceVersion;
    await cluster.objects.update({
      ...deployment,
      metadata,
      spec: { ...(stored as Deployment).spec, replicas: 3 },
    });
    await cluster.clock.advance(10_000);
    expect(await listOf('replicasets.apps')).toHaveLength(1);
    expect(await listOf('pods')).toHaveLength(3);
    const changed = jsonClone(deployment) as Deployment;
    const [container] = changed.spec.template.spec?.containers ?? [];
    if (container) container.image = 'registry.example/app:2';
    await cluster.objects.update({ ...changed, metadata });
    await cluster.clock.advance(30_000);
    expect(await listOf('replicasets.apps')).toHaveLength(2);
  });

  it('pods may be labelled and report their status as before', async () => {
    const [pod] = await listOf<Pod>('pods');
    const labelled = jsonClone(pod as Pod);
    labelled.metadata.labels = { ...labelled.metadata.labels, more: 'yes' };
    const updated = await cluster.objects.update(labelled);
    const status = { ...(updated as Pod).status, message: 'well' };
    await cluster.objects.update({ ...updated, status }, { subresource: 'status' });
  });

  it('writing what is stored already is no write', async () => {
    for (const resource of ['deployments.apps', 'replicasets.apps', 'pods']) {
      const [stored] = await listOf(resource);
      const written = await cluster.objects.update(jsonClone(stored as KubeObject));
      expect(written.metadata.resourceVersion).toBe(stored?.metadata.resourceVersion);
    }
  });

  it('no container is another one to the agent', () => {
    const container = { name: 'c', image: 'registry.example/app:1', terminationMessagePolicy: 'File' };
    expect(specHash(container as never)).toBe(specHash(strip(container) as never));
  });
});
