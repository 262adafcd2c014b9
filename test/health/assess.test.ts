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
const container = (state: object, extra = {}): object => ({ name: 'api', ready: false, state, ...extra });
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
