import { describe, expect, it } from 'vitest';
import {
  evaluatePodSecurity,
  policyText,
  violationText,
} from '../../../src/schemas/pod-security/evaluate.ts';
import {
  namespacePolicy,
  podSecurityLabelErrors,
} from '../../../src/schemas/pod-security/namespace-policy.ts';
import type { PodSecurityVersion } from '../../../src/schemas/pod-security/types.ts';
import type { PodSpec } from '../../../src/schemas/types.ts';

const c = { name: 'a', image: 'web:1' };
const secure = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' as const },
};
const text = (
  level: 'baseline' | 'restricted',
  spec: Partial<PodSpec>,
  version: PodSecurityVersion = 'latest',
): string => violationText(evaluatePodSecurity({ level, version }, { containers: [c], ...spec }));

describe('the level baseline', () => {
  it.each<[Partial<PodSpec>, string]>([
    [{}, ''],
    [
      { containers: [{ ...c, securityContext: { privileged: true } }] },
      'privileged (container "a" must not set securityContext.privileged=true)',
    ],
    [{ hostNetwork: true, hostPID: true }, 'host namespaces (hostNetwork=true, hostPID=true)'],
    [
      {
        volumes: [
          { name: 'v', hostPath: { path: '/' } },
          { name: 'w', hostPath: { path: '/' } },
        ],
      },
      'hostPath volumes (volumes "v", "w")',
    ],
    [
      { containers: [{ ...c, ports: [{ containerPort: 80, hostPort: 80 }] }] },
      'hostPort (container "a" uses hostPort 80)',
    ],
    [
      { containers: [{ ...c, securityContext: { capabilities: { add: ['SYS_ADMIN', 'CHOWN'] } } }] },
      'non-default capabilities (container "a" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
    ],
    [
      {
        securityContext: { seccompProfile: { type: 'Unconfined' } },
        initContainers: [{ ...c, name: 'i', securityContext: { seccompProfile: { type: 'Unconfined' } } }],
      },
      'seccompProfile (pod and container "i" must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } },
      'forbidden sysctl (kernel.msgmax)',
    ],
    [
      { securityContext: { seLinuxOptions: { type: 'spc_t', user: 'u' } } },
      'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
    ],
    [
      { containers: [{ ...c, securityContext: { procMount: 'Unmasked' } }] },
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      { containers: [{ ...c, securityContext: { appArmorProfile: { type: 'Unconfined' } } }] },
      'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      { containers: [{ ...c, livenessProbe: { httpGet: { port: 80, host: '10.0.0.1' } } }] },
      'probe or lifecycle host (container "a" uses probe or lifecycle host "10.0.0.1")',
    ],
  ])('judges %j', (spec, expected) => {
    expect(text('baseline', spec)).toBe(expected);
  });

  it('knows of an annotation that sets an AppArmor profile', () => {
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' };
    const violations = evaluatePodSecurity(
      { level: 'baseline', version: 'latest' },
      { containers: [c] },
      { annotations },
    );
    expect(violations.map(({ reason }) => reason)).toEqual(['forbidden AppArmor profile']);
  });

  it('holds a pod to what its version knew', () => {
    const spec = { containers: [{ ...c, livenessProbe: { httpGet: { port: 80, host: '10.0.0.1' } } }] };
    expect(text('baseline', spec, 33)).toBe('');
    const sysctls = { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] } };
    expect(text('baseline', sysctls, 31)).toBe('forbidden sysctl (net.ipv4.tcp_rmem)');
    expect(text('baseline', sysctls, 32)).toBe('');
  });
});

describe('the level restricted', () => {
  it('asks for everything that a pod must say, in the order of upstream', () => {
    expect(text('restricted', {})).toBe(
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
  });

  it('is content with a pod that says it', () => {
    expect(text('restricted', { containers: [{ ...c, securityContext: secure }] })).toBe('');
  });

  it('replaces the looser words of baseline', () => {
    const spec = {
      containers: [{ ...c, securityContext: { ...secure, runAsUser: 0 } }],
      volumes: [{ name: 'v', hostPath: { path: '/' } }],
    };
    expect(text('restricted', spec)).toBe(
      'restricted volume types (volume "v" uses restricted volume type "hostPath"), runAsUser=0 (container "a" must not set runAsUser=0)',
    );
  });
});

describe('the policy of a namespace', () => {
  it('is the default of the cluster, but for the namespaces of the system', () => {
    expect(policyText(namespacePolicy('web', undefined, 'baseline').enforce)).toBe('baseline:latest');
    expect(policyText(namespacePolicy('kube-system', {}, 'baseline').enforce)).toBe('privileged:latest');
  });

  it('is what the labels say; warnings follow what is enforced', () => {
    const labels = {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'v1.30',
      'pod-security.kubernetes.io/audit': 'privileged',
    };
    const policy = namespacePolicy('kube-system', labels, 'baseline');
    expect([policy.enforce, policy.warn, policy.audit].map(policyText)).toEqual([
      'restricted:v1.30',
      'restricted:v1.30',
      'privileged:latest',
    ]);
  });

  it('is not taken from words that mean nothing', () => {
    const metadata = {
      name: 'a',
      labels: {
        'pod-security.kubernetes.io/warn': 'Baseline',
        'pod-security.kubernetes.io/warn-version': '1.30',
      },
    };
    const errors = podSecurityLabelErrors({ apiVersion: 'v1', kind: 'Namespace', metadata });
    expect(errors.map(({ detail }) => detail)).toEqual([
      'must be one of privileged, baseline, restricted',
      'must be "latest" or "v1.x"',
    ]);
  });
});
