import { describe, expect, it } from 'vitest';
import { anObject, type Fields, updateComplaints } from './complaints.ts';

const pod = (spec: Fields, rest: Fields = {}) =>
  anObject('v1', 'Pod', {
    ...rest,
    spec: {
      containers: [{ name: 'c', image: 'i:1' }],
      serviceAccountName: 'default',
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
      ...spec,
    },
  });
const gated = { schedulingGates: [{ name: 'g' }, { name: 'h' }] };
const affinity = (...terms: readonly Fields[]) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
  },
});
const has = (...keys: readonly string[]) => ({
  matchExpressions: keys.map((key) => ({ key, operator: 'Exists' })),
});
const TERMS = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';

describe('an update of a pod', () => {
  it.each<[string, Fields, Fields, readonly string[]]>([
    ['the tolerations that admission gave come back', {}, { activeDeadlineSeconds: 5 }, []],
    ['a new image', {}, { containers: [{ name: 'c', image: 'i:2' }] }, []],
    [
      'a new scheduling gate',
      {},
      { schedulingGates: [{ name: 'g' }] },
      ['Forbidden spec.schedulingGates[0].name'],
    ],
    [
      'a toleration that is none, added',
      {},
      { tolerations: [{ key: 'a', operator: 'x' }] },
      ['NotSupported spec.tolerations[0].operator'],
    ],
    [
      'a longer deadline, and more',
      { activeDeadlineSeconds: 5 },
      { activeDeadlineSeconds: 6, nodeName: 'n' },
      ['Invalid spec.activeDeadlineSeconds'],
    ],
    [
      'the same amount in other words',
      { containers: [{ name: 'c', image: 'i:1', resources: { requests: { memory: '1Gi' } } }] },
      { containers: [{ name: 'c', image: 'i:1', resources: { requests: { memory: '1073741824' } } }] },
      [],
    ],
    ['another node', { nodeName: 'n' }, { nodeName: 'm' }, ['Forbidden spec']],
    [
      'a node selector of a gated pod grows',
      { ...gated, nodeSelector: { a: '1' } },
      { ...gated, nodeSelector: { a: '1', b: '2' } },
      [],
    ],
    [
      'a node selector of a gated pod changes',
      { ...gated, nodeSelector: { a: '1' } },
      { ...gated, nodeSelector: { a: '2' } },
      ['Invalid spec.nodeSelector'],
    ],
    ['a node selector of another pod grows', {}, { nodeSelector: { a: '1' } }, ['Forbidden spec']],
    ['a gated pod gets an affinity', gated, { ...gated, ...affinity(has('a')) }, []],
    [
      'a gated pod gets an affinity to pods',
      gated,
      { ...gated, affinity: { podAffinity: {} } },
      ['Forbidden spec'],
    ],
    [
      'a term of a gated pod is narrowed',
      { ...gated, ...affinity(has('a')) },
      { ...gated, ...affinity(has('a', 'b')) },
      [],
    ],
    [
      'a term of a gated pod is widened',
      { ...gated, ...affinity(has('a', 'b')) },
      { ...gated, ...affinity(has('a')) },
      [`Invalid ${TERMS}[0]`],
    ],
    [
      'a gated pod gets another term',
      { ...gated, ...affinity(has('a')) },
      { ...gated, ...affinity(has('a'), has('b')) },
      [`Invalid ${TERMS}`],
    ],
    ['gates go', gated, { schedulingGates: [{ name: 'h' }] }, []],
  ])('%s', (_, old, next, expected) => {
    expect(updateComplaints(pod(old), pod(next))).toEqual(expected);
  });

  it('annotations that containers were started with stay', () => {
    const annotated = (annotations: Record<string, string>) => pod({}, { metadata: { annotations } });
    const key = 'container.apparmor.security.beta.kubernetes.io/c';
    const forbidden = `Forbidden metadata.annotations[${key}]`;
    expect(updateComplaints(annotated({}), annotated({ [key]: 'unconfined' }))).toEqual([forbidden]);
    // The create wrote the field that means the same.
    expect(updateComplaints(annotated({ [key]: 'unconfined' }), annotated({}))).toEqual([
      forbidden,
      'Forbidden spec',
    ]);
  });
});

describe('a write to the status of a pod', () => {
  const ended = { containerStatuses: [{ name: 'c', state: { terminated: { exitCode: 0 } } }] };
  const running = { containerStatuses: [{ name: 'c', state: { running: {} } }] };
  const ruled = (action: string, exitCode: number) => ({
    name: 'c',
    image: 'i:1',
    restartPolicy: 'Never',
    restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [exitCode] } }],
  });
  const devices = [
    { resourceID: 'd', health: 'Healthy' },
    { resourceID: 'd', health: 'x' },
  ];

  it.each<[string, Fields, Fields, Fields, readonly string[]]>([
    ['a node that is no name', {}, {}, { nominatedNodeName: 'N_' }, ['Invalid status.nominatedNodeName']],
    ['a generation below 0', {}, {}, { observedGeneration: -1 }, ['Invalid status.observedGeneration']],
    [
      'a condition that is no name',
      {},
      {},
      { conditions: [{ type: 'Ready' }, { type: 'a b' }] },
      ['Invalid metadata.conditions[1].Type'],
    ],
    [
      'a node for a pod that has one',
      { nodeName: 'n' },
      {},
      { nominatedNodeName: 'm' },
      ['Forbidden status.nominatedNodeName'],
    ],
    [
      'a generation of a condition below 0',
      {},
      {},
      { conditions: [{ type: 'Ready', observedGeneration: -1 }] },
      ['Invalid metadata.conditions[0].observedGeneration'],
    ],
    [
      'addresses of which one is none',
      {},
      {},
      { podIPs: [{ ip: 'x' }, { ip: '1.1.1.1' }] },
      ['Invalid status.podIPs[0]', 'InternalError status.podIPs', 'Invalid status.podIPs'],
    ],
    [
      'a user below 0',
      {},
      {},
      { containerStatuses: [{ name: 'c', user: { linux: { uid: -1, gid: 0, supplementalGroups: [-1] } } }] },
      [
        'Invalid status.containerStatuses[0].linux.uid',
        'Invalid status.containerStatuses[0].linux.supplementalGroups[0]',
      ],
    ],
    [
      'a user of Linux on Windows',
      { os: { name: 'windows' } },
      {},
      { containerStatuses: [{ name: 'c', user: { linux: { uid: 0, gid: 0 } } }] },
      ['Forbidden status.containerStatuses[0].linux'],
    ],
    [
      'the health of devices that a container has not',
      {},
      {},
      {
        containerStatuses: [{ name: 'c', allocatedResourcesStatus: [{ name: 'a', resources: devices }] }],
        ephemeralContainerStatuses: [{ name: 'e', allocatedResourcesStatus: [{ name: 'a' }] }],
      },
      [
        'Invalid status.containerStatuses[0].allocatedResourcesStatus[0].name',
        'NotSupported status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].health',
        'Duplicate status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID',
        'Forbidden status.ephemeralContainerStatuses[0].allocatedResourcesStatus',
      ],
    ],
    [
      'two addresses of one family',
      {},
      {},
      { podIPs: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }] },
      ['Invalid status.podIPs'],
    ],
    ['two families', {}, {}, { podIPs: [{ ip: '1.1.1.1' }, { ip: '::1' }] }, []],
    ['an address that was there before', {}, { podIPs: [{ ip: 'x' }] }, { podIPs: [{ ip: 'x' }] }, []],
    [
      'another address of the host',
      {},
      {},
      { hostIP: '1.1.1.1', hostIPs: [{ ip: '1.1.1.2' }] },
      ['Invalid status.hostIPs[0].ip'],
    ],
    [
      'a claim that the pod has not',
      {},
      {},
      { resourceClaimStatuses: [{ name: 'a' }] },
      ['Invalid status.resourceClaimStatuses[0].name'],
    ],
    [
      'what has ended runs again',
      { restartPolicy: 'OnFailure' },
      ended,
      running,
      ['Forbidden status.containerStatuses[0].state'],
    ],
    ['a container that always restarts', {}, ended, running, []],
    [
      'a rule that the exit code does not meet',
      { restartPolicy: 'Never', containers: [ruled('Restart', 42)] },
      ended,
      running,
      ['Forbidden status.containerStatuses[0].state'],
    ],
    [
      'a rule that the exit code meets',
      { restartPolicy: 'Never', containers: [ruled('Restart', 0)] },
      ended,
      running,
      [],
    ],
    [
      'a rule by which all containers may restart',
      { restartPolicy: 'Never', containers: [ruled('RestartAllContainers', 42)] },
      ended,
      running,
      [],
    ],
    [
      'a sidecar of a pod that never restarts',
      { restartPolicy: 'Never', initContainers: [{ name: 's', image: 'i', restartPolicy: 'Always' }] },
      { initContainerStatuses: [{ name: 's', state: { terminated: { exitCode: 0 } } }] },
      { initContainerStatuses: [{ name: 's', state: { running: {} } }] },
      [],
    ],
  ])('%s', (_, spec, old, status, expected) => {
    expect(updateComplaints(pod(spec, { status: old }), pod(spec, { status }), 'status')).toEqual(expected);
  });

  it('new annotations are read, those that were there are not', () => {
    const cost = { annotations: { 'controller.kubernetes.io/pod-deletion-cost': 'x' } };
    const next = pod({}, { metadata: cost });
    expect(updateComplaints(pod({}), next, 'status')).toEqual([
      'Invalid metadata.annotations[controller.kubernetes.io/pod-deletion-cost]',
    ]);
    expect(updateComplaints(next, next, 'status')).toEqual([]);
  });

  it('a spec that earlier versions took does not keep a node from reporting', () => {
    const old = pod({ containers: [{ name: 'c', image: ' blank' }] });
    expect(updateComplaints(old, { ...old, status: { phase: 'Running' } }, 'status')).toEqual([]);
    expect(updateComplaints(old, old)).toEqual(['Invalid spec.containers[0].image']);
  });
});

describe('a resize', () => {
  const sized = (resources: Fields, container: Fields = {}, spec: Fields = {}) =>
    pod({ ...spec, containers: [{ name: 'c', image: 'i:1', resources, ...container }] });
  const small = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } };
  const resize = (next: ReturnType<typeof pod>, old = sized(small)) => updateComplaints(old, next, 'resize');

  it('changes cpu and memory, and nothing else', () => {
    expect(resize(sized({ ...small, limits: { cpu: '4', memory: '2Gi' } }))).toEqual([]);
    const policy = { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] };
    expect(resize(sized(small, policy))).toEqual(['Forbidden spec']);
    const disk = { requests: { ...small.requests, 'ephemeral-storage': '1' }, limits: small.limits };
    expect(resize(sized(disk))).toEqual(['Forbidden spec']);
    expect(resize(sized({}))).toEqual([
      'Invalid spec',
      'Forbidden spec.containers[0].resources.requests',
      'Forbidden spec.containers[0].resources.limits',
    ]);
  });

  const R = 'spec.initContainers[0]';
  it.each<[string, Fields, Fields, readonly string[]]>([
    ['of an init container', {}, { requests: { cpu: '2' } }, []],
    ['of its disk', {}, { requests: { cpu: '2', 'ephemeral-storage': '1' } }, [`Forbidden ${R}`]],
    ['to nothing', {}, {}, [`Forbidden ${R}.resources.requests`]],
    [
      'of one that had to run again',
      { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] },
      { requests: { cpu: '2' } },
      [`Forbidden ${R}`],
    ],
  ])('%s', (_, fields, resources, expected) => {
    const init = (amounts: Fields) =>
      sized(small, {}, { initContainers: [{ name: 'i', image: 'i', resources: amounts, ...fields }] });
    expect(resize(init(resources), init({ requests: { cpu: '1' } }))).toEqual(expected);
  });

  it('changes what the pod has as a whole', () => {
    const whole = (resources?: Fields) => pod(resources ? { resources } : {});
    const before = whole({ requests: { cpu: '1' } });
    expect(resize(whole({ requests: { cpu: '2' } }), before)).toEqual([]);
    expect(resize(whole(), before)).toEqual(['Invalid spec', 'Forbidden spec.resources']);
    const huge = { requests: { cpu: '1', 'hugepages-2Mi': '2Mi' }, limits: { 'hugepages-2Mi': '2Mi' } };
    expect(resize(whole(huge), before)).toEqual(['Forbidden spec']);
    const kept = { requests: { cpu: '1' }, limits: { cpu: '2' } };
    expect(resize(whole({ requests: { cpu: '1' } }), whole(kept))).toEqual([
      'Forbidden spec.resources.limits',
    ]);
  });

  it('is for nodes that say what a running container has', () => {
    const reporting = (status: Fields) => ({ ...sized(small), status: { containerStatuses: [status] } });
    const larger = sized({ ...small, limits: { cpu: '4', memory: '2Gi' } });
    const state = { running: {} };
    expect(resize(larger, reporting({ name: 'c', state }))).toEqual(['Forbidden spec']);
    expect(resize(larger, reporting({ name: 'c', state, resources: {} }))).toEqual([]);
  });

  it('is not for Windows', () => {
    const windows = { os: { name: 'windows' } };
    const larger = { ...small, requests: { cpu: '2', memory: '1Gi' } };
    expect(resize(sized(larger, {}, windows), sized(small, {}, windows))).toEqual(['Forbidden ']);
  });
});

it('a static pod has no debug containers', () => {
  const mirror = { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } };
  const old = pod({ nodeName: 'n' }, mirror);
  const next = pod({ nodeName: 'n', ephemeralContainers: [{ name: 'e', image: 'i' }] }, mirror);
  expect(updateComplaints(old, next, 'ephemeralcontainers')).toEqual(['Forbidden ']);
});

it('a debug container promises nothing', () => {
  const next = pod({
    ephemeralContainers: [{ name: 'e', image: ' i', restartPolicy: 'Always', targetContainerName: 'c' }],
  });
  expect(updateComplaints(pod({}), next, 'ephemeralcontainers')).toEqual([
    'Invalid spec.ephemeralContainers[0].image',
    'Forbidden spec.ephemeralContainers[0].restartPolicy',
  ]);
});
