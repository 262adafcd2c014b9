/**
 * A namespace that is being deleted loses its pods first: what would replace them is refused, and
 * that is no failure.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Deployment, ReplicaSet } from '../../../src/schemas/types.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

/** Its pods stay, deleting, until somebody takes the finalizer away. */
const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' }, finalizers: ['example.com/wait'] },
      spec: { containers: [{ name: 'c', image: 'registry.example/app:1' }] },
    },
  },
};

let cluster: TestCluster;
const listOf = async (resource: string): Promise<readonly KubeObject[]> =>
  (await cluster.store.list(resource)).objects.filter(({ metadata }) => metadata.namespace === 'shop');
const failures = async (): Promise<readonly unknown[]> =>
  (await listOf('events')).map(({ reason }) => reason).filter((reason) => /Fail|Error/.test(String(reason)));

async function remove(apiVersion: string, kind: string, name: string, namespace?: string): Promise<void> {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  await cluster.objects.apply([{ verb: 'delete', object: { apiVersion, kind, metadata } }]);
  await cluster.clock.advance(5_000);
}

beforeEach(async () => {
  cluster = await startTestCluster({ admission: true });
  await cluster.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await cluster.clock.advance(1_000);
  await cluster.objects.create(deployment);
  await cluster.clock.advance(1_000);
  await remove('v1', 'Namespace', 'shop');
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
});

describe('in a namespace that is being deleted', () => {
  it('a ReplicaSet reports what is left of its pods', async () => {
    const [replicaSet] = (await listOf('replicasets.apps')) as readonly ReplicaSet[];
    expect(replicaSet?.status).toEqual({ observedGeneration: 1, replicas: 0, terminatingReplicas: 2 });
    expect(await failures()).toEqual([]);
  });

  it('a Deployment whose ReplicaSet went first reports no failure', async () => {
    const [replicaSet] = await listOf('replicasets.apps');
    await remove('apps/v1', 'ReplicaSet', replicaSet?.metadata.name ?? '', 'shop');
    const [left] = (await listOf('deployments.apps')) as readonly Deployment[];
    const reasons = left?.status?.conditions?.map(({ reason }) => reason);
    expect(reasons).not.toContain('ReplicaSetCreateError');
    expect(await failures()).toEqual([]);
  });
});
