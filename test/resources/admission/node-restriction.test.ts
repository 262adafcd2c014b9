import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../src/resources/types.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { errorMessage } from '../../../src/base/errors.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Subresource } from '../../../src/schemas/resource-kind.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
const agent: RequestContext = {
  user: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  warn: () => undefined,
  annotate: () => undefined,
};

beforeEach(async () => {
  test = await startTestCore(systemClock, ['default', 'kube-node-lease']);
});
afterEach(() => test[Symbol.asyncDispose]());

const node = (name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
});

const outcome = (written: Promise<unknown>): Promise<string> =>
  written.then(
    () => 'done',
    (error: unknown) => errorMessage(error),
  );

const create = (object: KubeObject): Promise<string> => {
  const collection = { kind: kindNamed(object.kind), namespace: object.metadata.namespace };
  return outcome(test.core.create(collection, object, plainWrite, agent));
};

const merge = (kind: string, name: string, body: object, subresource?: Subresource): Promise<string> => {
  const ref = { kind: kindNamed(kind), namespace: kind === 'Pod' ? 'default' : undefined, name };
  return outcome(test.core.patch(ref, { format: 'merge', body }, plainWrite, agent, subresource));
};

describe('what the body of an agent says', () => {
  it('makes its own node, and no other', async () => {
    expect(await create(node('n1', { zone: 'a' }))).toBe('done');
    expect(await create(node('n2'))).toMatch(/node "n1" is not allowed to modify node "n2"/);
  });

  it('makes its own lease, and no other', async () => {
    const lease = (name: string): KubeObject => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: {},
    });
    expect(await create(lease('n1'))).toBe('done');
    expect(await create(lease('n2'))).toMatch(/can only access node lease with the same name/);
  });

  it('sets no label that keeps nodes apart, neither at first nor later nor with a status', async () => {
    const restricted = { 'node-restriction.kubernetes.io/tenant': 'a' };
    expect(await create(node('n1', restricted))).toMatch(
      /not allowed to set the following labels: node-restriction.kubernetes.io\/tenant/,
    );
    await create(node('n1'));
    const metadata = { labels: { 'x.node-restriction.kubernetes.io/tenant': 'a' } };
    expect(await merge('Node', 'n1', { metadata })).toMatch(/not allowed to modify labels/);
    expect(await merge('Node', 'n1', { metadata }, 'status')).toMatch(/not allowed to modify labels/);
    expect(await merge('Node', 'n1', { metadata: { labels: { zone: 'b' } } })).toBe('done');
  });

  it('takes no such label away', async () => {
    await test.objects.create(node('n1', { 'node-restriction.kubernetes.io/tenant': 'a' }));
    const metadata = { labels: { 'node-restriction.kubernetes.io/tenant': null } };
    expect(await merge('Node', 'n1', { metadata })).toMatch(/not allowed to modify labels/);
  });

  it('changes neither its taints nor its owners', async () => {
    await create(node('n1'));
    const taints = [{ key: 'a', effect: 'NoSchedule' }];
    expect(await merge('Node', 'n1', { spec: { taints } })).toMatch(/not allowed to modify taints/);
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'n2', uid: 'u' }];
    expect(await merge('Node', 'n1', { metadata: { ownerReferences } })).toMatch(/modify ownerReferences/);
  });

  it.each([
    ['kubernetes.io/hostname', true],
    ['beta.kubernetes.io/arch', true],
    ['topology.kubernetes.io/zone', true],
    ['failure-domain.beta.kubernetes.io/region', true],
    ['node.kubernetes.io/instance-type', true],
    ['kubelet.kubernetes.io/pool', true],
    ['eu.node.kubernetes.io/rack', true],
    ['example.com/role', true],
    ['notkubernetes.io/role', true],
    ['role', true],
    ['node-role.kubernetes.io/control-plane', false],
    ['kubernetes.io/role', false],
    ['k8s.io/anything', false],
    ['x.k8s.io/anything', false],
    ['topology.kubernetes.io/rack', false],
    ['beta.kubernetes.io/role', false],
    ['mynode.kubernetes.io/role', false],
    ['node-restriction.kubernetes.io/tenant', false],
    ['a.node-restriction.kubernetes.io/tenant', false],
  ])('may set the label %s: %s, on create, update and status', async (label, allowed) => {
    expect(await create(node('n1', { [label]: 'x' }))).toMatch(
      allowed ? /^done$/ : /node "n1" is not allowed to set the following labels: /,
    );
    if (!allowed) await test.objects.create(node('n1'));
    const metadata = { labels: { [label]: 'y' } };
    for (const subresource of [undefined, 'status'] as const)
      expect(await merge('Node', 'n1', { metadata }, subresource)).toMatch(
        allowed ? /^done$/ : /is not allowed to modify labels: /,
      );
  });

  it('registers with taints, not with a configSource', async () => {
    const taints = [{ key: 'a', effect: 'NoSchedule' }];
    expect(await create({ ...node('n1'), spec: { taints } })).toBe('done');
    await test.objects.delete(kindNamed('Node'), 'n1');
    const configSource = { configMap: { name: 'c', namespace: 'kube-system', kubeletConfigKey: 'k' } };
    expect(await create({ ...node('n1'), spec: { configSource } })).toMatch(/non-nil configSource/);
  });

  it('makes no lease elsewhere', async () => {
    const metadata = { name: 'n1', namespace: 'default' };
    expect(await create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: {} })).toMatch(
      /can only access leases in the "kube-node-lease" system namespace/,
    );
  });
});

describe('an agent and pods, whatever roles allow it', () => {
  const pod = (name: string, nodeName: string | undefined, extra: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: 'a' }, ...extra },
    spec: { containers: [{ name: 'c', image: 'web:1' }], ...(nodeName ? { nodeName } : {}) },
  });
  const refOf = (name: string) => ({ kind: kindNamed('Pod'), namespace: 'default', name });

  it('reports the status of its pods, not their labels', async () => {
    await test.objects.create(pod('p', 'n1'));
    expect(await merge('Pod', 'p', { status: { message: 'm' } }, 'status')).toBe('done');
    expect(await merge('Pod', 'p', { metadata: { labels: { app: 'b' } } }, 'status')).toMatch(
      /cannot update labels through pod status/,
    );
    const status = { resourceClaimStatuses: [{ name: 'a' }] };
    expect(await merge('Pod', 'p', { status }, 'status')).toMatch(/cannot update resource claim statuses/);
  });

  it('touches no pod of another node and no other part of its own', async () => {
    await test.objects.create(pod('own', 'n1'));
    await test.objects.create(pod('foreign', 'n2'));
    await test.objects.create(pod('free', undefined));
    for (const name of ['foreign', 'free'])
      expect(await merge('Pod', name, { status: { message: 'm' } }, 'status')).toMatch(
        /can only update pod status for pods with spec.nodeName set to itself/,
      );
    const metadata = { annotations: { a: 'b' } };
    expect(await merge('Pod', 'own', { metadata })).toMatch(/can only create and delete mirror pods/);
    for (const subresource of ['ephemeralcontainers', 'resize'] as const)
      expect(await merge('Pod', 'own', { spec: {} }, subresource)).toMatch(
        new RegExp(`unexpected pod subresource "${subresource}"`),
      );
    const target = { apiVersion: 'v1', kind: 'Node', name: 'n1' };
    expect(await outcome(test.core.bind(refOf('free'), { target }, plainWrite, agent))).toMatch(
      /unexpected pod subresource "binding"/,
    );
  });

  it('deletes and evicts its own pods only', async () => {
    await test.objects.create(pod('own', 'n1'));
    await test.objects.create(pod('foreign', 'n2'));
    const remove = (name: string): Promise<string> =>
      outcome(test.core.delete(refOf(name), { dryRun: false }, agent));
    expect(await remove('foreign')).toMatch(/can only delete pods with spec.nodeName set to itself/);
    const [eviction] = test.core.actions;
    expect(await outcome(eviction!.create(refOf('foreign'), {}, plainWrite, agent))).toMatch(
      /can only evict pods with spec.nodeName set to itself/,
    );
    const all = { kind: kindNamed('Pod'), namespace: 'default' };
    expect(await outcome(test.core.deleteCollection(all, {}, { dryRun: false }, agent))).toMatch(
      /can only delete pods/,
    );
    expect(await test.store.get('pods', 'default/foreign')).not.toHaveProperty('metadata.deletionTimestamp');
    expect(await remove('own')).toBe('done');
  });

  it('makes nothing but mirror pods of its own that name nothing of the cluster', async () => {
    const { metadata } = await test.objects.create(node('n1'));
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: metadata.uid, controller: true };
    const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner] };
    expect(await create(pod('a', 'n1'))).toMatch(/can only create mirror pods/);
    expect(await create(pod('a', 'n2', mirror))).toMatch(/spec.nodeName set to itself/);
    for (const [change, why] of [
      [[], /with an owner reference set to itself/],
      [[owner, owner], /a single owner reference/],
      [[{ ...owner, name: 'n2' }], /with an owner reference set to itself/],
      [[{ ...owner, controller: false }], /a controller owner reference/],
      [[{ ...owner, blockOwnerDeletion: true }], /must not set blockOwnerDeletion/],
      [[{ ...owner, uid: 'other' }], /UID mismatch/],
    ] as const)
      expect(await create(pod('a', 'n1', { ...mirror, ownerReferences: change }))).toMatch(why);
    const naming = pod('a', 'n1', mirror);
    for (const [spec, why] of [
      [{ serviceAccountName: 'default' }, /a service account/],
      [{ volumes: [{ name: 'v', secret: { secretName: 's' } }] }, /secrets/],
      [{ volumes: [{ name: 'v', configMap: { name: 's' } }] }, /configmaps/],
      [{ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 's' } }] }, /persistentvolumeclaims/],
    ] as const)
      expect(await create({ ...naming, spec: { ...(naming['spec'] as object), ...spec } })).toMatch(why);
  });

  it('gets no account and no Secret with a mirror pod', async () => {
    const { metadata } = await test.objects.create(node('n1'));
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: metadata.uid, controller: true };
    const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner] };
    await test.objects.create({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: 'default' },
      imagePullSecrets: [{ name: 'registry' }],
    });
    const asked = pod('a', 'n1', mirror);
    expect(await create(asked)).toBe('done');
    const made = await test.core.get(refOf('a'));
    for (const field of ['serviceAccountName', 'volumes', 'imagePullSecrets'])
      expect(made).not.toHaveProperty(['spec', field]);
    const sources = [{ serviceAccountToken: { path: 'token' } }];
    const spec = { ...(asked['spec'] as object), volumes: [{ name: 'v', projected: { sources } }] };
    expect(await create({ ...pod('b', 'n1', mirror), spec })).toMatch(
      /a mirror pod may not use ServiceAccountToken volume projections/,
    );
  });

  it('tells how large a claim has become, and nothing else of it', async () => {
    const ref = { kind: kindNamed('PersistentVolumeClaim'), namespace: 'default', name: 'c' };
    await test.objects.create({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'c', namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    const patch = (body: object, subresource?: Subresource): Promise<string> =>
      outcome(test.core.patch(ref, { format: 'merge', body }, plainWrite, agent, subresource));
    expect(await patch({ metadata: { labels: { a: 'b' } } })).toMatch(/may only update PVC status/);
    expect(await patch({ status: { phase: 'Lost' } }, 'status')).toMatch(/fields other than status/);
    expect(await patch({ status: { capacity: { storage: '1Gi' } } }, 'status')).toBe('done');
  });
});

describe('a volume whose data is on the node', () => {
  const volume = (name: string, on: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, labels: { 'symphony.dev/node': on }, finalizers: ['symphony.dev/volume', 'a/b'] },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      local: { path: `/volumes/${name}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [on] }] },
          ],
        },
      },
    },
  });
  const admin: RequestContext = { ...agent, user: { name: 'admin', groups: ['system:masters'] } };
  const put = (object: KubeObject) =>
    test.core.create(
      { kind: kindNamed('PersistentVolume'), namespace: undefined },
      object,
      plainWrite,
      admin,
    );
  const remove = (name: string) =>
    test.core.delete(
      { kind: kindNamed('PersistentVolume'), namespace: undefined, name },
      { dryRun: false },
      admin,
    );
  const REFUSED = /may only remove the finalizer symphony.dev\/volume of a deleted volume on itself/;
  const without = { metadata: { finalizers: ['a/b', 'kubernetes.io/pv-protection'] } };

  it('loses the finalizer by its agent once it is deleted, not before', async () => {
    await put(volume('v1', 'n1'));
    expect(await merge('PersistentVolume', 'v1', without)).toMatch(REFUSED);
    await remove('v1');
    expect(await merge('PersistentVolume', 'v1', without)).toBe('done');
  });

  it.each([
    ['another finalizer', { metadata: { finalizers: [] } }],
    ['its node', { metadata: { ...without.metadata, labels: { 'symphony.dev/node': 'n2' } } }],
    ['its size', { ...without, spec: { capacity: { storage: '2Gi' } } }],
    ['its claim', { ...without, spec: { claimRef: { namespace: 'default', name: 'x' } } }],
  ])('keeps %s', async (_what, body) => {
    await put(volume('v1', 'n1'));
    await remove('v1');
    expect(await merge('PersistentVolume', 'v1', body)).toMatch(REFUSED);
  });

  it('of another node keeps everything', async () => {
    await put(volume('v2', 'n2'));
    await remove('v2');
    expect(await merge('PersistentVolume', 'v2', without)).toMatch(REFUSED);
  });
});
