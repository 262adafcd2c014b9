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
      'a sidecar of a pod that never restarts',
      { restartPolicy: 'Never', initContainers: [{ name: 's', image: 'i', restartPolicy: 'Always' }] },
      { initContainerStatuses: [{ name: 's', state: { terminated: { exitCode: 0 } } }] },
      { initContainerStatuses: [{ name: 's', state: { running: {} } }] },
      [],
    ],
  ])('%s', (_, spec, old, status, expected) => {
    expect(updateComplaints(pod(spec, { status: old }), pod(spec, { status }), 'status')).toEqual(expected);
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

  it('is not for Windows', () => {
    const windows = { os: { name: 'windows' } };
    const larger = { ...small, requests: { cpu: '2', memory: '1Gi' } };
    expect(resize(sized(larger, {}, windows), sized(small, {}, windows))).toEqual(['Forbidden ']);
  });
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
