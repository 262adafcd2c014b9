import { describe, expect, it } from 'vitest';
import { type Cause, type Surroundings, assess, explain } from '../../src/health/index.ts';
import type { Warning } from '../../src/health/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';

const at = (second: number): string => new Date(second * 1_000).toISOString().replace('.000Z', 'Z');

interface World {
  readonly pods?: readonly KubeObject[];
  readonly creator?: KubeObject;
  readonly nodes?: readonly KubeObject[];
  readonly claims?: readonly KubeObject[];
  /** By name of the object. */
  readonly warnings?: Readonly<Record<string, readonly Partial<Warning>[]>>;
}

const around = ({ pods, creator, nodes = [], claims = [], warnings = {} }: World): Surroundings => ({
  creatorOf: (workload) => creator ?? workload,
  podsOf: (workload) => (workload.kind === 'Pod' ? [workload] : (pods ?? [])),
  nodeOf: (name) => nodes.find(({ metadata }) => metadata.name === name),
  claimsOf: () => claims,
  warningsAbout: ({ metadata }) =>
    (warnings[metadata.name] ?? []).map((warning) => ({
      reason: 'Unhealthy',
      message: '',
      container: undefined,
      firstMs: 0,
      lastMs: 0,
      ...warning,
    })),
});

const object = (kind: string, name: string, status: object, spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name },
  spec,
  status,
});
const pod = (status: object, { name = 'web-1', ...spec }: Record<string, unknown> = {}): KubeObject =>
  object('Pod', name as string, { phase: 'Running', ...status }, spec);
const container = (state: object, extra: object = {}): object => ({
  name: 'api',
  ready: false,
  state,
  ...extra,
});
const withContainer = (state: object, extra: object = {}): KubeObject =>
  pod({ containerStatuses: [container(state, extra)] });
const deployment = object('Deployment', 'web', {}, { replicas: 3 });
const waiting = (reason: string, message?: string): object => ({ waiting: { reason, message } });
const running = { running: { startedAt: at(1_000) } };
const ended = (exitCode: number, extra: object = {}): object => ({
  terminated: { exitCode, reason: 'Error', startedAt: at(900), finishedAt: at(960), ...extra },
});
const probe = (sort: string, lastMs: number, firstMs = lastMs): Partial<Warning> => ({
  message: `${sort} probe failed: HTTP probe failed with statuscode: 500`,
  container: 'api',
  firstMs,
  lastMs,
});
const why = (given: KubeObject, world: World = {}): Cause =>
  explain(
    given,
    given.kind === 'Pod' || given.metadata.deletionTimestamp !== undefined
      ? assess(given)
      : { status: 'Progressing', message: '' },
    around(world),
  );
const unbound = (message: string): KubeObject =>
  pod({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message }] });
const pendingClaim = object(
  'PersistentVolumeClaim',
  'data',
  { phase: 'Pending' },
  { storageClassName: 'local' },
);
const provisioned = (name: string): KubeObject => ({
  ...pendingClaim,
  metadata: { name: 'data', annotations: { 'volume.kubernetes.io/storage-provisioner': name } },
});
const FAILED_PROBE = 'HTTP probe failed with statuscode: 500';

describe('the cause of a claim', () => {
  const claim = pendingClaim;

  it.each([
    [claim, {}, 'Waiting for the first pod that uses this claim'],
    [{ ...claim, spec: { volumeName: 'v' } }, {}, 'Waiting for the PersistentVolume "v"'],
    [
      provisioned('ebs.csi.aws.com'),
      {},
      'Waiting for the provisioner "ebs.csi.aws.com" to make the volume; Symphony has none of this name: use the class local',
    ],
    [
      provisioned('rancher.io/local-path'),
      {},
      'Waiting for the provisioner "rancher.io/local-path" to make the volume',
    ],
    [
      claim,
      { warnings: { data: [{ reason: 'ProvisioningFailed', message: 'class "x" not found' }] } },
      'ProvisioningFailed: class "x" not found',
    ],
  ])('%# says what it waits for', (given, world, text) => {
    expect(why(given, world)).toEqual({ severity: 'waiting', text });
  });
});

describe('the cause of a pod', () => {
  const table: readonly (readonly [string, KubeObject, World, string, Cause['severity']])[] = [
    [
      'a crash loop',
      withContainer(waiting('CrashLoopBackOff'), { lastState: ended(137, { reason: 'OOMKilled' }) }),
      {},
      'container api exited 137 (OOMKilled)',
      'failing',
    ],
    [
      'last words',
      withContainer(ended(1, { message: 'a\nno such host\n' })),
      {},
      'container api exited 1: no such host',
      'failing',
    ],
    [
      'last words without the stack below them',
      withContainer(
        ended(1, {
          message:
            "Error: Cannot find module 'x'\n    at a (b.js:1:2) {\n  code: 'X',\n}\n\nNode.js v24.1.0\n",
        }),
      ),
      {},
      "container api exited 1: Error: Cannot find module 'x'",
      'failing',
    ],
    [
      'last words of Java, whose last cause is the first',
      withContainer(
        ended(1, {
          message: 'Exception in thread "main" A: b\n\tat c.d(e)\nCaused by: F: g\n\tat h\n\t... 5 more\n',
        }),
      ),
      {},
      'container api exited 1: Caused by: F: g',
      'failing',
    ],
    [
      'last words of Go',
      withContainer(
        ended(2, {
          message:
            'panic: no such host\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:8 +0x1d\nexit status 2',
        }),
      ),
      {},
      'container api exited 2: panic: no such host',
      'failing',
    ],
    [
      'last words in colour',
      withContainer(ended(1, { message: '\u001b[1;31mERROR\u001b[0m no such host' })),
      {},
      'container api exited 1: ERROR no such host',
      'failing',
    ],
    [
      'an image',
      withContainer(waiting('ErrImagePull', 'not found')),
      {},
      'container api cannot start: ErrImagePull: not found',
      'failing',
    ],
    [
      'a pull that waits for its next attempt: the same cause',
      withContainer(
        waiting('ImagePullBackOff', 'Back-off pulling image "a/b:1": ErrImagePull: lookup a: no such host'),
      ),
      {},
      'container api cannot start: ErrImagePull: lookup a: no such host',
      'failing',
    ],
    [
      'an image that the failure does not name',
      withContainer(
        waiting('ImagePullBackOff', 'Back-off pulling image "a/b:1": ErrImagePull: lookup a: no such host'),
        { image: 'a/b:1' },
      ),
      {},
      'container api cannot start: image "a/b:1": ErrImagePull: lookup a: no such host',
      'failing',
    ],
    [
      'an image that the failure names',
      withContainer(waiting('ErrImagePull', 'manifest for a/b:1 not found'), { image: 'a/b:1' }),
      {},
      'container api cannot start: ErrImagePull: manifest for a/b:1 not found',
      'failing',
    ],
    [
      'a failed start that only an event explains',
      withContainer(waiting('CreateContainerError')),
      { warnings: { 'web-1': [{ reason: 'Failed', container: 'api', message: 'Error: no space left' }] } },
      'container api cannot start: CreateContainerError: Error: no space left',
      'failing',
    ],
    [
      'no room, without what is said of preemption',
      pod({
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            message:
              '0/3 nodes are available: 3 Insufficient memory. no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.',
          },
        ],
      }),
      {},
      '0/3 nodes are available: 3 Insufficient memory',
      'waiting',
    ],
    [
      'a claim without a volume, whose event says more than the scheduler',
      unbound('0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found'),
      {
        claims: [
          object('PersistentVolumeClaim', 'logs', { phase: 'Bound' }),
          object('PersistentVolumeClaim', 'data', { phase: 'Pending' }, { storageClassName: 'gp2' }),
        ],
        warnings: { data: [{ reason: 'ProvisioningFailed', message: 'class "gp2" not found' }] },
      },
      'claim data is not bound: ProvisioningFailed: class "gp2" not found',
      'waiting',
    ],
    [
      'a claim that waits for a foreign provisioner, of which the scheduler says nothing',
      pod({ phase: 'Pending' }),
      { claims: [provisioned('ebs.csi.aws.com')] },
      'claim data is not bound: Waiting for the provisioner "ebs.csi.aws.com" to make the volume; Symphony has none of this name: use the class local',
      'waiting',
    ],
    [
      'a claim that waits for the place of this pod',
      unbound('0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: x'),
      { claims: [object('PersistentVolumeClaim', 'data', { phase: 'Pending' }, { storageClassName: 'l' })] },
      '0/3 nodes are available: 3 Insufficient cpu',
      'waiting',
    ],
    [
      'a claim that is missing',
      unbound('0/3 nodes are available: persistentvolumeclaim "data" not found. not found'),
      {},
      '0/3 nodes are available: persistentvolumeclaim "data" not found',
      'waiting',
    ],
    [
      'a volume of a missing ConfigMap',
      pod({ phase: 'Pending', containerStatuses: [container(waiting('ContainerCreating'))] }),
      {
        warnings: {
          'web-1': [
            { reason: 'FailedScheduling', message: 'no nodes' },
            {
              reason: 'FailedMount',
              message: 'MountVolume.SetUp failed for volume "c" : configmap "c" not found',
            },
          ],
        },
      },
      'FailedMount: MountVolume.SetUp failed for volume "c" : configmap "c" not found',
      'failing',
    ],
    [
      'a sandbox, also below init containers',
      pod({ phase: 'Pending', initContainerStatuses: [container(waiting('PodInitializing'))] }),
      { warnings: { 'web-1': [{ reason: 'FailedCreatePodSandBox', message: 'no address is left' }] } },
      'FailedCreatePodSandBox: no address is left',
      'failing',
    ],
    [
      'a lost node, whatever its agent said last',
      pod({ containerStatuses: [container(ended(1))] }, { nodeName: 'n1' }),
      {
        nodes: [
          object('Node', 'n1', {
            conditions: [
              { type: 'Ready', status: 'Unknown', message: 'Kubelet stopped posting node status.' },
            ],
          }),
        ],
      },
      'node n1 is lost (NotReady): Kubelet stopped posting node status.',
      'waiting',
    ],
    ['a node that is gone', pod({}, { nodeName: 'n1' }), {}, 'node n1 does not exist', 'waiting'],
    [
      'a failing readiness probe',
      withContainer(running),
      { warnings: { 'web-1': [probe('Readiness', 1_010_000)] } },
      `container api is not ready: Readiness probe failed: ${FAILED_PROBE}`,
      'waiting',
    ],
    [
      'no probe of an earlier attempt',
      withContainer(running),
      { warnings: { 'web-1': [probe('Readiness', 950_000)] } },
      'container api is not ready',
      'waiting',
    ],
    [
      'no probe of another container',
      withContainer(running),
      { warnings: { 'web-1': [{ ...probe('Readiness', 1_010_000), container: 'other' }] } },
      'container api is not ready',
      'waiting',
    ],
    [
      'a failing liveness probe',
      withContainer(waiting('CrashLoopBackOff'), { lastState: ended(143), restartCount: 3 }),
      { warnings: { 'web-1': [probe('Liveness', 955_000)] } },
      `container api: Liveness probe failed: ${FAILED_PROBE}, restarted 3 times`,
      'failing',
    ],
    [
      'a liveness probe that fails in this attempt, too',
      withContainer(running, { lastState: ended(0), restartCount: 1 }),
      { warnings: { 'web-1': [probe('Liveness', 1_020_000, 930_000)] } },
      `container api: Liveness probe failed: ${FAILED_PROBE}, restarted 1 time`,
      'failing',
    ],
    [
      'a liveness probe that had a program killed, whatever that ended with',
      withContainer(waiting('CrashLoopBackOff'), { lastState: ended(1), restartCount: 3 }),
      {
        warnings: {
          'web-1': [
            {
              reason: 'Killing',
              message: 'Container api failed liveness probe, will be restarted',
              container: 'api',
              firstMs: 100_000,
              lastMs: 956_000,
            },
            // The recorder tells of a probe that fails all the time only now and then.
            probe('Liveness', 455_000),
          ],
        },
      },
      `container api: Liveness probe failed: ${FAILED_PROBE}, restarted 3 times`,
      'failing',
    ],
    [
      'no probe where only the attempt before was killed',
      withContainer(waiting('CrashLoopBackOff'), { lastState: ended(1) }),
      {
        warnings: {
          'web-1': [
            { reason: 'Killing', message: 'failed liveness probe', container: 'api', lastMs: 899_000 },
            probe('Liveness', 899_000),
          ],
        },
      },
      'container api exited 1',
      'failing',
    ],
    [
      'no probe where the program ended for a reason of its own',
      withContainer(waiting('CrashLoopBackOff'), { lastState: ended(1) }),
      { warnings: { 'web-1': [probe('Liveness', 955_000)] } },
      'container api exited 1',
      'failing',
    ],
    [
      'no probe of long before the end',
      withContainer(waiting('CrashLoopBackOff'), { lastState: ended(143) }),
      { warnings: { 'web-1': [probe('Liveness', 500_000)] } },
      'container api exited 143',
      'failing',
    ],
    [
      'no crash that the container has outlived by far',
      withContainer(running, { lastState: ended(1) }),
      { warnings: { 'web-1': [probe('Readiness', 1_700_000)] } },
      `container api is not ready: Readiness probe failed: ${FAILED_PROBE}`,
      'failing',
    ],
    [
      'a failed startup probe',
      withContainer(running, { started: false }),
      { warnings: { 'web-1': [probe('Startup', 1_010_000)] } },
      `container api is not ready: Startup probe failed: ${FAILED_PROBE}`,
      'waiting',
    ],
    [
      'an eviction',
      pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' }),
      {},
      'Evicted: The node was low on memory.',
      'failing',
    ],
    [
      'an init container that runs',
      pod({
        phase: 'Pending',
        initContainerStatuses: [container(running)],
        containerStatuses: [container(waiting('PodInitializing'))],
      }),
      {},
      'init container api has not finished',
      'waiting',
    ],
    [
      'a sidecar that has not started, and is not meant to finish',
      pod(
        {
          phase: 'Pending',
          initContainerStatuses: [container(running, { started: false })],
          containerStatuses: [container(waiting('PodInitializing'), { name: 'main' })],
        },
        { initContainers: [{ name: 'api', restartPolicy: 'Always' }] },
      ),
      { warnings: { 'web-1': [probe('Startup', 1_010_000)] } },
      `container api is not ready: Startup probe failed: ${FAILED_PROBE}`,
      'waiting',
    ],
    [
      'a sidecar that is not ready beside containers that are',
      pod(
        {
          initContainerStatuses: [container(running, { started: true })],
          containerStatuses: [container(running, { name: 'main', ready: true })],
        },
        { initContainers: [{ name: 'api', restartPolicy: 'Always' }] },
      ),
      { warnings: { 'web-1': [probe('Readiness', 1_010_000)] } },
      `container api is not ready: Readiness probe failed: ${FAILED_PROBE}`,
      'waiting',
    ],
    [
      'a readiness gate',
      pod({
        conditions: [{ type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: 'gate x' }],
        containerStatuses: [{ name: 'api', ready: true, state: running }],
      }),
      {},
      'gate x',
      'waiting',
    ],
  ];
  it.each(table)('is %s', (_name, given, world, text, severity) => {
    expect(why(given, world)).toMatchObject({ text, severity });
  });

  it('is what holds a deletion up', () => {
    const deleting = (kind: string, status: object, finalizers: readonly string[]): KubeObject => ({
      ...object(kind, 'shop', status),
      metadata: { name: 'shop', deletionTimestamp: at(1), finalizers: [...finalizers] },
    });
    expect(why(deleting('ConfigMap', {}, ['example.com/a', 'example.com/b']))).toEqual({
      severity: 'waiting',
      text: 'Pending deletion: finalizers: example.com/a, example.com/b',
    });
    const conditions = [
      { type: 'NamespaceDeletionContentFailure', status: 'False', message: 'all content deleted' },
      { type: 'NamespaceContentRemaining', status: 'True', message: 'Some resources are remaining: pods.' },
    ];
    expect(why(deleting('Namespace', { conditions }, []))).toMatchObject({
      text: 'Pending deletion: Some resources are remaining: pods.',
    });
  });

  it('is one line of bounded length that keeps the end', () => {
    const message = `dial tcp:\n\u001b[31m lookup ${'x'.repeat(5_000)}: no such host`;
    const { text } = why(withContainer(waiting('ErrImagePull', message)));
    expect(text).toMatch(/^container api cannot start: ErrImagePull: dial tcp: .*: no such host$/);
    expect(text.length).toBeLessThan(600);
  });
});

describe('the cause of a workload', () => {
  const refused = (message: string): KubeObject =>
    object('ReplicaSet', 'web-5d9f', {
      conditions: [
        {
          type: 'ReplicaFailure',
          status: 'True',
          reason: 'FailedCreate',
          message,
          lastTransitionTime: at(100),
        },
      ],
    });
  const security = 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)';

  it('is what admission refuses, without the name that each try has anew', () => {
    const creator = refused(`pods "web-5d9f-x7k2p" is forbidden: ${security}`);
    expect(why(deployment, { creator })).toEqual({
      severity: 'failing',
      text: `pods cannot be created (forbidden): ${security}`,
    });
  });

  it('is the newest refusal: the condition keeps the first one', () => {
    const creator = refused(`pods "web-1" is forbidden: ${security}`);
    const warnings = (lastMs: number) => ({
      'web-5d9f': [
        {
          reason: 'FailedCreate',
          message: 'Error creating: pods "web-2" is forbidden: exceeded quota: q',
          lastMs,
        },
      ],
    });
    expect(why(deployment, { creator, warnings: warnings(200_000) }).text).toMatch(/: exceeded quota: q$/);
    expect(why(deployment, { creator, warnings: warnings(50_000) }).text).toMatch(/hostNetwork=true\)$/);
  });

  it('is gone with the condition, though the event stays', () => {
    const creator = object('ReplicaSet', 'web-5d9f', {});
    const warnings = { 'web-5d9f': [{ reason: 'FailedCreate', message: 'exceeded quota', lastMs: 200_000 }] };
    const ready = pod({ conditions: [{ type: 'Ready', status: 'True' }] });
    expect(why(deployment, { creator, warnings, pods: [ready] })).toMatchObject({ vague: true });
  });

  it('is a ReplicaSet that cannot be made', () => {
    const condition = {
      type: 'Progressing',
      status: 'False',
      reason: 'ReplicaSetCreateError',
      message: 'no quota',
    };
    expect(why(object('Deployment', 'web', { conditions: [condition] }))).toEqual({
      severity: 'failing',
      text: 'no quota',
    });
  });

  it('is the most telling one of its pods', () => {
    const slow = pod({ containerStatuses: [container(running)] }, { name: 'a' });
    const unplaced = pod(
      { conditions: [{ type: 'PodScheduled', status: 'False', message: 'no room' }] },
      { name: 'b' },
    );
    const crashing = pod({ containerStatuses: [container(ended(3))] }, { name: 'c' });
    const evicted = pod({ phase: 'Failed', reason: 'Evicted' }, { name: 'd' });
    expect(why(deployment, { pods: [slow, unplaced, crashing, evicted] }).text).toBe(
      'container api exited 3',
    );
    expect(why(deployment, { pods: [slow, unplaced, evicted] }).text).toBe('no room');
    expect(why(deployment, { pods: [slow, evicted] }).text).toBe('Evicted');
    expect(why(deployment, { pods: [slow] }).text).toBe('container api is not ready');
  });

  it('is what the object says of itself where pods tell nothing, and an event where it says nothing', () => {
    const health = { status: 'Degraded' as const, message: '' };
    const warnings = { cert: [{ reason: 'IssuerNotFound', message: 'no issuer "x"' }] };
    const certificate = object('Certificate', 'cert', {});
    expect(explain(certificate, { ...health, message: 'expired' }, around({ warnings })).text).toBe(
      'expired',
    );
    expect(explain(certificate, health, around({ warnings })).text).toBe('IssuerNotFound: no issuer "x"');
    expect(explain(certificate, health, around({})).text).toBe('Degraded');
  });

  it('survives rubbish', () => {
    const rubbish = pod(
      { phase: 3, conditions: [null, 1], containerStatuses: [{ state: 7 }, 'x'] },
      { nodeName: 5 },
    );
    expect(why(deployment, { pods: [rubbish] }).severity).toBe('waiting');
  });
});

describe('the cause of a DaemonSet', () => {
  const counts = { currentNumberScheduled: 0, desiredNumberScheduled: 2 };
  const message = 'Error creating: pods "agent-x" is forbidden: exceeded quota: q';
  const warnings = { agent: [{ reason: 'FailedCreate', message }] };

  it('is the refusal of its pods while nodes lack them', () => {
    expect(why(object('DaemonSet', 'agent', counts), { warnings })).toEqual({
      severity: 'failing',
      text: 'pods cannot be created (forbidden): exceeded quota: q',
    });
    const complete = { ...counts, currentNumberScheduled: 2 };
    expect(why(object('DaemonSet', 'agent', complete), { warnings }).severity).toBe('waiting');
  });

  it('is what one of its pods has', () => {
    const pods = [withContainer(waiting('CrashLoopBackOff'), { lastState: ended(1) })];
    expect(why(object('DaemonSet', 'agent', counts), { pods }).text).toMatch(/^container api/);
  });
});

describe('the cause of a StatefulSet', () => {
  const set = object('StatefulSet', 'db', {}, { replicas: 3 });
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
  const unready = { containerStatuses: [container(waiting('CrashLoopBackOff'), { restartCount: 3 })] };
  const terminating = (given: KubeObject): KubeObject => ({
    ...given,
    metadata: { ...given.metadata, deletionTimestamp: at(1) },
  });

  it('is the first pod in order that is not ready', () => {
    const pods = [
      pod(unready, { name: 'db-10' }),
      pod(unready, { name: 'db-2' }),
      pod(ready, { name: 'db-0' }),
    ];
    expect(why(set, { pods }).text).toMatch(/^pod db-2: container api/);
  });

  it('is a pod that fails before one that waits, where the order does not matter', () => {
    const parallel = object('StatefulSet', 'db', {}, { replicas: 2, podManagementPolicy: 'Parallel' });
    const pods = [
      pod({ conditions: [{ type: 'PodScheduled', status: 'False', message: 'no room' }] }, { name: 'db-0' }),
      pod({ containerStatuses: [container(ended(1))] }, { name: 'db-1' }),
    ];
    expect(why(parallel, { pods })).toMatchObject({
      severity: 'failing',
      text: expect.stringMatching(/^pod db-1: /) as string,
    });
    expect(why(set, { pods }).text).toBe('pod db-0: no room');
  });

  it('is a pod that goes, with the lost node that keeps it', () => {
    const going = terminating(pod(ready, { name: 'db-1', nodeName: 'n1' }));
    expect(why(set, { pods: [going], nodes: [object('Node', 'n1', ready)] }).text).toBe(
      'pod db-1: terminating; its successor waits until it is gone',
    );
    const lost = object('Node', 'n1', {
      conditions: [{ type: 'Ready', status: 'Unknown', message: 'silent' }],
    });
    expect(why(set, { pods: [going], nodes: [lost] }).text).toBe(
      'pod db-1: terminating, and node n1 is lost (NotReady): silent; its successor waits until the node returns or is deleted',
    );
  });

  it('is the refusal of a pod that does not exist', () => {
    const message = 'Create Pod db-1 in StatefulSet db failed error: pods "db-1" is forbidden: no quota';
    const world = { pods: [pod(ready, { name: 'db-0' })] };
    expect(why(set, { ...world, warnings: { db: [{ reason: 'FailedCreate', message }] } })).toEqual({
      severity: 'failing',
      text: message,
    });
    expect(why(set, world)).toMatchObject({ text: '1 of 3 pods exist', vague: true });
  });
});
