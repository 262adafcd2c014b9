import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { PLACEMENT_PROOF, RESTORED_OWNER } from '../../src/schemas/pods/pod-marks.ts';
import { unreportedList } from '../../src/schemas/unreported-nodes.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../api/test-api.ts';

const pods = { kind: kindNamed('Pod'), namespace: 'default' };
const OWNER = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'gone', controller: true };
const running = (name: string, spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    resourceVersion: '7',
    ownerReferences: [OWNER],
  },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'nginx:1' }], ...spec },
  status: { phase: 'Running', podIP: '10.244.1.7' },
});

/** Those that every pod gets. */
const TOLERATIONS = ['not-ready', 'unreachable'].map((taint) => ({
  key: `node.kubernetes.io/${taint}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}));

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock);
});
afterEach(() => test[Symbol.asyncDispose]());

async function rebuild(): Promise<void> {
  const state = await test.store.clusterState();
  if (!state) throw new Error('there is no state');
  await test.store.setClusterState({ ...state, phase: 'rebuilding' }, state);
}
const proven = (name: string, spec: object = {}): KubeObject => test.proofs.seal(running(name, spec));
const find = (name: string): Promise<KubeObject | undefined> => test.store.get('pods', `default/${name}`);

describe('pods that agents tell of after the store lost its history', () => {
  it('are refused while nothing was lost', async () => {
    await expect(test.core.restorePods('n1', [proven('a')])).rejects.toMatchObject({ code: 409 });
  });

  it('come back after the rebuild from a node that was away, until it is registered', async () => {
    const list = unreportedList(['n1'], '2026-01-01T00:00:00Z');
    await test.objects.create(list);
    expect(await test.core.restorePods('n1', [proven('a'), running('b')])).toMatchObject([
      { pod: 'default/b', cause: 'unproven' },
    ]);
    expect((await find('a'))?.metadata.uid).toBe('uid-a');
    await expect(test.core.restorePods('n2', [proven('c')])).rejects.toMatchObject({ code: 409 });
    await test.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec: {} });
    await expect(test.core.restorePods('n1', [proven('c')])).rejects.toMatchObject({ code: 409 });
  });

  it('come back with uid, node and status, and without owners', async () => {
    await rebuild();
    expect(await test.core.restorePods('n1', [proven('a')])).toEqual([]);
    const pod = await test.core.get({ ...pods, name: 'a' });
    expect(pod.metadata).toMatchObject({ uid: 'uid-a', annotations: { [RESTORED_OWNER]: 'ReplicaSet/web' } });
    expect(pod.metadata.ownerReferences).toBeUndefined();
    expect(pod['status']).toEqual({ phase: 'Running', podIP: '10.244.1.7' });
  });

  it('come back a second time, and keep the name of their controller', async () => {
    await rebuild();
    await test.core.restorePods('n1', [proven('a')]);
    const first = await find('a');
    if (!first) throw new Error('not restored');
    const version = first.metadata.resourceVersion ?? '';
    await test.store.commit([
      { type: 'delete', resource: 'pods', key: 'default/a', expectedVersion: version },
    ]);
    expect(await test.core.restorePods('n1', [first])).toEqual([]);
    expect((await find('a'))?.metadata.annotations).toMatchObject({ [RESTORED_OWNER]: 'ReplicaSet/web' });
  });

  it('come back without what no proof covers', async () => {
    await rebuild();
    const pod = proven('a');
    const metadata = { ...pod.metadata, managedFields: [{ manager: 'node' }] };
    await test.core.restorePods('n1', [{ ...pod, metadata }]);
    const back = await find('a');
    expect(back?.metadata.managedFields).toBeUndefined();
    expect(back?.metadata.uid).toBe('uid-a');
  });

  it('do not replace what is there, and do not keep each other out', async () => {
    await rebuild();
    await test.core.restorePods('n1', [proven('a')]);
    const before = await find('a');
    await test.core.restorePods('n1', ['nonsense', running('c'), proven('a'), proven('b')]);
    expect(await find('a')).toEqual(before);
    expect((await find('b'))?.metadata.uid).toBe('uid-b');
    expect(await find('c')).toBeUndefined();
  });

  it('do not keep each other out where one is too large for the store', async () => {
    await rebuild();
    const huge = { ...proven('a'), status: { phase: 'Running', message: 'x'.repeat(1_600_000) } };
    const waiting = await test.core.restorePods('n1', [huge, proven('b')]);
    expect(waiting).toMatchObject([{ pod: 'default/a', cause: 'invalid' }]);
    expect((await find('b'))?.metadata.uid).toBe('uid-b');
  });
});

describe('pods that a node invents or changes', () => {
  const privileged = { containers: [{ name: 'c', image: 'x', securityContext: { privileged: true } }] };

  it.each<[string, string, () => unknown]>([
    ['is no pod', 'malformed', () => 'nonsense'],
    ['has no uid', 'malformed', () => ({ ...running('a'), metadata: { name: 'a', namespace: 'default' } })],
    ['is bound to another node', 'foreign', () => test.proofs.seal(running('a', { nodeName: 'n2' }))],
    ['was never bound', 'unproven', () => running('a')],
    ['carries a made-up proof', 'unproven', () => ({ ...proven('a'), metadata: marked('v1.AAAA') })],
    [
      'carries the proof of another pod',
      'unproven',
      () => ({ ...running('a'), metadata: marked(proofOf('b')) }),
    ],
    ['changed its spec', 'unproven', () => ({ ...proven('a'), spec: running('a', privileged)['spec'] })],
    [
      'moved to another namespace',
      'unproven',
      () => {
        const pod = proven('a');
        return { ...pod, metadata: { ...pod.metadata, namespace: 'kube-system' } };
      },
    ],
    ['reports a status of the wrong shape', 'invalid', () => ({ ...proven('a'), status: 'fine' })],
  ])('is not restored when it %s', async (_, cause, make) => {
    await rebuild();
    const waiting = await test.core.restorePods('n1', [make()]);
    expect(waiting).toMatchObject([{ cause }]);
    expect((await test.store.list('pods')).objects).toEqual([]);
  });

  const marked = (proof: string): KubeObject['metadata'] => ({
    ...running('a').metadata,
    annotations: { [PLACEMENT_PROOF]: proof },
  });
  const proofOf = (name: string): string => proven(name).metadata.annotations?.[PLACEMENT_PROOF] ?? '';

  it('is held to the Pod Security level that its namespace names', async () => {
    await rebuild();
    const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
    await test.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'held', labels } });
    const pod = running('a', privileged);
    const held = test.proofs.seal({ ...pod, metadata: { ...pod.metadata, namespace: 'held' } });
    expect(await test.core.restorePods('n1', [held])).toMatchObject([{ cause: 'forbidden' }]);
    // The namespace without a label may get its own from Git only later.
    expect(await test.core.restorePods('n1', [proven('a', privileged)])).toEqual([]);
  });

  it('is reported in an event about its node', async () => {
    await rebuild();
    await test.core.restorePods('n1', [running('a'), proven('b')]);
    await expect
      .poll(async () => (await test.store.list('events')).objects)
      .toMatchObject([
        {
          reason: 'PodsNotRestored',
          involvedObject: { kind: 'Node', name: 'n1' },
          message: expect.stringContaining('default/a') as string,
        },
      ]);
  });
});

describe('the proof of a pod', () => {
  const draft = (metadata: object = {}, spec: object = {}): unknown => ({
    metadata: { name: 'a', namespace: 'default', ...metadata },
    spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...spec },
  });
  const stored = async (): Promise<KubeObject> => (await find('a')) as KubeObject;
  const isProven = async (): Promise<boolean> => test.proofs.isProven(await stored());
  const ref = { ...pods, name: 'a' };
  const bind = (): Promise<void> =>
    test.core.bind(
      ref,
      { metadata: { name: 'a' }, target: { kind: 'Node', name: 'n1' } },
      plainWrite,
      test.context,
    );
  const patch = (
    body: unknown,
    subresource?: 'ephemeralcontainers' | 'resize' | 'status',
  ): Promise<unknown> =>
    test.core.patch(ref, { format: 'strategic', body }, plainWrite, test.context, subresource);

  it('is made when the pod is bound, or created on a node', async () => {
    await test.core.create(pods, draft(), plainWrite, test.context);
    expect((await stored()).metadata.annotations).toBeUndefined();
    await bind();
    expect(await isProven()).toBe(true);
    await test.core.create(pods, draft({ name: 'b' }, { nodeName: 'n1' }), plainWrite, test.context);
    expect(test.proofs.isProven((await find('b')) as KubeObject)).toBe(true);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['another image', () => patch({ spec: { containers: [{ name: 'c', image: 'nginx:2' }] } })],
    [
      'another toleration',
      () => patch({ spec: { tolerations: [...TOLERATIONS, { key: 'k', operator: 'Exists' }] } }),
    ],
    ['a label', () => patch({ metadata: { labels: { a: 'b' } } })],
    ['an owner', () => patch({ metadata: { ownerReferences: [{ ...OWNER, uid: 'x' }] } })],
    [
      'an annotation that comes with a status',
      () => patch({ metadata: { annotations: { a: 'b' } } }, 'status'),
    ],
    ['a status', () => patch({ status: { phase: 'Running' } }, 'status')],
    [
      'a debug container',
      () =>
        patch({ spec: { ephemeralContainers: [{ name: 'd', image: 'busybox' }] } }, 'ephemeralcontainers'),
    ],
    [
      'other resources',
      () =>
        patch({ spec: { containers: [{ name: 'c', resources: { requests: { cpu: '20m' } } }] } }, 'resize'),
    ],
    ['a deletion', () => test.core.delete(ref, { dryRun: false }, test.context)],
  ])('is renewed with %s', async (_, change) => {
    const resources = { requests: { cpu: '10m' }, limits: { cpu: '50m' } };
    const containers = [{ name: 'c', image: 'nginx:1', resources }];
    await test.core.create(pods, draft({}, { containers }), plainWrite, test.context);
    await bind();
    const before = await stored();
    await change();
    const after = await stored();
    expect(after.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
    expect(await isProven()).toBe(true);
  });

  it('cannot be set, changed or removed by a request', async () => {
    const marks = { [PLACEMENT_PROOF]: 'v1.forged', [RESTORED_OWNER]: 'ReplicaSet/web' };
    await test.core.create(pods, draft({ annotations: marks }), plainWrite, test.context);
    expect((await stored()).metadata.annotations).toBeUndefined();
    await bind();
    const bound = await stored();
    await patch({ metadata: { annotations: marks } });
    await patch({ metadata: { annotations: marks } }, 'status');
    await patch({ metadata: { annotations: null } });
    await test.core.update(ref, draft({}, bound['spec'] as object), plainWrite, test.context);
    expect((await stored()).metadata.resourceVersion).toBe(bound.metadata.resourceVersion);
  });
});

describe('volumes that agents tell of after the store lost its history', () => {
  const aVolume = (name: string, node = 'n1'): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name,
      uid: `uid-${name}`,
      labels: { 'symphony.dev/node': node },
      annotations: {
        'pv.kubernetes.io/provisioned-by': 'symphony.dev/local',
        'pv.kubernetes.io/bound-by-controller': 'yes',
      },
      finalizers: ['kubernetes.io/pv-protection', 'symphony.dev/volume'],
    },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { kind: 'PersistentVolumeClaim', namespace: 'default', name: 'data', uid: 'old' },
      local: { path: `/volumes/${name}` },
    },
  });
  const back = (name: string): Promise<KubeObject | undefined> => test.store.get('persistentvolumes', name);

  it('come back for the claim of their name, whatever its uid will be', async () => {
    await rebuild();
    expect(await test.core.restorePods('n1', [test.proofs.seal(aVolume('pvc-1'))])).toEqual([]);
    const volume = await back('pvc-1');
    expect(volume?.metadata).toMatchObject({
      uid: 'uid-pvc-1',
      finalizers: ['kubernetes.io/pv-protection', 'symphony.dev/volume'],
    });
    expect(volume?.metadata.annotations).not.toHaveProperty('pv.kubernetes.io/bound-by-controller');
    expect(volume?.['spec']).toMatchObject({ local: { path: '/volumes/pvc-1' } });
    expect((volume?.['spec'] as { claimRef: object }).claimRef).toEqual({
      kind: 'PersistentVolumeClaim',
      namespace: 'default',
      name: 'data',
    });
    expect(test.proofs.isProven(volume as KubeObject)).toBe(true);
  });

  it('come back twice, and leave what is there', async () => {
    await rebuild();
    const volume = test.proofs.seal(aVolume('pvc-1'));
    await test.core.restorePods('n1', [volume]);
    const version = (await back('pvc-1'))?.metadata.resourceVersion;
    expect(await test.core.restorePods('n1', [volume])).toEqual([]);
    expect((await back('pvc-1'))?.metadata.resourceVersion).toBe(version);
  });

  it.each<[string, (volume: KubeObject) => unknown, string]>([
    [
      'another path',
      (one) => ({ ...one, spec: { ...(one['spec'] as object), local: { path: '/etc' } } }),
      'unproven',
    ],
    ['a hostPath', (one) => ({ ...one, spec: { hostPath: { path: '/' } } }), 'unproven'],
    ['no proof', () => aVolume('pvc-1'), 'unproven'],
    ['another node', () => test.proofs.seal(aVolume('pvc-1', 'n2')), 'foreign'],
    [
      'the proof of a pod',
      (one) => ({ ...one, metadata: { ...one.metadata, annotations: proven('a').metadata.annotations } }),
      'unproven',
    ],
    ['no spec', (one) => ({ ...one, spec: 7 }), 'malformed'],
  ])('do not come back with %s', async (_what, change, cause) => {
    await rebuild();
    const volume = change(test.proofs.seal(aVolume('pvc-1')));
    expect(await test.core.restorePods('n1', [volume])).toMatchObject([
      { pod: expect.stringContaining('pvc-1') as string, cause },
    ]);
    expect(await back('pvc-1')).toBeUndefined();
  });
});
