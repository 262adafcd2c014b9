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

/** For the kinds named here; others are compared by their end state. */
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
    case 'PersistentVolume':
    case 'PersistentVolumeClaim':
      return summariseStorage(object);
    default:
      return { phase: status.phase };
  }
}

/** Members that are empty are left out, as in the record. */
function summariseStorage(object: KubeObject): ObjectSummary {
  const { metadata } = object;
  const spec = (object['spec'] ?? {}) as Conditioned;
  const status = (object['status'] ?? {}) as Conditioned;
  const claim = spec['claimRef'] as { readonly name?: string; readonly uid?: string } | undefined;
  const ann = Object.entries(metadata.annotations ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  const members = {
    ann: ann.length > 0 ? ann : undefined,
    capacity: (status['capacity'] as { readonly storage?: string } | undefined)?.storage,
    claim: claim?.name,
    claimUid: claim?.uid ? true : undefined,
    deleting: metadata.deletionTimestamp ? true : undefined,
    finalizers: metadata.finalizers,
    modes: status['accessModes'],
    msg: status['message'],
    phase: status.phase,
    reclaim: spec['persistentVolumeReclaimPolicy'],
    sc: object.kind === 'PersistentVolumeClaim' ? spec['storageClassName'] || undefined : undefined,
    volume: spec['volumeName'],
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
