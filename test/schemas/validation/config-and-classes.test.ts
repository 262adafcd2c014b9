import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { anObject, complaints, type Fields, updateComplaints } from './complaints.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('kinds without a life of their own', () => {
  const secret = (type: string, data: Fields) => anObject('v1', 'Secret', { type, data });
  const dockerConfig = (text: string) =>
    secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64(text) });
  const revision = (data: unknown) => anObject('apps/v1', 'ControllerRevision', { revision: 1, data });
  const runtime = (rest: Fields) =>
    anObject('node.k8s.io/v1', 'RuntimeClass', { metadata: { namespace: undefined }, ...rest });
  const priority = (name: string, rest: Fields) =>
    anObject('scheduling.k8s.io/v1', 'PriorityClass', { metadata: { name, namespace: undefined }, ...rest });
  const CONFIG = 'Invalid data[.dockerconfigjson]';

  it.each<[string, ReturnType<typeof secret>, readonly string[]]>([
    [
      'a key that is empty',
      secret('kubernetes.io/ssh-auth', { 'ssh-privatekey': '' }),
      ['Required data[ssh-privatekey]'],
    ],
    ['a list of registries', dockerConfig('[]'), [CONFIG]],
    ['registries by null', dockerConfig('null'), []],
    ['registries that are no JSON', dockerConfig('{x'), [CONFIG]],
    ['a revision of text', revision('x'), ['Required data']],
    ['a revision of nothing', revision(null), ['Required data']],
    ['a class without a handler', runtime({}), ['Required handler']],
    [
      'a class that costs nothing known',
      runtime({ handler: 'h', overhead: { podFixed: { x: 1 } } }),
      ['Invalid overhead.limits[x]'],
    ],
    [
      'a class with a toleration twice',
      runtime({ handler: 'h', scheduling: { tolerations: [{ key: 'a' }, { key: 'a' }] } }),
      ['Duplicate scheduling.tolerations[1]'],
    ],
    [
      'a class for nodes that cannot be',
      runtime({ handler: 'h', scheduling: { nodeSelector: { 'a b': 'c' } } }),
      ['Invalid scheduling.nodeSelector'],
    ],
    [
      'a value of the system by another name',
      priority('system-node-critical', { value: 1 }),
      ['Forbidden metadata.name'],
    ],
    [
      'a class of the system as the default',
      priority('system-node-critical', { value: 2_000_001_000, globalDefault: true }),
      ['Forbidden metadata.name'],
    ],
    [
      'an empty preemption policy',
      priority('p', { value: 1, preemptionPolicy: '' }),
      ['Required preemptionPolicy'],
    ],
    [
      'a preemption policy that is none',
      priority('p', { value: 1, preemptionPolicy: 'x' }),
      ['NotSupported preemptionPolicy'],
    ],
  ])('%s', (_, object, expected) => {
    expect(complaints(object)).toEqual(expected);
  });
});

describe('workloads', () => {
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  const deployment = (spec: Fields, status?: Fields) =>
    anObject('apps/v1', 'Deployment', {
      spec: { selector: { matchLabels: { a: 'b' } }, template, ...spec },
      ...(status ? { status } : {}),
    });

  it('a selector that cannot be read ends the check of the template', () => {
    const selector = { matchExpressions: [{ key: 'a', operator: 'x' }] };
    expect(complaints(deployment({ selector, template: {} }))).toEqual([
      'Invalid spec.selector.matchExpressions[0].operator',
      'Invalid spec.selector',
    ]);
  });

  it('a strategy that is none is said of the strategy', () => {
    expect(complaints(deployment({ strategy: { type: 'x' } }))).toEqual(['NotSupported spec.strategy']);
  });

  it.each<[string, Fields, Fields, readonly string[]]>([
    [
      'less than nothing',
      {},
      { replicas: -1 },
      [
        'Invalid status.replicas',
        'Invalid status.updatedReplicas',
        'Invalid status.readyReplicas',
        'Invalid status.availableReplicas',
      ],
    ],
    [
      'more available than ready',
      {},
      { replicas: 2, readyReplicas: 1, availableReplicas: 2 },
      ['Invalid status.availableReplicas'],
    ],
    [
      'fewer collisions than before',
      { collisionCount: 2 },
      { collisionCount: 1 },
      ['Invalid status.collisionCount'],
    ],
    [
      'as many as there are',
      {},
      { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 },
      [],
    ],
  ])('a status with %s', (_, old, status, expected) => {
    expect(updateComplaints(deployment({}, old), deployment({}, status), 'status')).toEqual(expected);
  });

  it('a budget says what is wrong with its conditions', () => {
    const budget = anObject('policy/v1', 'PodDisruptionBudget', { spec: {} });
    const condition = { type: 'a b', status: 'Bad', reason: '1', message: '', observedGeneration: -1 };
    const status = { currentHealthy: -1, conditions: [condition] };
    expect(updateComplaints(budget, { ...budget, status }, 'status')).toEqual([
      'Invalid status.conditions[0].type',
      'NotSupported status.conditions[0].status',
      'Invalid status.conditions[0].observedGeneration',
      'Required status.conditions[0].lastTransitionTime',
      'Invalid status.conditions[0].reason',
      'Invalid status.currentHealthy',
    ]);
  });
});

it('a Secret holds a MiB, and no byte more', () => {
  const sized = (bytes: number) =>
    anObject('v1', 'Secret', { data: { a: Buffer.alloc(bytes).toString('base64') } });
  expect(complaints(sized(1024 * 1024))).toEqual([]);
  expect(complaints(sized(1024 * 1024 + 1))).toEqual(['TooLong data']);
});

it('the count of collisions of a Deployment neither falls nor goes', () => {
  const of = (status: Fields) =>
    anObject('apps/v1', 'Deployment', {
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
      status,
    });
  const one = of({ collisionCount: 1 });
  expect(updateComplaints(one, of({ collisionCount: 1 }), 'status')).toEqual([]);
  for (const status of [{ collisionCount: 0 }, {}])
    expect(updateComplaints(one, of(status), 'status')).toEqual(['Invalid status.collisionCount']);
});

it('what is stored is what Kubernetes stores', () => {
  const pod = builtinRegistry.byKind('v1', 'Pod')?.withDefaults(
    anObject('v1', 'Pod', {
      spec: {
        terminationGracePeriodSeconds: -1,
        schedulingGroup: { podGroupName: 'g' },
        resources: { limits: { cpu: '3', memory: '1Gi' } },
        containers: [
          {
            name: 'c',
            image: 'i:1',
            lifecycle: { stopSignal: 'SIGTERM' },
            resources: { requests: { cpu: '0.1m' } },
          },
        ],
        volumes: [{ name: 'v', projected: { sources: [{ clusterTrustBundle: { path: 'x' } }] } }],
      },
    }),
  );
  expect(pod).toMatchObject({
    spec: {
      terminationGracePeriodSeconds: 1,
      resources: { requests: { cpu: '1m', memory: '1Gi' } },
      containers: [{ lifecycle: {}, resources: { requests: { cpu: '1m' } } }],
      volumes: [{ projected: { sources: [{}] } }],
    },
  });
  expect(JSON.stringify(pod)).not.toMatch(/schedulingGroup|stopSignal|clusterTrustBundle/);
});
