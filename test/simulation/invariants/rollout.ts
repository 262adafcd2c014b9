/**
 * 1. Rollout. Three rules make up "non-terminating pods ≤ replicas + maxSurge" where the spec may
 *    change at any time: the sizes of the ReplicaSets together grow only within the limit; a
 *    ReplicaSet creates pods only up to its size; the pods are never more than the limit, but those
 *    that were there when it shrank. And in runs without any fault, a Deployment that was complete
 *    keeps replicas − maxUnavailable available through whatever is committed.
 */
import type { Deployment, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import { controllerOf } from '../../../src/schemas/object.ts';
import { isActive, isAvailable, limitsOf, workloadsOf } from './facts.ts';
import { isGoodImage } from '../manifests.ts';
import type { Checker } from './types.ts';

const sizeOf = (set: ReplicaSet): number => set.spec.replicas ?? 1;

export const rollout: Checker = {
  invariant: 1,
  attach({ world, report, faulty }) {
    const { ledger, clock } = world;
    const allowed = new Map<string, number>();
    const floors = new Map<string, number>();
    const mostOf = (deployment: Deployment): number =>
      Math.max(
        ...ledger.recent<Deployment>(deployment.metadata.uid ?? '').map((state) => limitsOf(state).most),
      );
    const activeOf = (owner: string): number => {
      let count = 0;
      for (const pod of ledger.objects<Pod>('pods').values()) {
        if (controllerOf(pod)?.uid === owner && isActive(pod)) count += 1;
      }
      return count;
    };

    ledger.onEvent(({ type, resource, key, object, previous }) => {
      if (resource === 'pods' && type === 'ADDED') {
        const owner = controllerOf(object);
        if (owner?.kind !== 'ReplicaSet') return;
        const sizes = ledger.recent<ReplicaSet>(owner.uid).map(sizeOf);
        const active = activeOf(owner.uid);
        if (active > Math.max(...sizes)) {
          report(
            1,
            `pod ${key} is number ${active} of ReplicaSet ${owner.name}, which wants ${sizes.join(', ')}`,
          );
        }
      }
      if (resource === 'replicasets.apps' && type !== 'DELETED') {
        const owner = controllerOf(object);
        const deployment = ledger.recent<Deployment>(owner?.uid ?? '').at(-1);
        if (!deployment || !owner) return;
        const set = object as ReplicaSet;
        const grows = sizeOf(set) > (previous && controllerOf(previous) ? sizeOf(previous as ReplicaSet) : 0);
        if (!grows) return;
        const sets = [...ledger.objects<ReplicaSet>('replicasets.apps').values()];
        const total = sets
          .filter((other) => controllerOf(other)?.uid === owner.uid)
          .reduce((sum, other) => sum + sizeOf(other), 0);
        const most = mostOf(deployment);
        if (total > most)
          report(1, `ReplicaSet ${key} grew to ${sizeOf(set)}: ${total} in all, at most ${most}`);
      }
    });

    return () => {
      for (const { deployment, replicaSets, pods } of workloadsOf(world)) {
        const uid = deployment.metadata.uid ?? '';
        const active = pods.filter(isActive).length;
        const wanted = replicaSets.reduce(
          (sum, { metadata }) =>
            sum + Math.max(0, ...ledger.recent<ReplicaSet>(metadata.uid ?? '').map(sizeOf)),
          0,
        );
        const most = mostOf(deployment);
        const limit = Math.max(most, wanted, allowed.get(uid) ?? active);
        if (active > limit)
          report(1, `Deployment ${deployment.metadata.name} has ${active} pods, at most ${limit}`);
        allowed.set(uid, active);
        if (faulty) continue;
        // A ReplicaSet of an older revision keeps the patience that it was made with, as upstream's
        // does.
        const patience = new Map(
          replicaSets.map(({ metadata, spec }) => [metadata.uid, spec.minReadySeconds ?? 0]),
        );
        const available = pods.filter((pod) =>
          isAvailable(pod, patience.get(controllerOf(pod)?.uid) ?? 0, clock.now()),
        ).length;
        const states = ledger.recent<Deployment>(uid);
        const fewest = Math.min(...states.map((state) => limitsOf(state).fewest));
        const replicas = deployment.spec.replicas ?? 1;
        const isComplete = available >= replicas;
        // A longer minReadySeconds takes back pods that were available under the old rule.
        const minReady = states.map(({ spec }) => spec.minReadySeconds ?? 0);
        const isStricter = (minReady.at(-1) ?? 0) > Math.min(...minReady);
        // A pod that ends by itself promises nothing.
        const isFlaky = pods.some(({ spec }) => !isGoodImage(spec.containers[0]?.image ?? ''));
        const floor = isFlaky
          ? 0
          : isComplete
            ? fewest
            : isStricter
              ? 0
              : Math.min(floors.get(uid) ?? 0, fewest);
        if (available < floor) {
          report(1, `Deployment ${deployment.metadata.name} has ${available} available, at least ${floor}`);
        }
        floors.set(uid, floor);
      }
    };
  },
};
