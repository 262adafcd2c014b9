import { expect, it } from 'vitest';
import { podKind } from '../../../src/schemas/kinds/pod/kind.ts';
import { dottedSysctl, isSysctlName, sysctlNamespace } from '../../../src/schemas/values/sysctls.ts';

it.each([
  ['kernel.shmmax', true],
  ['net/ipv4/conf/eth0.1/rp_filter', true],
  ['safe-and-unsafe', true],
  ['foo-', false],
  ['bar..', false],
  ['', false],
  ['a'.repeat(254), false],
])('%s is the name of a kernel setting: %s', (name, is) => {
  expect(isSysctlName(name)).toBe(is);
});

it.each([
  ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_rmem'],
  ['net/ipv4/tcp_rmem', 'net.ipv4.tcp_rmem'],
  ['net/ipv4/conf/eth0.1/rp_filter', 'net.ipv4.conf.eth0/1.rp_filter'],
  ['net.ipv4.conf.eth0/1.rp_filter', 'net.ipv4.conf.eth0/1.rp_filter'],
])('%s with dots is %s', (name, dotted) => {
  expect(dottedSysctl(name)).toBe(dotted);
});

it('tells which namespace keeps a setting', () => {
  expect(['kernel.sem', 'kernel.msgmax', 'fs.mqueue.queues_max'].map(sysctlNamespace)).toEqual(
    Array(3).fill('IPC'),
  );
  expect(sysctlNamespace('net.core.somaxconn')).toBe('Net');
  expect(sysctlNamespace('vm.swappiness')).toBeUndefined();
});

it('a pod names its settings well, and none that it shares with the host', () => {
  const problems = (spec: object): readonly string[] =>
    podKind
      .validate({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'a', namespace: 'ns' },
        spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
      })
      .filter(({ path }) => path.includes('sysctls'))
      .map(({ path, detail }) => `${path}: ${detail ?? ''}`);
  const sysctls = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'net/core/somaxconn'].map((name) => ({
    name,
    value: '1',
  }));
  const at = 'spec.securityContext.sysctls';
  const malformed = expect.stringMatching(
    /^spec\.securityContext\.sysctls\[0\]\.name: must have at most 253/,
  );
  expect(problems({ securityContext: { sysctls } })).toEqual([malformed]);
  expect(problems({ securityContext: { sysctls }, hostNetwork: true, hostIPC: true })).toEqual([
    malformed,
    `${at}[1].name: may not be specified when 'hostIPC' is true`,
    `${at}[3].name: may not be specified when 'hostNetwork' is true`,
  ]);
});
