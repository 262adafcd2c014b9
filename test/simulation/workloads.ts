/**
 * The workloads of the simulated developers beyond Deployments: StatefulSets with claims,
 * DaemonSets, Jobs and CronJobs, with the Services in front of them. What Kubernetes does not let
 * change follows from the name.
 */
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Rng } from '../../src/base/rng.ts';
import { chance, pick, upTo } from './draws.ts';

export interface StatefulSetDraft {
  readonly kind: 'StatefulSet';
  readonly replicas: number;
  readonly image: string;
  readonly partition: number;
  readonly onDelete: boolean;
  readonly minReadySeconds: number;
  readonly graceSeconds: number;
  readonly keepsClaims: boolean;
}
export interface DaemonSetDraft {
  readonly kind: 'DaemonSet';
  readonly image: string;
  readonly maxSurge: number;
  readonly onDelete: boolean;
}
export interface JobDraft {
  readonly kind: 'Job';
  readonly completions: number;
  readonly parallelism: number;
  readonly indexed: boolean;
  readonly image: string;
  readonly suspend: boolean;
}
export interface CronJobDraft {
  readonly kind: 'CronJob';
  readonly policy: 'Allow' | 'Forbid' | 'Replace';
  readonly image: string;
  readonly suspend: boolean;
}
export type WorkloadDraft = StatefulSetDraft | DaemonSetDraft | JobDraft | CronJobDraft;
export type WorkloadKind = WorkloadDraft['kind'];

export const RESOURCES: Readonly<Record<WorkloadKind, string>> = {
  StatefulSet: 'statefulsets.apps',
  DaemonSet: 'daemonsets.apps',
  Job: 'jobs.batch',
  CronJob: 'cronjobs.batch',
};

/** `db` and `ring` have claims; `ring` and `mesh` start and stop in parallel. */
export const SET_NAMES = ['db', 'ring', 'mesh'] as const;
export const DAEMON_NAMES = ['logs', 'probe'] as const;
export const CRON_NAMES = ['tick', 'tock'] as const;
const WITH_CLAIMS: ReadonlySet<string> = new Set(['db', 'ring']);
const PARALLEL: ReadonlySet<string> = new Set(['ring', 'mesh']);
export const MAX_MEMBERS = 3;
/** The value of a StatefulSet's budget in Git. */
export const minAvailableOf = (name: string): number => (PARALLEL.has(name) ? 2 : 1);

const SERVER_IMAGES = ['app:v1', 'app:v2', 'app:v3', 'slow:v1', 'stubborn:v1'] as const;
/** Ends with success, after a while; fails always. */
export const TASK_IMAGES = ['task:v1', 'longtask:v1'] as const;
export const FAILING_TASK = 'failtask:v1';

export const aServerImage = (rng: Rng): string => pick(rng, SERVER_IMAGES);

export const aStatefulSet = (rng: Rng): StatefulSetDraft => ({
  kind: 'StatefulSet',
  replicas: upTo(rng, MAX_MEMBERS),
  image: aServerImage(rng),
  partition: chance(rng, 0.2) ? 1 : 0,
  onDelete: chance(rng, 0.1),
  minReadySeconds: pick(rng, [0, 0, 5]),
  graceSeconds: pick(rng, [1, 3, 10]),
  keepsClaims: chance(rng, 0.6),
});
export const aDaemonSet = (rng: Rng): DaemonSetDraft => ({
  kind: 'DaemonSet',
  image: aServerImage(rng),
  maxSurge: pick(rng, [0, 0, 1]),
  onDelete: chance(rng, 0.1),
});
export const aJob = (rng: Rng): JobDraft => ({
  kind: 'Job',
  completions: 1 + upTo(rng, 4),
  parallelism: 1 + upTo(rng, 2),
  indexed: chance(rng, 0.5),
  image: chance(rng, 0.2) ? FAILING_TASK : pick(rng, TASK_IMAGES),
  suspend: chance(rng, 0.1),
});
export const aCronJob = (rng: Rng): CronJobDraft => ({
  kind: 'CronJob',
  policy: pick(rng, ['Allow', 'Forbid', 'Replace']),
  image: pick(rng, TASK_IMAGES),
  suspend: false,
});

/** A StatefulSet and something else. */
export function someWorkloads(rng: Rng): Readonly<Record<string, WorkloadDraft>> {
  const others = [
    [pick(rng, DAEMON_NAMES), aDaemonSet],
    ['job-0', aJob],
    [pick(rng, CRON_NAMES), aCronJob],
  ] as const;
  const [name, draft] = pick(rng, others);
  return { [pick(rng, SET_NAMES)]: aStatefulSet(rng), [name]: draft(rng) };
}

/** A change that Kubernetes allows. */
export function changed(rng: Rng, draft: WorkloadDraft): WorkloadDraft {
  switch (draft.kind) {
    case 'StatefulSet':
      return chance(rng, 0.5)
        ? { ...draft, replicas: upTo(rng, MAX_MEMBERS) }
        : { ...draft, image: aServerImage(rng), partition: chance(rng, 0.2) ? 1 : 0 };
    case 'DaemonSet':
      return { ...draft, image: aServerImage(rng), maxSurge: pick(rng, [0, 1]) };
    case 'Job':
      return chance(rng, 0.5)
        ? { ...draft, suspend: !draft.suspend }
        : { ...draft, parallelism: 1 + upTo(rng, 3) };
    case 'CronJob':
      return { ...draft, policy: pick(rng, ['Allow', 'Forbid', 'Replace']), suspend: chance(rng, 0.2) };
  }
}

/** The workloads of a cluster at rest: everything updated, nothing failing, no more schedules. */
export function settled(draft: WorkloadDraft): WorkloadDraft | undefined {
  switch (draft.kind) {
    case 'StatefulSet':
      return { ...draft, partition: 0, onDelete: false };
    case 'DaemonSet':
      return { ...draft, onDelete: false };
    case 'Job':
      return draft.image === FAILING_TASK ? undefined : { ...draft, suspend: false };
    case 'CronJob':
      return { ...draft, suspend: true };
  }
}

export const workloadYaml = (name: string, draft: WorkloadDraft): string =>
  [manifestOf(name, draft), ...companionsOf(name, draft)]
    .map((object) => JSON.stringify(object))
    .join('\n---\n');

function manifestOf(name: string, draft: WorkloadDraft): KubeObject {
  const labels = { app: name };
  const metadata = { name };
  const selector = { matchLabels: labels };
  switch (draft.kind) {
    case 'StatefulSet': {
      const { replicas, partition, minReadySeconds, keepsClaims } = draft;
      const whenever = keepsClaims ? 'Retain' : 'Delete';
      const claims = {
        persistentVolumeClaimRetentionPolicy: { whenDeleted: whenever, whenScaled: whenever },
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec }],
      };
      return {
        ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata },
        spec: {
          ...{ replicas, minReadySeconds, selector, serviceName: name },
          podManagementPolicy: PARALLEL.has(name) ? 'Parallel' : 'OrderedReady',
          updateStrategy: draft.onDelete
            ? { type: 'OnDelete' }
            : { type: 'RollingUpdate', rollingUpdate: { partition } },
          template: podTemplate(labels, draft.image, {
            terminationGracePeriodSeconds: draft.graceSeconds,
            mount: WITH_CLAIMS.has(name),
          }),
          ...(WITH_CLAIMS.has(name) ? claims : {}),
        },
      };
    }
    case 'DaemonSet': {
      const rollingUpdate = { maxSurge: draft.maxSurge, maxUnavailable: draft.maxSurge > 0 ? 0 : 1 };
      return {
        ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata },
        spec: {
          selector,
          updateStrategy: draft.onDelete ? { type: 'OnDelete' } : { type: 'RollingUpdate', rollingUpdate },
          template: podTemplate(labels, draft.image, { terminationGracePeriodSeconds: 2 }),
        },
      };
    }
    case 'Job':
      return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: jobSpec(labels, draft) };
    case 'CronJob': {
      const job = { completions: 1, parallelism: 1, indexed: false, suspend: false, image: draft.image };
      return {
        ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata },
        spec: {
          ...{ schedule: '* * * * *', concurrencyPolicy: draft.policy, suspend: draft.suspend },
          jobTemplate: { spec: jobSpec(labels, job) },
        },
      };
    }
  }
}

const claimSpec = {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
};

function jobSpec(labels: Record<string, string>, job: Omit<JobDraft, 'kind'>): object {
  const { completions, parallelism, indexed, suspend, image } = job;
  return {
    ...{ completions, parallelism, suspend, completionMode: indexed ? 'Indexed' : 'NonIndexed' },
    backoffLimit: 6,
    template: podTemplate(labels, image, { restartPolicy: 'Never', terminationGracePeriodSeconds: 2 }),
  };
}

function podTemplate(
  labels: Record<string, string>,
  image: string,
  { mount = false, ...rest }: { readonly mount?: boolean } & Record<string, unknown>,
): object {
  const container = { name: 'main', image, resources: { requests: { cpu: '50m', memory: '32Mi' } } };
  const mounts = { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  return {
    metadata: { labels },
    spec: { ...rest, containers: [mount ? { ...container, ...mounts } : container] },
  };
}

/**
 * StatefulSets have a headless Service and a disruption budget, DaemonSets a Service with an
 * address.
 */
function companionsOf(name: string, { kind }: WorkloadDraft): readonly KubeObject[] {
  if (kind === 'Job' || kind === 'CronJob') return [];
  const spec = { selector: { app: name }, ports: [{ port: 80 }] };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name } };
  if (kind === 'DaemonSet') return [{ ...service, spec }];
  const budget = { minAvailable: minAvailableOf(name), selector: { matchLabels: { app: name } } };
  return [
    { ...service, spec: { ...spec, clusterIP: 'None' } },
    { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name }, spec: budget },
  ];
}
