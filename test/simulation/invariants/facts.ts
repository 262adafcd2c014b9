/** Facts of objects that several checkers need, worked out here and not by the code under test. */
import type { KubeObject } from '../../../src/schemas/object.ts';
import { controllerOf } from '../../../src/schemas/object.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import type { SimWorld } from '../../support/sim-world.ts';

export const isTerminating = (object: KubeObject): boolean => object.metadata.deletionTimestamp !== undefined;
export const isFinished = ({ status }: Pod): boolean =>
  status?.phase === 'Failed' || status?.phase === 'Succeeded';
/** As ReplicaSets count pods. */
export const isActive = (pod: Pod): boolean => !isTerminating(pod) && !isFinished(pod);

export function limitsOf({ spec }: Deployment): { readonly most: number; readonly fewest: number } {
  const replicas = spec.replicas ?? 1;
  const { type, rollingUpdate } = spec.strategy ?? {};
  if (type === 'Recreate') return { most: replicas, fewest: 0 };
  const share = (value: unknown, round: (x: number) => number): number =>
    typeof value === 'string' ? round((Number.parseFloat(value) * replicas) / 100) : Number(value);
  const surge = share(rollingUpdate?.maxSurge ?? '25%', Math.ceil);
  const unavailable = share(rollingUpdate?.maxUnavailable ?? '25%', Math.floor);
  return {
    most: replicas + surge,
    fewest: Math.max(0, replicas - (surge === 0 && unavailable === 0 ? 1 : unavailable)),
  };
}

export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True' || isTerminating(pod)) return false;
  return (
    minReadySeconds === 0 || nowMs - Date.parse(ready.lastTransitionTime ?? '') >= minReadySeconds * 1000
  );
}

export interface Workload {
  readonly deployment: Deployment;
  readonly replicaSets: readonly ReplicaSet[];
  readonly pods: readonly Pod[];
}

/** Every Deployment with what it controls. */
export function workloadsOf(world: SimWorld): readonly Workload[] {
  const setsByOwner = group([...world.ledger.objects<ReplicaSet>('replicasets.apps').values()]);
  const podsByOwner = group([...world.ledger.objects<Pod>('pods').values()]);
  return [...world.ledger.objects<Deployment>('deployments.apps').values()].map((deployment) => {
    const replicaSets = setsByOwner.get(deployment.metadata.uid ?? '') ?? [];
    const pods = replicaSets.flatMap(({ metadata }) => podsByOwner.get(metadata.uid ?? '') ?? []);
    return { deployment, replicaSets, pods };
  });
}

function group<T extends KubeObject>(objects: readonly T[]): Map<string, T[]> {
  const byOwner = new Map<string, T[]>();
  for (const object of objects) {
    const uid = controllerOf(object)?.uid;
    if (uid === undefined) continue;
    const list = byOwner.get(uid);
    if (list) list.push(object);
    else byOwner.set(uid, [object]);
  }
  return byOwner;
}
