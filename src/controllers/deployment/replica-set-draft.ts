/**
 * The ReplicaSets while a plan is made: each step sees the scaling of the steps before, and all
 * changes of a ReplicaSet become one write.
 */
import { jsonEqual } from '../../base/json.ts';
import type { Deployment, ReplicaSet } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { eventsOf, type EventTexts, normal, type PlannedEvent } from '../planned-event.ts';
import { withSize } from './revisions.ts';
import { maxSurge, sizeOf, wantedReplicas } from './rollout-math.ts';

export const createFailureText = (cause: string): string => `Failed to create new replica set: ${cause}`;

export const DEPLOYMENT_EVENTS = {
  component: 'deployment-controller',
  texts: {
    scaled: normal(
      'ScalingReplicaSet',
      (direction, name, from, to) => `Scaled ${direction} replica set ${name} from ${from} to ${to}`,
    ),
    createFailed: { type: 'Warning', reason: 'ReplicaSetCreateError', message: createFailureText },
  },
} satisfies EventTexts;

export const deploymentEvent = eventsOf<typeof DEPLOYMENT_EVENTS.texts>();

export interface Draft {
  /** The state so far. */
  current(replicaSet: ReplicaSet): ReplicaSet;
  change(replicaSet: ReplicaSet): void;
  /** Sets the size (and the size annotations). True when the size changed. */
  scale(replicaSet: ReplicaSet, size: number): boolean;
  readonly writes: readonly Write[];
  readonly events: readonly PlannedEvent[];
}

export function createDraft(deployment: Deployment, replicaSets: readonly ReplicaSet[]): Draft {
  const originals = new Map(replicaSets.map((set) => [set.metadata.name, set]));
  const states = new Map(originals);
  const events: PlannedEvent[] = [];
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
      events.push(scaledEvent(deployment, before.metadata.name, from, size));
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

export function scaledEvent(about: Deployment, name: string, from: number, to: number): PlannedEvent {
  return deploymentEvent('scaled', about, to > from ? 'up' : 'down', name, String(from), String(to));
}
