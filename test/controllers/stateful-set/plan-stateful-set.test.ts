import { describe, expect, it } from 'vitest';
import { MAX_UNBOUND_PODS } from '../../../src/controllers/owned-pod.ts';
import { planRefusedPods } from '../../../src/controllers/stateful-set/plan-stateful-set.ts';
import { withRetention } from '../../../src/controllers/stateful-set/claim-retention.ts';
import { podFor } from '../../../src/controllers/stateful-set/identity.ts';
import { templateOf as templateFromRevision } from '../../../src/controllers/revision-history/plan-revision-history.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import { RESTORED_OWNER } from '../../../src/schemas/pods/pod-marks.ts';
import type { OwnerReference } from '../../../src/schemas/object.ts';
import { isDeleting } from '../../../src/controllers/ownership.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import {
  aClaimTemplate,
  aPlanWorld,
  aStatefulSet,
  deeds,
  type PlanWorld,
  type SetSpec,
  templateOf,
} from './plan-world.ts';

const parallel = { podManagementPolicy: 'Parallel' } as const;
const rolling = (rollingUpdate: object): SetSpec => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate },
});

/** A set that has come to rest. */
function settled(spec: SetSpec): ReturnType<typeof aPlanWorld> {
  const world = aPlanWorld(spec);
  world.settle();
  return world;
}

describe('the pods of a StatefulSet', () => {
  it('go in parallel though hundreds of others end slowly', () => {
    const world = settled({ ...parallel, replicas: 520 });
    world.change({ replicas: 0 });
    for (const [name] of [...world.pods].slice(10)) world.setPod(name, 'deleted');
    world.reconcile();
    expect([...world.pods.values()].every(isDeleting)).toBe(true);
  });

  it('have a name, labels, a host name and claims that stay', () => {
    const world = settled({ replicas: 2, ordinals: { start: 5 }, volumeClaimTemplates: [aClaimTemplate()] });
    expect([...world.pods.keys()]).toEqual(['db-5', 'db-6']);
    expect(world.pods.get('db-6')).toMatchObject({
      metadata: {
        generateName: 'db-',
        labels: {
          app: 'db',
          'statefulset.kubernetes.io/pod-name': 'db-6',
          'apps.kubernetes.io/pod-index': '6',
          'controller-revision-hash': world.set.status?.updateRevision,
        },
      },
      spec: {
        hostname: 'db-6',
        subdomain: 'db',
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-6' } }],
      },
    });
    expect([...world.claims.values()].map(({ metadata }) => [metadata.name, metadata.labels])).toEqual([
      ['data-db-5', { app: 'db' }],
      ['data-db-6', { app: 'db' }],
    ]);
  });

  it('have the volume of the claim in the place of a volume of its name, and the names of the set', () => {
    const template = templateOf('i');
    const volumes = [
      { name: 'data', emptyDir: {} },
      { name: 'own', emptyDir: {} },
    ];
    const set = aStatefulSet({
      serviceName: '',
      template: { ...template, spec: { containers: [], ...template.spec, hostname: 'other', volumes } },
      volumeClaimTemplates: [aClaimTemplate()],
    });
    const { spec } = podFor(set, { name: 'r', template: set.spec.template }, 0);
    expect(spec.volumes).toEqual([
      { name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } },
      { name: 'own', emptyDir: {} },
    ]);
    expect([spec.hostname, spec.subdomain]).toEqual(['db-0', undefined]);
  });

  it('that ended are deleted, and made again once they are gone', () => {
    const world = settled({ replicas: 2 });
    world.setPod('db-0', 'failed');
    expect(deeds(world.reconcile())).toEqual(['delete pod db-0']);
    expect(deeds(world.plan())).toEqual([]);
    world.setPod('db-0', 'gone');
    expect(deeds(world.plan())).toEqual(['create pod db-0']);
  });

  it('have no successor while their object exists, however long their node is silent', () => {
    const world = settled({ replicas: 2, ...parallel });
    world.setPod('db-1', 'deleted');
    world.nowMs += 3_600_000;
    expect(deeds(world.reconcile())).toEqual([]);
    world.change({ template: templateOf('registry.example/app:2') });
    expect(deeds(world.reconcile())).toEqual([]);
    world.setPod('db-1', 'gone');
    expect(deeds(world.plan())).toEqual(['create pod db-1']);
  });

  it('wait for a foreign pod of their name', () => {
    const world = aPlanWorld({ replicas: 2, ...parallel });
    const foreign: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'db-0', namespace: 'shop', uid: 'x', labels: { app: 'other' } },
      spec: { containers: [] },
      status: { phase: 'Running' },
    };
    world.pods.set('db-0', foreign);
    expect(deeds(world.reconcile())).toEqual(['create pod db-1']);
    expect(world.pods.get('db-0')).toBe(foreign);
  });

  it('are made in bursts, however many replicas are asked for', () => {
    const huge = aPlanWorld({ replicas: 2_147_483_647, ...parallel });
    expect(deeds(huge.reconcile())).toHaveLength(500);
    expect(deeds(aPlanWorld({ replicas: 2_147_483_647 }).reconcile())).toEqual(['create pod db-0']);
    for (let commits = 1; commits < 12; commits += 1) huge.reconcile();
    expect(huge.pods.size).toBe(MAX_UNBOUND_PODS);
  });

  it('are adopted by selector and name when agents brought them back, and not made twice', () => {
    const world = settled({ replicas: 3 });
    const lost = world.set.status?.updateRevision;
    for (const [name, pod] of world.pods) {
      const metadata = omit(pod.metadata, 'ownerReferences');
      const annotations = { [RESTORED_OWNER]: 'StatefulSet/db' };
      world.pods.set(name, { ...pod, metadata: { ...metadata, annotations } });
    }
    world.revisions.clear();
    world.set = { ...aStatefulSet({ replicas: 3 }), metadata: { ...world.set.metadata, uid: 'new' } };
    expect(deeds(world.reconcile())).toEqual(['update pod db-0', 'update pod db-1', 'update pod db-2']);
    const uids = [...world.pods.values()].map(({ metadata }) => metadata.uid);
    world.settle();
    expect([...world.pods.values()].map(({ metadata }) => metadata.uid)).toEqual(uids);
    expect(world.set.status).toMatchObject({ currentRevision: lost, updateRevision: lost, readyReplicas: 3 });
  });

  describe('that agents brought back', () => {
    /** The store after FLUSHALL, the agents' reports and Git's sync. */
    function lose(world: PlanWorld, ...names: readonly string[]): void {
      for (const name of names) {
        const pod = world.pods.get(name) as Pod;
        const metadata = omit(pod.metadata, 'ownerReferences');
        const annotations = { [RESTORED_OWNER]: 'StatefulSet/db' };
        world.pods.set(name, { ...pod, metadata: { ...metadata, annotations } });
      }
      world.revisions.clear();
      world.claims.clear();
      const { spec, metadata } = world.set;
      world.set = { ...aStatefulSet(spec), metadata: { ...metadata, uid: 'new' } };
    }
    const uids = (world: PlanWorld): readonly unknown[] =>
      [...world.pods.values()].map(({ metadata }) => metadata.uid);
    const images = (world: PlanWorld): readonly unknown[] =>
      [...world.pods.values()].map(({ spec }) => spec.containers[0]?.image).sort();

    it('get their claims again although they run, before they are adopted', () => {
      const world = settled({ replicas: 2, volumeClaimTemplates: [aClaimTemplate()] });
      lose(world, 'db-0', 'db-1');
      world.setPod('db-0', 'unready');
      expect(deeds(world.reconcile())).toEqual(['create claim data-db-0', 'create claim data-db-1']);
      expect(deeds(world.reconcile())).toEqual(['update pod db-0', 'update pod db-1']);
    });

    it('get no claims beyond the replicas: scaling down would delete their data', () => {
      const world = settled({ replicas: 2, volumeClaimTemplates: [aClaimTemplate()] });
      lose(world, 'db-0', 'db-1');
      world.change({ replicas: 1 });
      world.settle();
      expect([...world.claims.keys()]).toEqual(['data-db-0']);
    });

    it('are adopted although their claims are refused', () => {
      const world = settled({ replicas: 1, volumeClaimTemplates: [aClaimTemplate()] });
      lose(world, 'db-0');
      const plan = planRefusedPods(world.view(), { message: 'exceeded quota', namespaceGoes: false }, 0);
      expect(deeds(plan)).toEqual(['update pod db-0']);
    });

    it('keep the revision below the partition, and are made again from it', () => {
      const world = settled({ replicas: 3, volumeClaimTemplates: [aClaimTemplate()] });
      const old = world.set.status?.currentRevision;
      world.change({ template: templateOf('registry.example/app:2'), ...rolling({ partition: 2 }) });
      world.settle();
      const next = world.set.status?.updateRevision;
      const before = uids(world);
      lose(world, 'db-0', 'db-1', 'db-2');
      world.settle();
      expect(uids(world)).toEqual(before);
      expect(world.set.status).toMatchObject({
        currentRevision: old,
        updateRevision: next,
        updatedReplicas: 1,
      });
      world.setPod('db-1', 'failed');
      world.settle();
      expect(images(world)).toEqual([1, 1, 2].map((n) => `registry.example/app:${String(n)}`));
      const numbers = [...world.revisions.values()].map(({ metadata, revision }) => [
        metadata.name,
        revision,
      ]);
      expect(numbers).toEqual([
        [old, 1],
        [next, 2],
      ]);
      const made = world.revisions.get(old ?? '');
      expect(made && templateFromRevision(made)).toEqual(aStatefulSet().spec.template);
    });

    it('keep it although their node comes back after the rebuild, and no history is kept', () => {
      const world = settled({ replicas: 2, revisionHistoryLimit: 0, ...parallel });
      const old = world.set.status?.currentRevision;
      world.change({ template: templateOf('registry.example/app:2'), ...rolling({ partition: 1 }) });
      world.settle();
      lose(world, 'db-0', 'db-1');
      const away = world.pods.get('db-0') as Pod;
      world.pods.delete('db-0');
      world.unreportedNodes = ['n1'];
      world.settle();
      world.pods.set('db-0', away);
      world.unreportedNodes = [];
      world.settle();
      world.setPod('db-0', 'failed');
      world.settle();
      expect(world.set.status?.currentRevision).toBe(old);
      expect(images(world)).toEqual([1, 2].map((n) => `registry.example/app:${String(n)}`));
    });

    it('that are of the template of today get no second revision, whatever their label says', () => {
      const world = settled({ replicas: 1 });
      const pod = world.pods.get('db-0') as Pod;
      const labels = { ...pod.metadata.labels, 'controller-revision-hash': 'db-collided' };
      const tolerations = ['not-ready', 'unreachable'].map((condition) => ({
        ...{ key: `node.kubernetes.io/${condition}`, operator: 'Exists' as const },
        ...{ effect: 'NoExecute' as const, tolerationSeconds: 10 },
      }));
      const spec = { ...pod.spec, nodeName: 'n1', tolerations };
      world.pods.set('db-0', { ...pod, metadata: { ...pod.metadata, labels }, spec });
      const before = uids(world);
      lose(world, 'db-0');
      world.settle();
      expect(uids(world)).toEqual(before);
      expect([...world.revisions.keys()]).toEqual(['db-collided']);
      expect(world.set.status).toMatchObject({ updateRevision: 'db-collided', updatedReplicas: 1 });
    });
  });

  it('with the labels of the set and another name are left alone, and let go when it owns them', () => {
    const world = settled({ replicas: 1 });
    const [pod] = world.pods.values() as IterableIterator<Pod>;
    const named = (name: string, owned: boolean): Pod => ({
      ...(pod as Pod),
      metadata: {
        ...(pod as Pod).metadata,
        name,
        uid: name,
        ownerReferences: owned ? ((pod as Pod).metadata.ownerReferences ?? []) : [],
      },
    });
    for (const name of ['db-01', 'db', 'db-2147483648', 'other-0']) world.pods.set(name, named(name, false));
    expect(deeds(world.plan())).toEqual([]);
    world.pods.set('db-x', named('db-x', true));
    expect(deeds(world.reconcile())).toEqual(['update pod db-x']);
    expect(world.pods.get('db-x')?.metadata.ownerReferences).toBeUndefined();
  });

  it('stay as they are while the set is being deleted', () => {
    const world = settled({ replicas: 2 });
    world.set = {
      ...world.set,
      metadata: { ...world.set.metadata, deletionTimestamp: 'now', generation: 2 },
    };
    world.setPod('db-1', 'gone');
    expect(world.plan().writes.map(({ object }) => object.kind)).toEqual(['StatefulSet']);
    world.change({ template: templateOf('registry.example/app:9') });
    expect(world.plan().writes).toEqual([]);
  });

  it('get back a label of theirs, and their claims while they are pending', () => {
    const world = settled({ replicas: 1, volumeClaimTemplates: [aClaimTemplate()] });
    const pod = world.pods.get('db-0') as Pod;
    world.pods.set('db-0', { ...pod, metadata: { ...pod.metadata, labels: { app: 'db' } } });
    world.claims.clear();
    expect(deeds(world.reconcile())).toEqual(['update pod db-0']);
    world.pods.set('db-0', { ...pod, status: { phase: 'Pending' } });
    expect(deeds(world.reconcile())).toEqual(['create claim data-db-0']);
  });

  it('made without their claims are reported, since no pod changes its volumes', () => {
    const world = settled({ replicas: 1 });
    world.change({ volumeClaimTemplates: [aClaimTemplate()] });
    expect(world.plan().events).toMatchObject([
      { event: 'updateFailed', args: ['db-0', 'db', expect.any(String)] },
    ]);
  });
});

describe('scaling down', () => {
  it('goes from the highest ordinal, one after the other, and waits for pods that are unready', () => {
    const world = settled({ replicas: 4 });
    world.change({ replicas: 1 });
    expect(deeds(world.reconcile())).toEqual(['delete pod db-3']);
    expect(deeds(world.plan())).toEqual([]);
    world.setPod('db-3', 'gone');
    for (const name of ['db-1', 'db-2']) world.setPod(name, 'unready');
    expect(deeds(world.plan())).toEqual([]);
    world.setPod('db-1', 'ready');
    expect(deeds(world.plan())).toEqual(['delete pod db-2']);
  });

  it('takes all at once where the order does not matter', () => {
    const world = settled({ replicas: 4, ...parallel });
    world.change({ replicas: 1 });
    expect(deeds(world.plan())).toEqual(['delete pod db-3', 'delete pod db-2', 'delete pod db-1']);
  });
});

describe('an update', () => {
  const update = { template: templateOf('registry.example/app:2') };

  it.each<[string, SetSpec, readonly string[]]>([
    ['takes the highest pod', rolling({}), ['delete pod db-3']],
    ['stops at the partition', rolling({ partition: 4 }), []],
    ['leaves pods to be deleted by hand', { updateStrategy: { type: 'OnDelete' } }, []],
    [
      'takes as many as may be unavailable',
      rolling({ maxUnavailable: 3 }),
      ['delete pod db-3', 'delete pod db-2', 'delete pod db-1'],
    ],
    ['rounds a share down', rolling({ maxUnavailable: '70%' }), ['delete pod db-3', 'delete pod db-2']],
    ['takes one at least', rolling({ maxUnavailable: '10%' }), ['delete pod db-3']],
    [
      'takes no more than the partition leaves',
      rolling({ partition: 3, maxUnavailable: 3 }),
      ['delete pod db-3'],
    ],
  ])('%s', (_, spec, expected) => {
    const world = settled({ replicas: 4, ...spec });
    world.change(update);
    expect(deeds(world.plan())).toEqual(expected);
  });

  it('counts pods that are unavailable, and takes broken ones for nothing', () => {
    const world = settled({ replicas: 4, ...parallel, ...rolling({ maxUnavailable: 1 }) });
    world.change(update);
    world.setPod('db-1', 'unready');
    expect(deeds(world.plan())).toEqual(['delete pod db-1']);
    world.setPod('db-1', 'ready');
    world.setPod('db-2', 'deleted');
    expect(deeds(world.plan())).toEqual([]);
  });

  it('that is broken is mended by the next one where the order does not matter', () => {
    const world = settled({ replicas: 2, ...parallel });
    world.change(update);
    world.reconcile();
    world.setPod('db-1', 'gone');
    world.reconcile();
    world.setPod('db-1', 'unready');
    world.change({ template: templateOf('registry.example/app:3') });
    expect(deeds(world.plan())).toEqual(['delete pod db-1']);
  });

  it('keeps pods below the partition at the current revision when they are made again', () => {
    const world = settled({ replicas: 2, ...rolling({ partition: 1 }) });
    const before = world.set.status?.currentRevision;
    world.change(update);
    world.settle();
    world.setPod('db-0', 'gone');
    world.settle();
    const images = [...world.pods].sort().map(([, { spec }]) => spec.containers[0]?.image);
    expect(images).toEqual(['registry.example/app:1', 'registry.example/app:2']);
    expect(world.set.status).toMatchObject({ currentRevision: before, updatedReplicas: 1 });
  });

  it('waits until a pod has been ready long enough', () => {
    const world = aPlanWorld({ replicas: 2, minReadySeconds: 10 });
    world.reconcile();
    world.setPod('db-0', 'ready');
    world.nowMs = 4_000;
    expect(world.reconcile()).toMatchObject({ requeueAfterMs: 6_000 });
    expect([...world.pods.keys()]).toEqual(['db-0']);
    world.nowMs = 10_000;
    expect(deeds(world.plan())).toEqual(['create pod db-1']);
  });

  it('keeps as many old revisions as the history may have, all of them when it is negative', () => {
    for (const [limit, kept] of [
      [0, 1],
      [1, 2],
      [-1, 4],
    ] as const) {
      const world = settled({ replicas: 1, revisionHistoryLimit: limit });
      for (const image of ['b', 'c', 'd']) {
        world.change({ template: templateOf(image) });
        world.settle();
      }
      expect(world.revisions.size).toBe(kept);
    }
  });
});

describe('claims', () => {
  const policy = (whenScaled: 'Retain' | 'Delete', whenDeleted: 'Retain' | 'Delete'): SetSpec => ({
    replicas: 1,
    persistentVolumeClaimRetentionPolicy: { whenScaled, whenDeleted },
    volumeClaimTemplates: [aClaimTemplate()],
  });
  const podOf = (ordinal: number): Pod => {
    const set = aStatefulSet();
    const pod = podFor(set, { name: 'r', template: set.spec.template }, ordinal);
    return { ...pod, metadata: { ...pod.metadata, uid: `uid-${String(ordinal)}` } };
  };
  const claim = (ownerReferences: OwnerReference[] = []): Parameters<typeof withRetention>[2] => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data-db-0', namespace: 'shop', ownerReferences },
    spec: {},
  });
  const owner = (kind: string, name: string, uid: string, controller = true): OwnerReference => ({
    apiVersion: kind === 'StatefulSet' ? 'apps/v1' : 'v1',
    kind,
    name,
    uid,
    controller,
    blockOwnerDeletion: true,
  });

  it.each([
    ['Retain', 'Retain', 0, []],
    ['Retain', 'Retain', 1, []],
    ['Retain', 'Delete', 0, ['StatefulSet']],
    ['Retain', 'Delete', 1, ['StatefulSet']],
    ['Delete', 'Retain', 0, []],
    ['Delete', 'Retain', 1, ['Pod']],
    ['Delete', 'Delete', 0, ['StatefulSet']],
    ['Delete', 'Delete', 1, ['Pod']],
  ] as const)('scaled %s, deleted %s: the claim of ordinal %i of one replica is owned by %j', (...row) => {
    const [whenScaled, whenDeleted, ordinal, owners] = row;
    const set = aStatefulSet(policy(whenScaled, whenDeleted));
    const pod = podOf(ordinal);
    const given = claim();
    const owned = withRetention(set, pod, given) ?? given;
    expect((owned.metadata.ownerReferences ?? []).map(({ kind }) => kind)).toEqual(owners);
    expect(withRetention(set, pod, owned)).toBeUndefined();
    const kept = withRetention(aStatefulSet(policy('Retain', 'Retain')), pod, owned) ?? owned;
    expect(kept.metadata.ownerReferences ?? []).toEqual([]);
  });

  it('of an earlier set or pod of the name are left to the garbage collector', () => {
    const set = aStatefulSet(policy('Delete', 'Delete'));
    for (const reference of [owner('StatefulSet', 'db', 'old'), owner('Pod', 'db-0', 'old')])
      expect(withRetention(set, podOf(0), claim([reference]))).toBeUndefined();
  });

  it('of another controller keep it, and lose ours', () => {
    const set = aStatefulSet(policy('Retain', 'Delete'));
    const foreign = owner('Backup', 'b', 'b');
    expect(withRetention(set, podOf(0), claim([foreign]))).toBeUndefined();
    const both = withRetention(set, podOf(0), claim([foreign, owner('StatefulSet', 'db', 'set')]));
    expect(both?.metadata.ownerReferences).toEqual([foreign]);
    const mended = withRetention(set, podOf(0), claim([owner('StatefulSet', 'db', 'set', false)]));
    expect(mended?.metadata.ownerReferences).toMatchObject([{ uid: 'set', controller: true }]);
  });

  it('go with the pod that is scaled down, and hold up its successor until they are gone', () => {
    const world = settled({ ...policy('Delete', 'Retain'), replicas: 2 });
    world.change({ replicas: 1 });
    expect(deeds(world.reconcile())).toEqual(['update claim data-db-1', 'delete pod db-1']);
    world.setPod('db-1', 'gone');
    world.change({ replicas: 2 });
    expect(deeds(world.reconcile())).toEqual([]);
    world.claims.delete('data-db-1');
    expect(deeds(world.plan())).toEqual(['create claim data-db-1', 'create pod db-1']);
  });

  it('that are being deleted hold up the pod, with an event', () => {
    const world = aPlanWorld(policy('Retain', 'Retain'));
    const going = { ...claim(), metadata: { ...claim().metadata, deletionTimestamp: 'now' } };
    world.claims.set('data-db-0', going);
    const plan = world.plan();
    expect(deeds(plan)).toEqual([]);
    expect(plan.events).toMatchObject([
      { event: 'createFailed', args: ['db-0', 'db', 'pvc data-db-0 is being deleted'] },
    ]);
  });
});

it('what the API refuses is reported, and the status kept', () => {
  const set = aStatefulSet({ replicas: 2, ...parallel });
  const nothing = (): undefined => undefined;
  const view = {
    set,
    pods: [],
    revisions: [],
    revisionNamed: nothing,
    claimNamed: nothing,
    podNamed: nothing,
  };
  const refusal = { message: 'pods "db-1" is forbidden: exceeded quota: q', namespaceGoes: false };
  const plan = planRefusedPods(view, refusal, 0);
  expect(plan.writes).toMatchObject([{ verb: 'update', subresource: 'status' }]);
  expect(plan.events).toMatchObject([{ event: 'createFailed', args: ['db-1', 'db', refusal.message] }]);
  expect(planRefusedPods(view, { ...refusal, namespaceGoes: true }, 0).events).toEqual([]);
});
