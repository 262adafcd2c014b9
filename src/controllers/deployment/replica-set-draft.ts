/**
 * A working copy of a Deployment's ReplicaSets while one look at it is being planned: each scaling shows up in the next
 * step's arithmetic, and all changes of one ReplicaSet become one write.
 */
import type { EventInput } from '../../client/plan-event.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Deployment, ReplicaSet } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { withSize } from './revisions.ts';
import { maxSurge, sizeOf, wantedReplicas } from './rollout-math.ts';

export const COMPONENT = 'deployment-controller';

export interface Draft {
  /** The state so far. */
  current(replicaSet: ReplicaSet): ReplicaSet;
  change(replicaSet: ReplicaSet): void;
  /** Sets the size (and the size annotations). True when the size changed. */
  scale(replicaSet: ReplicaSet, size: number): boolean;
  readonly writes: readonly Write[];
  readonly events: readonly EventInput[];
}

export function createDraft(deployment: Deployment, replicaSets: readonly ReplicaSet[]): Draft {
  const originals = new Map(replicaSets.map((set) => [set.metadata.name, set]));
  const states = new Map(originals);
  const events: EventInput[] = [];
  const current = (set: ReplicaSet): ReplicaSet => states.get(set.metadata.name) ?? set;
  return {
    current,
    change: (set) => void states.set(set.metadata.name, set),
    scale(set, size) {
      const before = current(set);
      const from = sizeOf(before);
      const wanted = wantedReplicas(deployment);
      const annotations = withSize(before.metadata.annotations ?? {}, wanted, wanted + maxSurge(deployment));
      states.set(set.metadata.name, {
        ...before,
        metadata: { ...before.metadata, annotations },
        spec: { ...before.spec, replicas: size },
      });
      if (from === size) return false;
      events.push(scaled(deployment, size > from ? 'up' : 'down', before.metadata.name, from, size));
      return true;
    },
    get writes(): readonly Write[] {
      return [...states.values()]
        .filter((set) => !jsonEqual(set, originals.get(set.metadata.name)))
        .map((object) => ({ verb: 'update', object }));
    },
    events,
  };
}

export function scaled(
  about: Deployment,
  direction: 'up' | 'down',
  name: string,
  from: number,
  to: number,
): EventInput {
  const message = `Scaled ${direction} replica set ${name} from ${String(from)} to ${String(to)}`;
  return { about, type: 'Normal', reason: 'ScalingReplicaSet', message, component: COMPONENT };
}
