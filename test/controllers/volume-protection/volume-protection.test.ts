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
const spec = { accessModes: ['ReadWriteOnce'], resources };
const claim: KubeObject = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'default' },
  spec,
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
/** Past admission: the pods are on their nodes. */
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
    expect(created['status']).toEqual({
      phase: 'Pending',
      lastPhaseTransitionTime: created.metadata.creationTimestamp,
    });
    await cluster.clock.advance(2_000);
    await cluster.objects.create({ ...claim, spec: { ...spec, volumeName: 'disk', storageClassName: '' } });
    await cluster.clock.advance(1_000);
    await remove(VOLUMES, 'disk');
    const bound = await cluster.store.get(VOLUMES, 'disk');
    expect(bound?.['status']).toMatchObject({ phase: 'Bound' });
    expect(bound?.['status']).not.toMatchObject({
      lastPhaseTransitionTime: created.metadata.creationTimestamp,
    });
    await remove(CLAIMS, 'default/data');
    expect(await cluster.store.get(VOLUMES, 'disk')).toBeUndefined();
  });
});
