import { describe, expect, it } from 'vitest';
import { planPodStatus } from '../../../src/node-agent/pod/plan-pod-status.ts';
import { agentLabels, type PodView, containersOf } from '../../../src/node-agent/pod/pod-view.ts';
import { type ContainerRecord, labelKeys } from '../../../src/node-agent/runtime/types.ts';
import type { Pod, PodStatus } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';

const record = (id: string, attempt: number): ContainerRecord => ({
  id,
  name: id,
  image: 'i',
  imageId: 'i',
  phase: 'running',
  createdAtMs: 0,
  startedAtMs: 0,
  oomKilled: false,
  labels: {
    [labelKeys.containerName]: 'main',
    [labelKeys.role]: 'container',
    [labelKeys.attempt]: String(attempt),
    [labelKeys.specHash]: 'h',
    [agentLabels.backoffLevel]: '0',
    [agentLabels.sandboxAttempt]: '0',
  },
});

function podWith(resources: object | undefined): Pod {
  const pod = aPod('p');
  const [container] = pod.spec.containers;
  if (!container) throw new Error('the pod has no container');
  return { ...pod, spec: { ...pod.spec, containers: [{ ...container, name: 'main', resources }] } } as Pod;
}

function statusOf(pod: Pod, records: readonly ContainerRecord[], previous?: PodStatus): PodStatus {
  const view: PodView = {
    pod: { ...pod, ...(previous ? { status: previous } : {}) },
    nowMs: 0,
    records,
    planned: containersOf(pod),
    sandboxes: [{ id: 'own', attempt: 0, phase: 'ready' }],
    holdsIp: false,
    needsIp: true,
    ip: '10.0.0.2',
    volumes: 'ready',
    images: new Set(['main']),
    problems: new Map(),
    probes: new Map(),
    postStart: new Map(),
    stopping: new Map(),
    busy: new Set(),
    endingSinceMs: undefined,
    removed: false,
    verdict: undefined,
    startTimeMs: 0,
    finalStatusWritten: true,
  };
  return planPodStatus({ ...view, hostIp: '192.0.2.1', previous, terminationMessages: new Map() });
}
const resize = ({ conditions }: PodStatus): unknown =>
  conditions?.find(({ type }) => type === 'PodResizePending');

const small = { requests: { cpu: '100m' }, limits: { memory: '64Mi' } };
const large = { requests: { cpu: '200m' }, limits: { memory: '64Mi' } };

describe('what a container has', () => {
  it('is reported with its requests as allocated', () => {
    const [container] = statusOf(podWith(small), [record('a', 0)]).containerStatuses ?? [];
    expect(container).toMatchObject({ resources: small, allocatedResources: small.requests });
  });

  it('is an empty object where nothing is asked for', () => {
    const [container] = statusOf(podWith(undefined), [record('a', 0)]).containerStatuses ?? [];
    expect(container?.resources).toEqual({});
    expect(container).not.toHaveProperty('allocatedResources');
  });

  it('is not said of one that was never made', () => {
    const [container] = statusOf(podWith(small), []).containerStatuses ?? [];
    expect(container).not.toHaveProperty('resources');
  });

  it('stays while it runs, and the pod says that a resize waits', () => {
    const before = statusOf(podWith(small), [record('a', 0)]);
    expect(resize(before)).toBeUndefined();
    const resized = statusOf(podWith(large), [record('a', 0)], before);
    expect(resized.containerStatuses?.[0]).toMatchObject({
      resources: small,
      allocatedResources: small.requests,
    });
    expect(resize(resized)).toMatchObject({ status: 'True', reason: 'Infeasible' });
    const restarted = statusOf(podWith(large), [record('b', 1)], resized);
    expect(restarted.containerStatuses?.[0]?.resources).toEqual(large);
    expect(resize(restarted)).toBeUndefined();
  });
});
