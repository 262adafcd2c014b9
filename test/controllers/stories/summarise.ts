/** The summary of an object that the recorded stories keep of each of its states. */
import { omit } from '../../../src/schemas/json-access.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { CronJob, EndpointSlice } from '../../../src/schemas/types.ts';
import { summariseEndpoints, summariseSlice } from './summarise-endpoints.ts';

export type ObjectSummary = Readonly<Record<string, unknown>>;

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const PREFIX = 'deployment.kubernetes.io/';
const COUNTS = [
  'availableReplicas',
  'collisionCount',
  'currentReplicas',
  'currentRevision',
  'fullyLabeledReplicas',
  'readyReplicas',
  'replicas',
  'terminatingReplicas',
  'unavailableReplicas',
  'updateRevision',
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

const JOB_COUNTS = [
  'active',
  'completedIndexes',
  'failed',
  'failedIndexes',
  'ready',
  'succeeded',
  'terminating',
];

function ownersOf({ metadata }: KubeObject): ObjectSummary {
  const owners = metadata.ownerReferences?.map((owner) => `${owner.kind}/${owner.name}`);
  return owners ? { owners } : {};
}

function jobSummary(job: KubeObject): ObjectSummary {
  const status = (job['status'] ?? {}) as Conditioned;
  const spec = job['spec'] as { completions?: number; parallelism?: number; suspend?: boolean };
  const { succeeded = [], failed = [] } = (status['uncountedTerminatedPods'] ?? {}) as {
    succeeded?: string[];
    failed?: string[];
  };
  const uncounted = {
    ...(succeeded.length > 0 ? { succeeded: succeeded.length } : {}),
    ...(failed.length > 0 ? { failed: failed.length } : {}),
  };
  const conditions = (status.conditions ?? []).map((c) => [c.type, `${c.status}/${c.reason ?? ''}`]);
  return {
    ...(job.metadata.deletionTimestamp ? { deleting: true } : {}),
    ...ownersOf(job),
    ...(status['completionTime'] ? { completed: true } : {}),
    ...(conditions.length > 0 ? { cond: Object.fromEntries(conditions) as unknown } : {}),
    completions: spec.completions,
    parallelism: spec.parallelism,
    ...(status['startTime'] ? { started: true } : {}),
    ...(spec.suspend ? { suspend: true } : {}),
    status: Object.fromEntries(
      JOB_COUNTS.filter((key) => status[key] !== undefined).map((key) => [key, status[key]]),
    ),
    ...(Object.keys(uncounted).length > 0 ? { uncounted } : {}),
  };
}

/** For workloads whose states are compared; other kinds are compared by their end state. */
export function summarise(object: KubeObject): ObjectSummary {
  const status = (object['status'] ?? {}) as Conditioned;
  const annotations = object.metadata.annotations ?? {};
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
        ...ownersOf(object),
      };
    }
    case 'StatefulSet':
      return common;
    case 'DaemonSet':
      return { ...omit(common, 'obs', 'spec'), ann: annotations[TEMPLATE_GENERATION], status };
    case 'ControllerRevision':
      return { ...ownersOf(object), revision: object['revision'] };
    case 'Pod':
      return {
        ...(object.metadata.deletionTimestamp ? { deleting: true } : {}),
        ...(cond['PodScheduled']?.startsWith('False')
          ? { cond: { PodScheduled: cond['PodScheduled'] } }
          : {}),
        ...ownersOf(object),
        phase: status.phase,
        ...(cond['Ready']?.startsWith('True') ? { ready: true } : {}),
      };
    case 'CronJob': {
      const { active = [], lastScheduleTime, lastSuccessfulTime } = (object as CronJob).status ?? {};
      return {
        active: active.map(({ name }) => name),
        lastSchedule: lastScheduleTime !== undefined,
        lastSuccess: lastSuccessfulTime !== undefined,
        ...((object as CronJob).spec.suspend === true ? { suspend: true } : {}),
      };
    }
    case 'Job':
      return jobSummary(object);
    case 'PersistentVolume':
    case 'PersistentVolumeClaim':
      return summariseStorage(object);
    case 'Endpoints':
      return summariseEndpoints(object);
    case 'EndpointSlice':
      return { ...summariseSlice(object as EndpointSlice), ...ownersOf(object) };
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
