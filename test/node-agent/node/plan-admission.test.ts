import { expect, it } from 'vitest';
import { planAdmission } from '../../../src/node-agent/node/plan-admission.ts';
import type { Pod } from '../../../src/schemas/types.ts';

const pod = (spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'ns' },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const plan = (mine: Pod, maxPodSecurity: 'privileged' | 'baseline', others: readonly Pod[] = []) =>
  planAdmission({ pod: mine, others, allocatable: { pods: '1' }, maxPodSecurity });

it('a node takes no pod that is less secure than it allows, whatever the control plane says', () => {
  const host = pod({ hostNetwork: true });
  expect(plan(host, 'privileged')).toBeUndefined();
  expect(plan(host, 'baseline')).toEqual({
    reason: 'PodSecurity',
    message:
      'Pod was rejected: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true); this node takes no more (--max-pod-security)',
  });
  expect(plan(pod(), 'baseline')).toBeUndefined();
});

it('that holds before the node has said what it has room for', () => {
  const input = { pod: pod({ hostPID: true }), others: [], allocatable: undefined };
  expect(planAdmission({ ...input, maxPodSecurity: 'baseline' })?.reason).toBe('PodSecurity');
});

it('a full node takes no more', () => {
  expect(plan(pod(), 'privileged', [pod()])?.reason).toBe('OutOfpods');
});
