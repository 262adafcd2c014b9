import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import { eventInput } from '../../../src/controllers/planned-event.ts';
import { MAX_UNBOUND_PODS } from '../../../src/controllers/owned-pod.ts';
import {
  BURST_REPLICAS,
  planRefusedPods,
  planReplicaSet,
  REPLICA_EVENTS,
  type ReplicaSetView,
} from '../../../src/controllers/replica-set/plan-replica-set.ts';
import type { Pod, ReplicaSet, ReplicationController } from '../../../src/schemas/types.ts';
import { aPod, aReplicaSet, frozen, ownedBy } from '../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const set = frozen(aReplicaSet({ name: 'web', uid: 'rs', replicas: 2 }));
const own = (name: string, more: Parameters<typeof aPod>[0] = {}, owner: ReplicaSet = set): Pod =>
  frozen(ownedBy(owner, aPod({ name, labels: { app: 'web' }, node: 'n1', ready: true, ...more })));
const input = (more: Partial<ReplicaSetView>): ReplicaSetView => ({
  replicaSet: set,
  pods: [],
  related: more.pods ?? [],
  rng: seededRng(1),
  mayAct: true,
  ...more,
});
const verbs = (more: Partial<ReplicaSetView>): string[] =>
  planReplicaSet(input(more), NOW).writes.map(({ verb, object }) => `${verb} ${object.kind}`);

describe('planReplicaSet of a ReplicationController', () => {
  const controller = frozen({
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name: 'web', namespace: 'default', uid: 'rc', generation: 3 },
    spec: { replicas: 2, selector: { app: 'web' }, template: set.spec.template ?? {} },
  }) as ReplicationController;

  it('takes and makes pods by a plain set of labels', () => {
    const orphan = aPod({ name: 'old', labels: { app: 'web' }, node: 'n1', ready: true });
    const { writes } = planReplicaSet(input({ replicaSet: controller, pods: [orphan] }), NOW);
    expect(writes.map(({ verb, object }) => `${verb} ${object.kind}`)).toEqual([
      'update Pod',
      'create Pod',
      'update ReplicationController',
    ]);
    for (const { object } of writes.slice(0, 2))
      expect(object.metadata.ownerReferences).toMatchObject([
        { apiVersion: 'v1', kind: 'ReplicationController', uid: 'rc', controller: true },
      ]);
  });

  it('reports what a ReplicationController has words for', () => {
    const { writes } = planReplicaSet(input({ replicaSet: controller }), NOW);
    expect(writes.at(-1)?.object['status']).toEqual({ observedGeneration: 3, replicas: 0 });
  });
});

describe('planReplicaSet', () => {
  it('creates all that is missing in one commit, and names it', () => {
    const { writes, events = [] } = planReplicaSet(input({}), NOW);
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'create', 'update']);
    expect(writes[0]?.object.metadata.name).toMatch(/^web-[a-z0-9]{5}$/);
    const texts = { component: 'c', texts: REPLICA_EVENTS };
    expect(events.map((event) => eventInput(texts, event).message)).toEqual(
      writes.slice(0, 2).map(({ object }) => `Created pod: ${object.metadata.name}`),
    );
    expect(events.map(({ write }) => write)).toEqual(writes.slice(0, 2));
  });

  it('makes no more pods while many have no node, however many replicas are asked for', () => {
    const huge = frozen({ ...set, spec: { ...set.spec, replicas: 2_147_483_647 } });
    const pods = Array.from({ length: MAX_UNBOUND_PODS + 9 }, (_, index) => own(`web-${index}`));
    const waiting = (count: number): readonly Pod[] =>
      pods.map((pod, index) => (index < count ? { ...pod, spec: { ...pod.spec, nodeName: '' } } : pod));
    const created = (count: number): number =>
      verbs({ replicaSet: huge, pods: waiting(count) }).filter((verb) => verb === 'create Pod').length;
    expect([0, MAX_UNBOUND_PODS - 3, MAX_UNBOUND_PODS, MAX_UNBOUND_PODS + 2].map(created)).toEqual([
      BURST_REPLICAS,
      3,
      0,
      0,
    ]);
  });

  it('gives no pod the name of another one', () => {
    const seeded = seededRng(1);
    let drawn = 0;
    // The first three names are the same.
    const rng = { ...seeded, next: () => ((drawn += 1) <= 15 ? 0 : seeded.next()) };
    const names = planReplicaSet(input({ rng, pods: [own('web-bbbbb', { phase: 'Failed' })] }), NOW)
      .writes.slice(0, 2)
      .map(({ object }) => object.metadata.name);
    expect(new Set([...names, 'web-bbbbb']).size).toBe(3);
  });

  it('takes an orphan that matches instead of creating a pod', () => {
    const orphan = aPod({ name: 'old', labels: { app: 'web' }, node: 'n1', ready: true });
    expect(verbs({ pods: [orphan, own('a')] })).toEqual(['update Pod', 'update ReplicaSet']);
  });

  it('takes no pod from another controller', () => {
    const other = own('x', {}, aReplicaSet({ name: 'other', uid: 'other' }));
    expect(verbs({ pods: [other, own('a'), own('b')] })).toEqual(['update ReplicaSet']);
  });

  it('lets go of a pod that no longer matches, and replaces it', () => {
    const released = own('a', { labels: { app: 'quarantine' } });
    expect(verbs({ pods: [released, own('b')] })).toEqual(['update Pod', 'create Pod', 'update ReplicaSet']);
  });

  it('deletes what is too much, the cheapest first', () => {
    const pods = [own('a'), own('b'), own('c', { ready: false, phase: 'Running' })];
    const { writes } = planReplicaSet(input({ pods }), NOW);
    expect(writes[0]).toMatchObject({ verb: 'delete', object: { metadata: { name: 'c' } } });
    expect(writes.filter(({ verb }) => verb === 'delete')).toHaveLength(1);
  });

  it('does nothing to pods while the store is being rebuilt (INVARIANTS 10)', () => {
    expect(verbs({ mayAct: false })).toEqual(['update ReplicaSet']);
    expect(verbs({ mayAct: false, pods: [own('a'), own('b'), own('c')] })).toEqual(['update ReplicaSet']);
  });

  it('replaces failed pods and counts terminating ones apart', () => {
    const pods = [own('a', { phase: 'Failed' }), own('b', { deletionTimestamp: '2026-01-01T00:00:00Z' })];
    const { writes } = planReplicaSet(input({ pods }), NOW);
    expect(writes.filter(({ verb }) => verb === 'create')).toHaveLength(2);
    expect(writes.at(-1)?.object['status']).toMatchObject({ replicas: 0, terminatingReplicas: 1 });
  });

  it('looks again when a ready pod will have been ready long enough', () => {
    const slow = aReplicaSet({ uid: 'rs', replicas: 1, spec: { minReadySeconds: 30 } });
    const pod = own('a', { readySince: '2026-01-01T23:59:50Z' }, slow);
    const plan = planReplicaSet(input({ replicaSet: slow, pods: [pod] }), NOW);
    expect(plan.requeueAfterMs).toBe(20_000);
    expect(plan.writes.at(-1)?.object['status']).not.toHaveProperty('availableReplicas');
  });

  it('says why pods were refused, and takes it back later', () => {
    const failure = { reason: 'FailedCreate' as const, message: 'no room' };
    const failed = planReplicaSet(input({ failure }), NOW).writes[0]?.object as ReplicaSet;
    expect(failed.status?.conditions).toMatchObject([{ type: 'ReplicaFailure', status: 'True', ...failure }]);
    const healed = planReplicaSet(input({ replicaSet: failed }), NOW).writes.at(-1)?.object as ReplicaSet;
    expect(healed.status?.conditions).toBeUndefined();
  });

  it('tells people of a refusal, and of nothing in a namespace that goes', () => {
    const refused = planRefusedPods(input({}), { message: 'no room', namespaceGoes: false }, NOW);
    expect(refused.events).toMatchObject([{ event: 'refused', args: ['no room'] }]);
    const going = planRefusedPods(input({}), { message: 'goes', namespaceGoes: true }, NOW);
    expect(going).toMatchObject({ events: [], writes: [{ verb: 'update', subresource: 'status' }] });
  });
});
