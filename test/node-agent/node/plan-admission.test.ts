import { describe, expect, it } from 'vitest';
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

it('a node fails a pod that it was given by hand and cannot run as it is written', () => {
  const claim = pod({ volumes: [{ name: 'v', csi: { driver: 'd' } }] });
  expect(plan(claim, 'privileged')?.reason).toBe('NotImplemented');
  // Another scheduler may place pods here.
  expect(plan(pod({ schedulerName: 'other' }), 'privileged')).toBeUndefined();
});

describe('kernel settings', () => {
  const asking = (name: string, spec: Partial<Pod['spec']> = {}): Pod =>
    pod({ ...spec, securityContext: { sysctls: [{ name, value: '1' }] } });
  const answer = (mine: Pod, allowedUnsafeSysctls: readonly string[] = []): string | undefined => {
    const input = { pod: mine, others: [], allocatable: undefined, maxPodSecurity: 'privileged' } as const;
    const verdict = planAdmission({ ...input, allowedUnsafeSysctls });
    expect(verdict?.reason ?? 'SysctlForbidden').toBe('SysctlForbidden');
    return verdict?.message;
  };

  it.each<[string, readonly string[], string | undefined]>([
    ['kernel.shm_rmid_forced', [], undefined],
    ['net/ipv4/tcp_syncookies', [], undefined],
    ['kernel.msgmax', [], 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted'],
    ['kernel.msgmax', ['kernel.msg*'], undefined],
    [
      'kernel.msgmax',
      ['kernel.msgmnb'],
      'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
    ],
    ['net/core/somaxconn', ['net.core.somaxconn'], undefined],
    ['vm.swappiness', ['vm.*'], 'Pod was rejected: forbidden sysctl: "vm.swappiness" not allowlisted'],
  ])('%s, where %j may be changed as well, is answered with %j', (name, allowed, message) => {
    expect(answer(asking(name), allowed)).toBe(message);
  });

  it("are not a pod's that shares them with the host", () => {
    expect(answer(asking('net.ipv4.tcp_syncookies', { hostNetwork: true }))).toBe(
      'Pod was rejected: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
    );
    expect(answer(asking('kernel.shm_rmid_forced', { hostIPC: true }))).toBe(
      'Pod was rejected: forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled',
    );
  });
});
