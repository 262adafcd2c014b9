import { describe, expect, it } from 'vitest';
import { type HealthStatus, assess, worstOf } from '../../src/health/index.ts';
import type { KubeObject } from '../../src/schemas/object.ts';

const object = (
  apiVersion: string,
  kind: string,
  spec: unknown,
  status?: unknown,
  metadata = {},
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'web', generation: 1, ...metadata },
  spec,
  ...(status === undefined ? {} : { status }),
});
const deployment = (status: object, spec = {}): KubeObject =>
  object('apps/v1', 'Deployment', { replicas: 2, ...spec }, { observedGeneration: 1, ...status });
const daemonSet = (status: object, spec = {}): KubeObject =>
  object('apps/v1', 'DaemonSet', spec, { observedGeneration: 1, desiredNumberScheduled: 2, ...status });
const autoscaler = (...conditions: readonly (readonly [type: string, status: string, reason: string])[]) =>
  object(
    'autoscaling/v2',
    'HorizontalPodAutoscaler',
    {},
    {
      conditions: conditions.map(([type, status, reason]) => ({ type, status, reason, message: reason })),
    },
  );
const pod = (status: object, spec = {}): KubeObject => object('v1', 'Pod', spec, status);
const [EARLY, LATE] = ['2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'];
const cronJob = (status: object, spec = {}): KubeObject => object('batch/v1', 'CronJob', spec, status);
const container = (state: object, extra = {}): object => ({ name: 'api', ready: false, state, ...extra });
const condition = (type: string, status = 'True'): object => ({ type, status });
const job = (conditions: readonly object[]): KubeObject =>
  object('batch/v1', 'Job', { completions: 1 }, { conditions });
const deadline = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
const ready = [{ type: 'Ready', status: 'True' }];
const crashed = { lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } };

const table: readonly (readonly [string, KubeObject | undefined, HealthStatus])[] = [
  ['nothing', undefined, 'Missing'],
  ['a ConfigMap', object('v1', 'ConfigMap', undefined), 'Healthy'],
  [
    'an object that is being deleted',
    object('v1', 'ConfigMap', {}, {}, { deletionTimestamp: 'x' }),
    'Progressing',
  ],
  ['a Job that runs', job([]), 'Progressing'],
  ['a Job that is complete', job([condition('SuccessCriteriaMet'), condition('Complete')]), 'Healthy'],
  ['a Job that has failed', job([condition('FailureTarget'), condition('Failed')]), 'Degraded'],
  ['a Job that is about to fail', job([condition('FailureTarget')]), 'Progressing'],
  ['a suspended Job', job([condition('Suspended')]), 'Suspended'],
  ['a Job that was suspended', job([condition('Suspended', 'False')]), 'Progressing'],
  ['a Deployment without status', object('apps/v1', 'Deployment', { replicas: 1 }), 'Progressing'],
  ['a Deployment of an older generation', deployment({ observedGeneration: 0 }), 'Progressing'],
  [
    'a Deployment that updates',
    deployment({ updatedReplicas: 1, replicas: 2, availableReplicas: 2 }),
    'Progressing',
  ],
  [
    'a Deployment with old pods',
    deployment({ updatedReplicas: 2, replicas: 3, availableReplicas: 3 }),
    'Progressing',
  ],
  [
    'a Deployment that waits for pods',
    deployment({ updatedReplicas: 2, replicas: 2, availableReplicas: 1 }),
    'Progressing',
  ],
  ['a complete Deployment', deployment({ updatedReplicas: 2, replicas: 2, availableReplicas: 2 }), 'Healthy'],
  ['a Deployment past its deadline', deployment({ conditions: deadline }), 'Degraded'],
  ['a paused Deployment', deployment({}, { paused: true }), 'Suspended'],
  ['a Deployment of zero', deployment({}, { replicas: 0 }), 'Healthy'],
  ['a DaemonSet of an older generation', daemonSet({ observedGeneration: 0 }), 'Progressing'],
  ['a DaemonSet that updates', daemonSet({ updatedNumberScheduled: 1, numberAvailable: 2 }), 'Progressing'],
  [
    'a DaemonSet that waits for pods',
    daemonSet({ updatedNumberScheduled: 2, numberAvailable: 1 }),
    'Progressing',
  ],
  ['a complete DaemonSet', daemonSet({ updatedNumberScheduled: 2, numberAvailable: 2 }), 'Healthy'],
  ['a DaemonSet without nodes', daemonSet({ desiredNumberScheduled: 0 }), 'Healthy'],
  [
    'a DaemonSet whose pods somebody else updates',
    daemonSet({ updatedNumberScheduled: 0 }, { updateStrategy: { type: 'OnDelete' } }),
    'Healthy',
  ],
  ['a DaemonSet without status', object('apps/v1', 'DaemonSet', {}), 'Progressing'],
  ['a CronJob that never ran', cronJob({}), 'Healthy'],
  ['a CronJob without a success', cronJob({ lastScheduleTime: LATE }), 'Healthy'],
  ['a CronJob that succeeded', cronJob({ lastScheduleTime: EARLY, lastSuccessfulTime: LATE }), 'Healthy'],
  ['a CronJob that failed', cronJob({ lastScheduleTime: LATE, lastSuccessfulTime: EARLY }), 'Degraded'],
  [
    'a CronJob that runs again',
    cronJob({ lastScheduleTime: LATE, lastSuccessfulTime: EARLY, active: [{}] }),
    'Healthy',
  ],
  [
    'a suspended CronJob',
    cronJob({ lastScheduleTime: LATE, lastSuccessfulTime: EARLY }, { suspend: true }),
    'Suspended',
  ],
  [
    'a complete ReplicaSet',
    object('apps/v1', 'ReplicaSet', { replicas: 1 }, { observedGeneration: 1, availableReplicas: 1 }),
    'Healthy',
  ],
  [
    'a ReplicaSet that waits',
    object('apps/v1', 'ReplicaSet', { replicas: 1 }, { observedGeneration: 1 }),
    'Progressing',
  ],
  ['an autoscaler that was not looked at yet', autoscaler(), 'Progressing'],
  ['an autoscaler that scales', autoscaler(['AbleToScale', 'True', 'ReadyForNewScale']), 'Healthy'],
  ['an autoscaler without a target', autoscaler(['AbleToScale', 'False', 'FailedGetScale']), 'Degraded'],
  ['an autoscaler that is refused', autoscaler(['AbleToScale', 'False', 'FailedUpdateScale']), 'Degraded'],
  [
    'an autoscaler whose first condition is bad',
    autoscaler(['ScalingActive', 'False', 'InvalidSelector'], ['AbleToScale', 'True', 'x']),
    'Degraded',
  ],
  [
    'an autoscaler that other reasons hold',
    autoscaler(['ScalingActive', 'False', 'ScalingDisabled']),
    'Progressing',
  ],
  [
    'an autoscaler of v1',
    object(
      'autoscaling/v1',
      'HorizontalPodAutoscaler',
      {},
      {},
      {
        annotations: {
          'autoscaling.alpha.kubernetes.io/conditions':
            '[{"type":"AbleToScale","status":"False","reason":"FailedGetScale"}]',
        },
      },
    ),
    'Degraded',
  ],
  [
    'an autoscaler of v1 with a broken annotation',
    object(
      'autoscaling/v1',
      'HorizontalPodAutoscaler',
      {},
      {},
      {
        annotations: { 'autoscaling.alpha.kubernetes.io/conditions': '{' },
      },
    ),
    'Progressing',
  ],
  ['a pending Pod', pod({ phase: 'Pending' }), 'Progressing'],
  ['a ready Pod', pod({ phase: 'Running', conditions: ready }), 'Healthy'],
  [
    'a Pod not ready yet',
    pod({ phase: 'Running', containerStatuses: [container({ running: {} })] }),
    'Progressing',
  ],
  [
    'a Pod that crashed',
    pod({ phase: 'Running', containerStatuses: [container({ running: {} }, crashed)] }),
    'Degraded',
  ],
  [
    'a Pod without its image',
    pod({ phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ImagePullBackOff' } })] }),
    'Degraded',
  ],
  [
    'a one-off Pod that runs',
    pod({ phase: 'Running', conditions: ready }, { restartPolicy: 'Never' }),
    'Progressing',
  ],
  ['a Pod that succeeded', pod({ phase: 'Succeeded' }, { restartPolicy: 'Never' }), 'Healthy'],
  ['a Pod that failed', pod({ phase: 'Failed' }), 'Degraded'],
  ['a Service', object('v1', 'Service', { type: 'ClusterIP' }), 'Healthy'],
  ['a load balancer without address', object('v1', 'Service', { type: 'LoadBalancer' }), 'Progressing'],
  ['an Application not synced yet', object('argoproj.io/v1alpha1', 'Application', {}), 'Progressing'],
  [
    'a degraded Application',
    object('argoproj.io/v1alpha1', 'Application', {}, { health: { status: 'Degraded' } }),
    'Degraded',
  ],
  [
    'a Pod with a status of rubbish',
    pod({ phase: 3, containerStatuses: 'x', conditions: [null, 1] }),
    'Progressing',
  ],
];

describe('health', () => {
  it.each(table)('%s', (_name, given, expected) => {
    expect(assess(given).status).toBe(expected);
  });

  it('of a whole is that of its worst part', () => {
    const of = (status: HealthStatus): { status: HealthStatus; message: string } => ({ status, message: '' });
    expect(worstOf([of('Healthy'), of('Degraded'), of('Progressing')]).status).toBe('Degraded');
    expect(worstOf([]).status).toBe('Healthy');
  });
});

describe('a StatefulSet', () => {
  const set = (spec: object, status: object): KubeObject =>
    object('apps/v1', 'StatefulSet', { replicas: 3, ...spec }, { observedGeneration: 1, ...status });
  const rolling = (partition: number): object => ({
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
  });
  const withoutPartition = { updateStrategy: { type: 'RollingUpdate' } };

  it.each([
    [
      'is observed',
      set({}, { observedGeneration: 0 }),
      'Progressing',
      'Waiting for statefulset spec update to be observed...',
    ],
    ['waits for pods', set({}, { readyReplicas: 1 }), 'Progressing', 'Waiting for 2 pods to be ready...'],
    [
      'rolls to its partition',
      set(rolling(1), { readyReplicas: 3, updatedReplicas: 1 }),
      'Progressing',
      'Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...',
    ],
    [
      'has reached its partition',
      set(rolling(1), { readyReplicas: 3, updatedReplicas: 2 }),
      'Healthy',
      'partitioned roll out complete: 2 new pods have been updated...',
    ],
    [
      'is updated by hand',
      set({ updateStrategy: { type: 'OnDelete' } }, { readyReplicas: 3, updateRevision: 'b' }),
      'Healthy',
      'statefulset has 3 ready pods',
    ],
    [
      'rolls without a partition',
      set(withoutPartition, {
        readyReplicas: 3,
        updatedReplicas: 2,
        currentRevision: 'a',
        updateRevision: 'b',
      }),
      'Progressing',
      'waiting for statefulset rolling update to complete 2 pods at revision b...',
    ],
    [
      'has rolled without a partition',
      set(withoutPartition, {
        readyReplicas: 3,
        currentReplicas: 3,
        currentRevision: 'b',
        updateRevision: 'b',
      }),
      'Healthy',
      'statefulset rolling update complete 3 pods at revision b...',
    ],
  ])('%s, as Argo CD says it', (_, given, status, message) => {
    expect(assess(given)).toEqual({ status, message });
  });
});
