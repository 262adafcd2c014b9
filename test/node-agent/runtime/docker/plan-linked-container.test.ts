/** Which containers the agent connects itself, and how they begin. */
import { describe, expect, it } from 'vitest';
import {
  linkedAddress,
  waitingArguments,
} from '../../../../src/node-agent/runtime/docker/plan-linked-container.ts';
import {
  type PlacedContainer,
  placeContainer,
} from '../../../../src/node-agent/runtime/docker/placed-container.ts';
import { waitingProgram } from '../../../../src/node-agent/images/waiting-program.ts';
import { aContainerSpec, vacantSandbox } from '../../../support/sandbox.ts';

const sandbox = vacantSandbox({ network: { type: 'pod', network: 'pods', ip: '10.1.0.7' } });
const placed = (over: Partial<PlacedContainer> = {}): PlacedContainer => ({
  ...placeContainer(aContainerSpec({ name: 'c', image: 'i', labels: {} }), sandbox),
  ...over,
});
const mountAt = (target: string) => ({ mounts: [{ source: '/x', target, readOnly: false }] });

describe('linkedAddress', () => {
  it('is the address of a pod of its own', () => expect(linkedAddress(placed())).toBe('10.1.0.7'));

  it.each<[string, Partial<PlacedContainer>]>([
    ['in the network of the host', { network: { type: 'host' } }],
    ['without a network', { network: { type: 'none' } }],
    ['in the network of a pause container', { network: { type: 'container', containerId: 'a' } }],
    ['with ports of the host', { ports: [{ containerPort: 1, hostPort: 2, protocol: 'TCP' }] }],
    ['with another runtime', { runtimeHandler: 'runsc' }],
    ['with a seccomp profile', { seccompProfile: '{}' }],
    ['with an AppArmor profile', { appArmorProfile: 'own' }],
    ['with a volume at /dev', mountAt('/dev')],
    ['with a volume at /dev/', mountAt('/dev/')],
    ['with a setting of an interface', { sysctls: { 'net.ipv4.conf.eth0.rp_filter': '0' } }],
  ])('leaves a container %s to the Engine', (_, over) => expect(linkedAddress(placed(over))).toBeUndefined());

  it.each<[string, Partial<PlacedContainer>]>([
    ['without confinement', { seccompProfile: 'unconfined', appArmorProfile: 'unconfined' }],
    ['with a volume below /dev', mountAt('/dev/shm')],
    ['with a setting of its network', { sysctls: { 'net.core.somaxconn': '1' } }],
  ])('takes a container %s', (_, over) => expect(linkedAddress(placed(over))).toBe('10.1.0.7'));
});

describe('waitingArguments', () => {
  const image = { entrypoint: ['/entry'], args: ['a', 'b'], path: '/x:/y/' };
  const of = (over: Partial<PlacedContainer>) => waitingArguments(placed(over), image);

  it.each<[string, Partial<PlacedContainer>, readonly string[] | undefined]>([
    ["the image's program", {}, ['/entry', '', '/entry', 'a', 'b']],
    ['other arguments', { args: ['c'] }, ['/entry', '', '/entry', 'c']],
    ['no arguments of the image for another program', { command: ['/own'] }, ['/own', '', '/own']],
    ["the image's PATH", { command: ['own', '-v'] }, ['/x/own', '/y/own', '', 'own', '-v']],
    [
      'the last PATH of the container',
      {
        command: ['own'],
        env: [
          { name: 'PATH', value: '/p' },
          { name: 'PATH', value: '/q::/r' },
        ],
      },
      ['/q/own', './own', '/r/own', '', 'own'],
    ],
    [
      'an empty argument',
      { command: ['own', ''], env: [{ name: 'PATH', value: '/q' }] },
      ['/q/own', '', 'own', ''],
    ],
    ['nothing where there is no program', { command: [] }, undefined],
    ['nothing for an empty name', { command: [''] }, undefined],
    [
      'nothing for a PATH without end',
      { command: ['own'], env: [{ name: 'PATH', value: ':'.repeat(100) }] },
      undefined,
    ],
  ])('are %s', (_, over, expected) => expect(of(over)).toEqual(expected));

  it('has a usual PATH where the image has none', () => {
    const found = waitingArguments(placed({ command: ['own'] }), {
      entrypoint: [],
      args: [],
      path: undefined,
    });
    expect(found).toContain('/usr/local/sbin/own');
  });
});

describe('waitingProgram', () => {
  it.each(['amd64', 'arm64'])('is an ELF file for %s', (architecture) =>
    expect(waitingProgram(architecture)?.subarray(0, 4).toString('latin1')).toBe('\x7fELF'),
  );
  it('is absent for other architectures', () => expect(waitingProgram('toString')).toBeUndefined());
});
