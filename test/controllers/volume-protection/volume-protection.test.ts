/** Claims and volumes stay while they are used, and go when they are not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { aPod } from '../../support/builders.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster[Symbol.asyncDispose]());

const CLAIMS = 'persistentvolumeclaims';
const VOLUMES = 'persistentvolumes';
const resources = { requests: { storage: '1Gi' } };
const claim: KubeObject = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'default' },
  spec: { accessModes: ['ReadWriteOnce'], resources },
};
const volume: KubeObject = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'disk' },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } },
};
const user = (name: string, nodeName: string | undefined) => {
  const pod = aPod({ name, namespace: 'default' });
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
  return { ...pod, spec: { ...pod.spec, volumes, ...(nodeName === undefined ? {} : { nodeName }) } };
};
/** Past validation: pods with claims are not accepted yet. */
async function write(pod: KubeObject): Promise<void> {
  const key = `default/${pod.metadata.name}`;
  await cluster.store.commit([{ type: 'create', resource: 'pods', key, object: pod }]);
}
async function remove(resource: string, key: string): Promise<void> {
  const kind = builtinRegistry.byId(resource);
  if (!kind) throw new Error(`no kind ${resource}`);
  await cluster.objects.delete(kind, key, { gracePeriodSeconds: 0 });
  await cluster.clock.advance(1_000);
}
const finalizersOf = async (resource: string, key: string): Promise<readonly string[] | undefined> =>
  (await cluster.store.get(resource, key))?.metadata.finalizers;

describe('a claim', () => {
  it('gets the protection that it lacks, and goes at once when nobody uses it', async () => {
    await cluster.objects.create(claim);
    await cluster.clock.advance(1_000);
    expect(await finalizersOf(CLAIMS, 'default/data')).toEqual(['kubernetes.io/pvc-protection']);
    await remove(CLAIMS, 'default/data');
    expect(await cluster.store.get(CLAIMS, 'default/data')).toBeUndefined();
  });

  it('stays until the last pod on a node that uses it is gone; finalizers of others stay', async () => {
    const metadata = { ...claim.metadata, finalizers: ['example.test/mine'] };
    await cluster.objects.create({ ...claim, metadata });
    await write(user('used', 'n1'));
    await write(user('waiting', undefined));
    await cluster.clock.advance(1_000);
    await remove(CLAIMS, 'default/data');
    expect(await finalizersOf(CLAIMS, 'default/data')).toContain('kubernetes.io/pvc-protection');
    await remove('pods', 'default/used');
    expect(await finalizersOf(CLAIMS, 'default/data')).toEqual(['example.test/mine']);
  });
});

describe('a volume', () => {
  it('stays while it is bound', async () => {
    const created = await cluster.objects.create(volume);
    await cluster.clock.advance(1_000);
    const current = await cluster.store.get(VOLUMES, 'disk');
    if (!current) throw new Error('no volume');
    expect(current['status']).toEqual({
      phase: 'Pending',
      lastPhaseTransitionTime: created.metadata.creationTimestamp,
    });
    await cluster.objects.update({ ...current, status: { phase: 'Bound' } }, { subresource: 'status' });
    await remove(VOLUMES, 'disk');
    const bound = await cluster.store.get(VOLUMES, 'disk');
    if (!bound) throw new Error('the volume is gone');
    expect(bound['status']).not.toMatchObject({
      lastPhaseTransitionTime: created.metadata.creationTimestamp,
    });
    await cluster.objects.update({ ...bound, status: { phase: 'Released' } }, { subresource: 'status' });
    await cluster.clock.advance(1_000);
    expect(await cluster.store.get(VOLUMES, 'disk')).toBeUndefined();
  });
});
