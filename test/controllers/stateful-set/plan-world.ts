/** A StatefulSet, its pods, claims and revisions in memory: carries out the plans made of them. */
import { planStatefulSet } from '../../../src/controllers/stateful-set/plan-stateful-set.ts';
import type { StatefulSetView } from '../../../src/controllers/stateful-set/round.ts';
import { statefulSetKind } from '../../../src/schemas/kinds/stateful-set/kind.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type {
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
} from '../../../src/schemas/types.ts';
import type { Plan } from '../../../src/controllers/controller.ts';
import { isDeleting } from '../../../src/controllers/ownership.ts';

export type SetSpec = Partial<StatefulSet['spec']>;

export function aStatefulSet(spec: SetSpec = {}): StatefulSet {
  const labels = { app: 'db' };
  return statefulSetKind.withDefaults({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: 'shop', uid: 'set', generation: 1 },
    spec: {
      serviceName: 'db',
      selector: { matchLabels: labels },
      template: templateOf('registry.example/app:1'),
      ...spec,
    },
    status: { replicas: 0, availableReplicas: 0 },
  }) as StatefulSet;
}

export const templateOf = (image: string): StatefulSet['spec']['template'] => ({
  metadata: { labels: { app: 'db' } },
  spec: { containers: [{ name: 'c', image }] },
});

export const aClaimTemplate = (
  name = 'data',
): NonNullable<StatefulSet['spec']['volumeClaimTemplates']>[0] => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

export interface PlanWorld {
  set: StatefulSet;
  readonly pods: Map<string, Pod>;
  readonly claims: Map<string, PersistentVolumeClaim>;
  readonly revisions: Map<string, ControllerRevision>;
  nowMs: number;
  /** Nodes that have not told of their pods since the store was rebuilt. */
  unreportedNodes: readonly string[];
  view(): StatefulSetView;
  plan(): Plan;
  /** Plans, and does what is planned. */
  reconcile(): Plan;
  change(spec: SetSpec): void;
  setPod(name: string, to: 'ready' | 'unready' | 'failed' | 'gone' | 'deleted'): void;
  /** Until a plan writes nothing; pods become ready and go meanwhile. */
  settle(): void;
}

export function aPlanWorld(spec: SetSpec = {}): PlanWorld {
  const maps = {
    Pod: new Map<string, Pod>(),
    PersistentVolumeClaim: new Map<string, PersistentVolumeClaim>(),
    ControllerRevision: new Map<string, ControllerRevision>(),
  };
  let count = 0;
  const world: PlanWorld = {
    set: aStatefulSet(spec),
    pods: maps.Pod,
    claims: maps.PersistentVolumeClaim,
    revisions: maps.ControllerRevision,
    nowMs: 0,
    unreportedNodes: [],
    view: () => ({
      set: world.set,
      pods: [...maps.Pod.values()],
      revisions: [...maps.ControllerRevision.values()],
      revisionNamed: (name) => maps.ControllerRevision.get(name),
      claimNamed: (name) => maps.PersistentVolumeClaim.get(name),
      podNamed: (name) => maps.Pod.get(name),
      unreportedNodes: world.unreportedNodes,
    }),
    plan: () => planStatefulSet(world.view(), world.nowMs),
    reconcile() {
      const plan = world.plan();
      for (const write of plan.writes) {
        const { object, verb } = write;
        if (object.kind === 'StatefulSet') world.set = object as StatefulSet;
        else carryOut(maps[object.kind as keyof typeof maps], verb, object);
      }
      return plan;
    },
    change(next) {
      const generation = (world.set.metadata.generation ?? 0) + 1;
      const changed = { ...world.set, spec: { ...world.set.spec, ...next } };
      const { status } = world.set;
      world.set = {
        ...(statefulSetKind.withDefaults(changed) as StatefulSet),
        metadata: { ...world.set.metadata, generation },
        ...(status ? { status } : {}),
      };
    },
    setPod(name, to) {
      const pod = maps.Pod.get(name);
      if (!pod) return;
      if (to === 'gone') maps.Pod.delete(name);
      else if (to === 'deleted') maps.Pod.set(name, going(pod));
      else maps.Pod.set(name, { ...pod, status: statusFor(to) });
    },
    settle() {
      for (let round = 0; round < 500; round += 1) {
        for (const [name, pod] of maps.Pod)
          if (isDeleting(pod)) maps.Pod.delete(name);
          else if (pod.status?.phase === 'Pending' || pod.status?.conditions?.[0]?.status === 'False')
            world.setPod(name, 'ready');
        const collected = collect();
        if (world.reconcile().writes.length === 0 && !collected) return;
      }
      throw new Error('The StatefulSet never comes to rest');
    },
  };

  /** The garbage collector deletes the claims of pods that are gone. True when it did. */
  function collect(): boolean {
    const live = new Set([...maps.Pod.values()].map(({ metadata }) => metadata.uid));
    const orphans = [...maps.PersistentVolumeClaim].filter(([, { metadata }]) =>
      metadata.ownerReferences?.some(({ kind, uid }) => kind === 'Pod' && !live.has(uid)),
    );
    for (const [name] of orphans) maps.PersistentVolumeClaim.delete(name);
    return orphans.length > 0;
  }

  function carryOut(map: Map<string, KubeObject>, verb: string, object: KubeObject): void {
    const { name } = object.metadata;
    if (verb === 'create' && map.has(name)) throw new Error(`${object.kind} ${name} exists already`);
    if (verb !== 'create' && !map.has(name)) throw new Error(`${object.kind} ${name} does not exist`);
    const found = map.get(name);
    if (verb === 'delete' && object.kind === 'Pod' && found) map.set(name, going(found));
    else if (verb === 'delete') map.delete(name);
    else if (verb === 'update') map.set(name, object);
    else {
      count += 1;
      const metadata = { ...object.metadata, uid: `${name}#${String(count)}` };
      map.set(name, { ...object, metadata, status: { phase: 'Pending' } });
    }
  }
  return world;
}

const going = <T extends KubeObject>(object: T): T => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: '1970-01-01T00:00:00Z' },
});

function statusFor(to: 'ready' | 'unready' | 'failed'): NonNullable<Pod['status']> {
  const status = to === 'ready' ? 'True' : 'False';
  const lastTransitionTime = '1970-01-01T00:00:00Z';
  return {
    phase: to === 'failed' ? 'Failed' : 'Running',
    conditions: [{ type: 'Ready', status, lastTransitionTime }],
  };
}

/** `create Pod/db-0`, of the writes of a plan that concern pods and claims. */
export const deeds = (plan: Plan): readonly string[] =>
  plan.writes
    .filter(({ object }) => ['Pod', 'PersistentVolumeClaim'].includes(object.kind))
    .map(({ verb, object }) => `${verb} ${object.kind === 'Pod' ? 'pod' : 'claim'} ${object.metadata.name}`);
