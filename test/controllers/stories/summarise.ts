/** The summary of an object that the recorded stories keep of each of its states. */
import type { KubeObject } from '../../../src/schemas/object.ts';

export type ObjectSummary = Readonly<Record<string, unknown>>;

const PREFIX = 'deployment.kubernetes.io/';
const COUNTS = [
  'availableReplicas',
  'fullyLabeledReplicas',
  'readyReplicas',
  'replicas',
  'terminatingReplicas',
  'unavailableReplicas',
  'updatedReplicas',
];

interface Conditioned {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
  }[];
  readonly observedGeneration?: number;
  readonly phase?: string;
  readonly [field: string]: unknown;
}

/** For workloads and autoscalers; other kinds are compared by their end state. */
export function summarise(object: KubeObject): ObjectSummary {
  const status = (object['status'] ?? {}) as Conditioned;
  const annotations = object.metadata.annotations ?? {};
  const owners = object.metadata.ownerReferences?.map((owner) => `${owner.kind}/${owner.name}`);
  const common = {
    ...(object.metadata.deletionTimestamp ? { deleting: true } : {}),
    ...(object.metadata.finalizers ? { finalizers: object.metadata.finalizers } : {}),
    gen: object.metadata.generation,
    obs: status.observedGeneration ?? 0,
    spec: (object['spec'] as { replicas?: number } | undefined)?.replicas,
    status: Object.fromEntries(
      COUNTS.filter((key) => status[key] !== undefined).map((key) => [key, status[key]]),
    ),
  };
  const cond = Object.fromEntries(
    (status.conditions ?? []).map((c) => [c.type, `${c.status}/${c.reason ?? ''}`]),
  );
  switch (object.kind) {
    case 'HorizontalPodAutoscaler': {
      const numbers = ['currentReplicas', 'desiredReplicas'].filter((key) => status[key] !== undefined);
      return { cond, status: Object.fromEntries(numbers.map((key) => [key, status[key]])) };
    }
    case 'Deployment': {
      const revision = annotations[`${PREFIX}revision`];
      return { cond, ...common, ...(revision ? { revision } : {}) };
    }
    case 'ReplicaSet': {
      const own = Object.entries(annotations).filter(([key]) => key.startsWith(PREFIX));
      const ann = Object.fromEntries(own.map(([key, value]) => [key.slice(PREFIX.length), value]));
      return {
        ann,
        ...(status.conditions?.length ? { cond } : {}),
        ...common,
        ...(owners ? { owners } : {}),
      };
    }
    default:
      return { phase: status.phase };
  }
}
