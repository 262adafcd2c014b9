/** Claims, volumes, classes and the pods that use them, from end to end in the control plane. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PersistentVolumeClaim } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/builders.ts';
import {
  aClaim,
  aClass,
  aVolume,
  CLAIMS,
  startStorageCluster,
  type StorageCluster,
  storageNode,
  userOf,
  VOLUMES,
} from './storage-cluster.ts';

let storage: StorageCluster;
beforeEach(async () => {
  storage = await startStorageCluster();
});
afterEach(() => storage[Symbol.asyncDispose]());

describe('a claim of class local', () => {
  it('waits for a consumer again when the pod that it waited for goes', async () => {
    await storage.create(userOf('data', 'user', '64'), aClaim());
    await storage.settle();
    const waitsForPod = 'WaitForPodScheduled: waiting for pod user to be scheduled';
    expect(await storage.events('PersistentVolumeClaim/data')).toEqual([waitsForPod]);
    await storage.remove('pods', 'default/user');
    await storage.settle();
    expect(await storage.events('PersistentVolumeClaim/data')).toContain(
      'WaitForFirstConsumer: waiting for first consumer to be created before binding',
    );
  });

  it('waits for its first pod, then gets a volume on the node of the pod', async () => {
    await storage.create(aClaim());
    await storage.settle();
    expect((await storage.claim())?.status?.phase).toBe('Pending');
    expect(await storage.events('PersistentVolumeClaim/data')).toEqual([
      'WaitForFirstConsumer: waiting for first consumer to be created before binding',
    ]);
    await storage.create(userOf('data'));
    await storage.settle();
    const claim = await storage.claim();
    const volume = await storage.volumeOf();
    const node = (await storage.pod())?.spec.nodeName ?? '';
    expect(['n1', 'n2']).toContain(node);
    expect(claim?.status).toMatchObject({ phase: 'Bound', capacity: { storage: '1Gi' } });
    expect(volume).toMatchObject({
      metadata: {
        name: `pvc-${claim?.metadata.uid}`,
        labels: { 'symphony.dev/node': node },
        annotations: { 'pv.kubernetes.io/provisioned-by': 'symphony.dev/local' },
        finalizers: ['kubernetes.io/pv-protection', 'symphony.dev/volume'],
      },
      spec: {
        local: { path: `/data/volumes/pvc-${claim?.metadata.uid}` },
        claimRef: { name: 'data', uid: claim?.metadata.uid },
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'local',
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
            ],
          },
        },
      },
      status: { phase: 'Bound' },
    });
    expect(await storage.events('PersistentVolumeClaim/data')).toContain(
      `ProvisioningSucceeded: Successfully provisioned volume ${volume.metadata.name}`,
    );
  });

  it('has one volume for all pods that come together', async () => {
    await storage.create(aClaim());
    await storage.settle();
    await storage.create(userOf('data', 'one'), userOf('data', 'two'), userOf('data', 'three'));
    await storage.settle();
    const nodes = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => (await storage.pod(name))?.spec.nodeName),
    );
    expect(new Set(nodes).size).toBe(1);
    expect(['n1', 'n2']).toContain(nodes[0]);
  });

  it('takes one of the volumes that there are, though several pods use it', async () => {
    await storage.create(aClass('slow', { provisioner: 'kubernetes.io/no-provisioner' }));
    await storage.create(aVolume('v1', { storageClassName: 'slow' }));
    await storage.create(aVolume('v2', { storageClassName: 'slow' }));
    await storage.create(aClaim('data', { storageClassName: 'slow' }));
    await storage.settle();
    await storage.create(userOf('data', 'one'), userOf('data', 'two'));
    await storage.settle();
    expect((await storage.pod('one'))?.spec.nodeName).toBeDefined();
    expect((await storage.pod('two'))?.spec.nodeName).toBeDefined();
  });

  it('brings the next pod to the node of its data', async () => {
    await storage.create(aClaim(), userOf('data'));
    await storage.settle();
    const node = (await storage.pod())?.spec.nodeName;
    for (const name of ['b', 'c', 'd']) {
      await storage.remove('pods', 'default/user').catch(() => undefined);
      await storage.create(userOf('data', name));
      await storage.settle();
      expect((await storage.pod(name))?.spec.nodeName).toBe(node);
    }
  });

  it('is served for names of other local set-ups, unless the user has such a class', async () => {
    await storage.create(
      aClass('standard', { provisioner: 'mine.test/p' }),
      aClaim('known', { storageClassName: 'local-path' }),
      aClaim('own', { storageClassName: 'standard' }),
      userOf('known'),
      userOf('own', 'other'),
    );
    await storage.settle();
    expect((await storage.claim('known'))?.status?.phase).toBe('Bound');
    expect((await storage.volumeOf('known')).spec.storageClassName).toBe('local-path');
    expect((await storage.claim('own'))?.status?.phase).toBe('Pending');
    expect((await storage.claim('own'))?.metadata.annotations).toMatchObject({
      'volume.kubernetes.io/storage-provisioner': 'mine.test/p',
    });
  });

  it('grows with its volume', async () => {
    await storage.create(aClaim(), userOf('data'));
    await storage.settle();
    const claim = (await storage.claim()) as PersistentVolumeClaim;
    const resources = { requests: { storage: '5Gi' } };
    await storage.cluster.objects.update({ ...claim, spec: { ...claim.spec, resources } });
    await storage.settle();
    expect((await storage.claim())?.status?.capacity).toEqual({ storage: '5Gi' });
    expect((await storage.volumeOf()).spec.capacity).toEqual({ storage: '5Gi' });
    const grown = (await storage.claim()) as PersistentVolumeClaim;
    const tooMuch = { requests: { storage: '500Gi' } };
    await storage.cluster.objects.update({ ...grown, spec: { ...grown.spec, resources: tooMuch } });
    await storage.settle();
    expect((await storage.claim())?.status?.capacity).toEqual({ storage: '5Gi' });
    expect((await storage.events('PersistentVolumeClaim/data')).join('\n')).toContain(
      'not enough free storage on node',
    );
  });
});

describe('a pod stays pending and says why, until', () => {
  const NO_SPACE = 'node(s) did not have enough free storage';

  it('its claim appears', async () => {
    await storage.create(userOf('data'));
    await storage.settle();
    expect(await storage.whyPending()).toContain('persistentvolumeclaim "data" not found');
    await storage.create(aClaim());
    await storage.settle();
    expect((await storage.pod())?.spec.nodeName).toBeDefined();
  });

  it('the class of its claim appears', async () => {
    await storage.create(aClaim('data', { storageClassName: 'fast' }), userOf('data'));
    await storage.settle();
    expect(await storage.whyPending()).toContain('pod has unbound immediate PersistentVolumeClaims');
    expect(await storage.events('PersistentVolumeClaim/data')).toEqual([
      'ProvisioningFailed: storageclass.storage.k8s.io "fast" not found',
    ]);
    await storage.create(aClass('fast'));
    await storage.settle();
    expect((await storage.pod())?.spec.nodeName).toBeDefined();
  });

  it('a node comes that has room for its claim; others are placed meanwhile', async () => {
    await storage.create(
      aClaim('data', { resources: { requests: { storage: '200Gi' } } }),
      userOf('data'),
      aPod({ name: 'other' }),
    );
    await storage.settle();
    expect(await storage.whyPending()).toContain(`2 ${NO_SPACE}`);
    expect((await storage.pod('other'))?.spec.nodeName).toBeDefined();
    await storage.create(storageNode('big', '500Gi'));
    await storage.settle();
    expect((await storage.pod())?.spec.nodeName).toBe('big');
  });

  it('the volumes of a node leave room again', async () => {
    const half = { resources: { requests: { storage: '60Gi' } } };
    for (const name of ['a', 'b', 'c']) await storage.create(aClaim(name, half), userOf(name, name));
    await storage.settle();
    const waiting: string[] = [];
    for (const name of ['a', 'b', 'c'])
      if ((await storage.pod(name))?.spec.nodeName === undefined) waiting.push(name);
    expect(waiting).toHaveLength(1);
    const [last = ''] = waiting;
    expect(await storage.whyPending(last)).toContain(NO_SPACE);
    await storage.create(storageNode('n3'));
    await storage.settle();
    expect((await storage.pod(last))?.spec.nodeName).toBe('n3');
  });

  it('the one pod of a ReadWriteOncePod claim is gone', async () => {
    await storage.create(aClaim('data', { accessModes: ['ReadWriteOncePod'] }), userOf('data'));
    await storage.settle();
    await storage.create(userOf('data', 'second'));
    await storage.settle();
    expect(await storage.whyPending('second')).toContain(
      'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
    );
    await storage.remove('pods', 'default/user');
    await storage.settle();
    expect((await storage.pod('second'))?.spec.nodeName).toBeDefined();
  });
});

describe('the place of a pod', () => {
  it('is kept while somebody else makes its volume', async () => {
    await storage[Symbol.asyncDispose]();
    storage = await startStorageCluster([storageNode('n1', '100Gi', '1')]);
    await storage.create(
      aClass('foreign', { provisioner: 'csi.example.test' }),
      aClaim('data', { storageClassName: 'foreign' }),
      userOf('data'),
    );
    await storage.settle();
    const claim = (await storage.claim()) as PersistentVolumeClaim;
    expect(claim.metadata.annotations?.['volume.kubernetes.io/selected-node']).toBe('n1');
    const rival = aPod({ name: 'rival' });
    const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }];
    await storage.create({ ...rival, spec: { containers } });
    await storage.settle();
    expect(await storage.whyPending('rival')).toContain('1 Insufficient cpu');
    const { uid } = claim.metadata;
    const claimRef = {
      apiVersion: 'v1',
      kind: claim.kind,
      name: 'data',
      namespace: 'default',
      uid: uid ?? '',
    };
    await storage.create(aVolume('made', { storageClassName: 'foreign', claimRef }));
    await storage.settle();
    expect((await storage.pod())?.spec.nodeName).toBe('n1');
    expect((await storage.pod('rival'))?.spec.nodeName).toBeUndefined();
  });

  it('is another one when the chosen node goes before there is a volume', async () => {
    const annotations = { 'volume.kubernetes.io/selected-node': 'gone' };
    const claim = aClaim();
    await storage.create({ ...claim, metadata: { ...claim.metadata, annotations } }, userOf('data'));
    await storage.settle();
    expect(['n1', 'n2']).toContain((await storage.pod())?.spec.nodeName);
    expect((await storage.events('PersistentVolumeClaim/data')).join('\n')).toContain(
      'node "gone" not found',
    );
  });
});

describe('the end of a volume', () => {
  async function bound(): Promise<string> {
    await storage.create(aClaim(), userOf('data'));
    await storage.settle();
    await storage.remove('pods', 'default/user');
    return (await storage.volumeOf()).metadata.name;
  }

  it('is the work of its node, which takes the finalizer off', async () => {
    const name = await bound();
    await storage.remove(CLAIMS, 'default/data');
    await storage.settle();
    const volume = await storage.volume(name);
    expect(volume?.metadata.deletionTimestamp).toBeDefined();
    expect(volume?.metadata.finalizers).toEqual(['symphony.dev/volume']);
  });

  it('leaves the data where the node is gone, and says so', async () => {
    const name = await bound();
    const node = (await storage.volume(name))?.metadata.labels?.['symphony.dev/node'] ?? '';
    await storage.remove(CLAIMS, 'default/data');
    await storage.settle();
    await storage.remove('nodes', node);
    await storage.settle();
    expect(await storage.volume(name)).toBeUndefined();
    expect((await storage.events(`PersistentVolume/${name}`)).join('\n')).toContain(
      'the data of the volume stays',
    );
  });

  it('takes no data along once the policy is Retain', async () => {
    const name = await bound();
    const volume = await storage.volumeOf();
    const spec = { ...volume.spec, persistentVolumeReclaimPolicy: 'Retain' as const };
    await storage.cluster.objects.update({ ...volume, spec });
    await storage.remove(CLAIMS, 'default/data');
    await storage.settle();
    expect((await storage.volume(name))?.status?.phase).toBe('Released');
    expect((await storage.volume(name))?.metadata.finalizers).toEqual(['kubernetes.io/pv-protection']);
    await storage.remove(VOLUMES, name);
    await storage.settle();
    expect(await storage.volume(name)).toBeUndefined();
  });
});

describe('after the store was lost', () => {
  it('nothing is bound or made before it is rebuilt; then a volume that came back is used', async () => {
    storage.cluster.setMayAct(false);
    await storage.create(aClaim(), userOf('data'));
    await storage.settle();
    expect((await storage.claim())?.metadata.annotations).toBeUndefined();
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data', namespace: 'default' };
    const { spec } = aVolume('pvc-old', {
      claimRef,
      persistentVolumeReclaimPolicy: 'Delete',
    });
    delete spec.hostPath;
    const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In' as const, values: ['n2'] }];
    await storage.create({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name: 'pvc-old',
        labels: { 'symphony.dev/node': 'n2' },
        annotations: { 'pv.kubernetes.io/provisioned-by': 'symphony.dev/local' },
      },
      spec: {
        ...spec,
        local: { path: '/data/volumes/pvc-old' },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
      },
    });
    storage.cluster.setMayAct(true);
    await storage.settle();
    expect((await storage.claim())?.spec.volumeName).toBe('pvc-old');
    expect((await storage.pod())?.spec.nodeName).toBe('n2');
    expect((await storage.cluster.store.list(VOLUMES)).objects).toHaveLength(1);
    expect((await storage.volume('pvc-old'))?.metadata.finalizers).toContain('symphony.dev/volume');
  });
});

describe('classes', () => {
  it('that do not wait put the volume on the ready node with most room', async () => {
    await storage.create(storageNode('wide', '900Gi'), aClass('now', { volumeBindingMode: 'Immediate' }));
    await storage.create(aClaim('data', { storageClassName: 'now' }));
    await storage.settle();
    expect((await storage.volumeOf()).metadata.labels).toEqual({ 'symphony.dev/node': 'wide' });
    await storage.create(userOf('data'));
    await storage.settle();
    expect((await storage.pod())?.spec.nodeName).toBe('wide');
  });

  it('of NFS make a directory on the export, and a ready node removes it', async () => {
    const parameters = {
      server: 'nfs.test',
      share: '/srv',
      subDir: '${pvc.metadata.namespace}/${pvc.metadata.name}',
    };
    await storage.create(
      aClass('shared', {
        provisioner: 'nfs.csi.k8s.io',
        parameters,
        volumeBindingMode: 'Immediate',
        mountOptions: ['ro'],
      }),
      aClaim('data', { storageClassName: 'shared', accessModes: ['ReadWriteMany'] }),
    );
    await storage.settle();
    const volume = await storage.volumeOf();
    expect(volume.spec).toMatchObject({
      nfs: { server: 'nfs.test', path: '/srv/default/data' },
      mountOptions: ['ro'],
    });
    expect(volume.metadata.labels).toBeUndefined();
    await storage.remove(CLAIMS, 'default/data');
    await storage.settle();
    expect((await storage.volume(volume.metadata.name))?.metadata.labels).toEqual({
      'symphony.dev/node': 'n1',
    });
  });

  const nfs = (parameters: Readonly<Record<string, string>>) =>
    aClass('shared', {
      provisioner: 'nfs.csi.k8s.io',
      parameters: { server: 'nfs.test', share: '/srv', ...parameters },
      volumeBindingMode: 'Immediate',
    });
  const shared = (name = 'data') => aClaim(name, { storageClassName: 'shared' });

  it('of NFS remove no directory in which another volume is', async () => {
    await storage.create(nfs({ subDir: 'all' }), shared(), shared('other'));
    await storage.settle();
    const { name } = (await storage.volumeOf()).metadata;
    await storage.remove(CLAIMS, 'default/data');
    await storage.settle();
    expect(await storage.volume(name)).toBeUndefined();
    const other = await storage.volumeOf('other');
    expect(await storage.events(`PersistentVolume/${name}`)).toEqual([
      `VolumeDataLeft: The volume "${other.metadata.name}" is in the same directory of the export: the data of both stays`,
    ]);
    await storage.remove(CLAIMS, 'default/other');
    await storage.settle();
    expect((await storage.volume(other.metadata.name))?.metadata.labels).toBeDefined();
  });

  it('of NFS give a directory to a claim of the same name only after it was removed', async () => {
    await storage.create(nfs({ subdir: '${pvc.metadata.name}' }), shared());
    await storage.settle();
    const { name } = (await storage.volumeOf()).metadata;
    await storage.remove(CLAIMS, 'default/data');
    await storage.settle();
    await storage.create(shared());
    await storage.settle();
    expect((await storage.claim())?.spec.volumeName).toBeUndefined();
    expect(await storage.events('PersistentVolumeClaim/data')).toContain(
      `ProvisioningFailed: failed to provision volume with StorageClass "shared": its directory is being removed with the volume "${name}"`,
    );
    const leaving = await storage.volume(name);
    if (!leaving) throw new Error('the volume is gone');
    await storage.cluster.objects.update({ ...leaving, metadata: { ...leaving.metadata, finalizers: [] } });
    await storage.settle();
    expect((await storage.volumeOf()).spec.nfs?.path).toBe('/srv/data');
  });

  it.each([
    ['retain', 'Retain'],
    ['Archive', 'Retain'],
    ['delete', 'Delete'],
  ])('of NFS with onDelete %s make volumes with the policy %s', async (onDelete, policy) => {
    await storage.create(nfs({ onDelete }), shared());
    await storage.settle();
    expect((await storage.volumeOf()).spec.persistentVolumeReclaimPolicy).toBe(policy);
  });

  it('are given to claims that name none once there is a default class', async () => {
    await storage.remove('storageclasses.storage.k8s.io', 'local');
    const spec = { ...aClaim().spec };
    delete spec.storageClassName;
    await storage.create({ ...aClaim(), spec }, userOf('data'));
    await storage.settle();
    expect(await storage.events('PersistentVolumeClaim/data')).toEqual([
      'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    ]);
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await storage.create(aClass('late', { metadata: { name: 'late', annotations } }));
    await storage.settle();
    expect((await storage.claim())?.spec.storageClassName).toBe('late');
    expect((await storage.pod())?.spec.nodeName).toBeDefined();
  });
});

describe('a generic ephemeral volume', () => {
  const pod = {
    ...userOf('x'),
    spec: {
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: aClaim().spec } } }],
    },
  };

  it('has a claim that the pod owns', async () => {
    await storage.create(pod);
    await storage.settle();
    const claim = await storage.claim('user-scratch');
    expect(claim?.status?.phase).toBe('Bound');
    expect(claim?.metadata.ownerReferences).toMatchObject([{ kind: 'Pod', name: 'user', controller: true }]);
    expect((await storage.pod())?.spec.nodeName).toBeDefined();
  });

  it('does not take a claim of that name that is not the pod own', async () => {
    await storage.create(aClaim('user-scratch'), pod);
    await storage.settle();
    const why = 'PVC default/user-scratch was not created for pod default/user (pod is not owner)';
    expect(await storage.whyPending()).toContain(why);
    expect(await storage.events('Pod/user')).toContain(`FailedBinding: ephemeral volume scratch: ${why}`);
    await storage.remove(CLAIMS, 'default/user-scratch');
    await storage.settle();
    expect((await storage.pod())?.spec.nodeName).toBeDefined();
  });
});

it('what waits writes nothing at a resync', async () => {
  await storage.create(aClaim('none', { storageClassName: '' }), aClaim('later'));
  await storage.settle();
  const version = async (): Promise<unknown> => {
    await storage.cluster.context.events.flush();
    const { objects } = await storage.cluster.store.list('events');
    return objects.map(({ metadata }) => metadata.resourceVersion);
  };
  const before = await version();
  await storage.cluster.clock.advance(400_000);
  const kept = (await version()) as readonly unknown[];
  for (const one of before as readonly unknown[]) expect(kept).toContain(one);
});
