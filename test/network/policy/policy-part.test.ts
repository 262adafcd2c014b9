/** When and what the policies of a host are written to the kernel, which is pretended here. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHostPods, type HostPods } from '../../../src/network/host-pods.ts';
import type { HostNetworkPart } from '../../../src/network/host-network.ts';
import { createPolicyPart } from '../../../src/network/policy/policy-part.ts';
import { type AddressGroup, neededGroups } from '../../../src/schemas/address-groups.ts';
import type { NetworkPolicy } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/builders.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/kubectl.ts';
import { createNetworkWorld, type NetworkWorld } from '../../support/network-context.ts';
import { stored } from '../../support/network-policies/groups.ts';
import type { PolicySpec } from '../../support/network-policies/oracle.ts';
import { policy } from '../../support/network-policies/world.ts';

let clock: FakeClock;
let directory: string;
let written: string[];
/** The kernel refuses commands with this text. */
let refusing: string | undefined;
let world: NetworkWorld;
let pods: HostPods;
let part: HostNetworkPart;

function create(): void {
  const nft = {
    apply: async (commands: string) => {
      if (refusing !== undefined && commands.includes(refusing)) throw new Error(`no ${refusing}`);
      written.push(commands);
    },
    list: async () => undefined,
  };
  pods = createHostPods();
  world = createNetworkWorld({ nft, run: async () => '', clock, pods });
  const { context } = world;
  part = createPolicyPart({ ...context, settings: { ...context.settings, directory } });
  part.start();
}
const policies = () => world.feeds.networkPolicies;
const groups = () => world.feeds.addressGroups;

beforeEach(async () => {
  clock = createFakeClock();
  directory = await mkdtemp(join(tmpdir(), 'policies-'));
  written = [];
  refusing = undefined;
  create();
});
afterEach(async () => {
  await part[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const pod = (name: string, labels: Readonly<Record<string, string>> = {}) =>
  aPod({ name, namespace: 'x', labels: { ...labels }, uid: name });
const DENY: PolicySpec = { podSelector: {}, policyTypes: ['Ingress'] };
const FROM_ALL: PolicySpec = { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }] }] };

function groupOf(object: NetworkPolicy, addresses: readonly string[]): AddressGroup {
  const [needed] = neededGroups(object);
  return {
    metadata: { name: `${needed?.name ?? ''}-0` },
    spec: needed?.selection,
    addresses: addresses.map((ip) => ({ ip })),
  } as unknown as AddressGroup;
}

async function synced(...objects: readonly NetworkPolicy[]): Promise<void> {
  for (const object of objects) policies().put(object);
  policies().sync();
  groups().sync();
  await eventually('the table is written', async () => written.length > 0);
}
/** The commands since the last call, when they include this text. */
async function commands(text: string): Promise<string> {
  await eventually(`the kernel gets "${text}"`, async () => written.join('').includes(text));
  return written.splice(0).join('');
}
const isolated = (address: string, direction = 'ingress'): string =>
  `element ip symphony-test-policy ${direction} { ${address} : goto union-`;

describe('the table of policies', () => {
  it('is written when all policies are known, with the pods that are there', async () => {
    pods.set(pod('a'), '10.244.1.2');
    policies().put(stored(policy(DENY)));
    policies().sync();
    await clock.advance(1_000);
    expect(written).toEqual([]);
    groups().sync();
    const whole = await commands('forward-ingress');
    expect(whole).toContain('delete table ip symphony-test-policy');
    expect(whole).toContain(isolated('10.244.1.2'));
  });

  it('gets one element for an address that joins a group of half the cluster', async () => {
    const object = stored(policy(FROM_ALL));
    const many = Array.from({ length: 1_000 }, (_, index) => `10.244.${2 + (index >> 8)}.${index & 255}`);
    for (let index = 0; index < 20; index += 1) pods.set(pod(`p${index}`), `10.244.1.${index + 2}`);
    groups().put(groupOf(object, many));
    await synced(object);
    written.length = 0;
    groups().put(groupOf(object, [...many, '10.244.99.1']));
    const added = await commands('10.244.99.1');
    expect(added.trim().split('\n')).toHaveLength(1);
    expect(added).toMatch(/^add element ip symphony-test-policy group-\w+ \{ 10\.244\.99\.1 \}\n$/);
    groups().put(groupOf(object, many));
    expect(await commands('10.244.99.1')).toMatch(
      /^delete element \S+ \S+ group-\w+ \{ 10\.244\.99\.1 \}\n$/,
    );
  });

  it('gets two elements for one more pod of policies that are there', async () => {
    pods.set(pod('a'), '10.244.1.2');
    await synced(stored(policy(DENY)));
    written.length = 0;
    pods.set(pod('b'), '10.244.1.3');
    const added = await commands(isolated('10.244.1.3'));
    expect(added.trim().split('\n').sort()).toEqual([
      expect.stringContaining(isolated('10.244.1.3')),
      expect.stringContaining('selves { 10.244.1.3 . 10.244.1.3 }'),
    ]);
  });

  it('is left alone at the end', async () => {
    pods.set(pod('a'), '10.244.1.2');
    await synced(stored(policy(DENY)));
    written.length = 0;
    await part[Symbol.asyncDispose]();
    expect(written).toEqual([]);
  });
});

describe('a pod that is about to start', () => {
  it('waits until its policies are in the kernel', async () => {
    await synced(stored(policy(DENY)));
    written.length = 0;
    pods.set(pod('a'), '10.244.1.2');
    await pods.prepare('10.244.1.2');
    expect(written.join('')).toContain(isolated('10.244.1.2'));
  });

  it('has nothing of the pod that had its address before', async () => {
    await synced(stored(policy({ ...DENY, podSelector: { matchLabels: { app: 'old' } } })));
    pods.set(pod('old', { app: 'old' }), '10.244.1.2');
    await pods.prepare('10.244.1.2');
    written.length = 0;
    // The end of the old one is told late.
    pods.set(pod('new', { app: 'new' }), '10.244.1.2');
    pods.delete('old');
    await pods.prepare('10.244.1.2');
    expect(written.join('')).toContain('delete element ip symphony-test-policy ingress { 10.244.1.2 }');
    written.length = 0;
    pods.set(pod('next', { app: 'old' }), '10.244.1.2');
    pods.delete('new');
    await pods.prepare('10.244.1.2');
    expect(await commands(isolated('10.244.1.2'))).not.toContain('delete element');
  });

  it('follows its labels', async () => {
    await synced(stored(policy({ ...DENY, podSelector: { matchLabels: { app: 'a' } } })));
    pods.set(pod('a'), '10.244.1.2');
    await pods.prepare('10.244.1.2');
    written.length = 0;
    pods.set(pod('a', { app: 'a' }), '10.244.1.2');
    await commands(isolated('10.244.1.2'));
  });

  it('does not start while the kernel does not take its policies', async () => {
    await synced(stored(policy(DENY)));
    refusing = 'symphony-test-policy';
    pods.set(pod('a'), '10.244.1.2');
    const prepared = pods.prepare('10.244.1.2');
    prepared.catch(() => undefined);
    await clock.advance(16_000);
    await expect(prepared).rejects.toThrow('the network policies of the pod are not in the kernel');
    refusing = undefined;
    await clock.advance(6_000);
    await pods.prepare('10.244.1.2');
    expect(written.join('')).toContain(isolated('10.244.1.2'));
  });

  it('starts when nobody has ever known a policy', async () => {
    pods.set(pod('a'), '10.244.1.2');
    let mayStart = false;
    void pods.prepare('10.244.1.2').then(() => (mayStart = true));
    await eventually('the pod may start', async () => {
      await clock.advance(1_000);
      return mayStart;
    });
    expect(written).toEqual([]);
  });
});

describe('an agent that starts again', () => {
  async function restart(): Promise<void> {
    // Its memory is written a moment after a change.
    await clock.advance(2_000);
    await part[Symbol.asyncDispose]();
    written.length = 0;
    create();
  }

  it('goes on with the last known policies when the API is away', async () => {
    const object = stored(policy(FROM_ALL));
    groups().put(groupOf(object, ['10.244.2.9']));
    pods.set(pod('a'), '10.244.1.2');
    await synced(object);
    await restart();
    pods.set(pod('a'), '10.244.1.2');
    const prepared = pods.prepare('10.244.1.2');
    await eventually('the last known policies are written', async () => {
      await clock.advance(1_000);
      return written.length > 0;
    });
    await prepared;
    const whole = await commands(isolated('10.244.1.2'));
    expect(whole).toContain('{ 10.244.2.9 }');
    // The API is back, and the policy is gone.
    policies().sync();
    groups().sync();
    expect(await commands('delete element')).toContain('ingress { 10.244.1.2 }');
  });

  it('takes no policy from a pod that another agent of the host has not told yet', async () => {
    pods.set(pod('a'), '10.244.1.2');
    pods.set(pod('b'), '10.244.1.3');
    await synced(stored(policy(DENY)));
    await restart();
    pods.set(pod('a'), '10.244.1.2');
    await synced(stored(policy(DENY)));
    expect(await commands(isolated('10.244.1.2').slice(0, 40))).toContain('10.244.1.3 : goto');
    await clock.advance(301_000);
    expect(await commands('delete element')).toContain('ingress { 10.244.1.3 }');
  });
});

it('a policy that the kernel refuses allows nothing, and stops no other', async () => {
  pods.set(pod('a', { app: 'a' }), '10.244.1.2');
  pods.set(pod('b', { app: 'b' }), '10.244.1.3');
  const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } });
  await synced();
  refusing = '203.0.113.7';
  const block = (cidr: string) => ({ ingress: [{ from: [{ ipBlock: { cidr } }] }] });
  policies().put(stored(policy({ ...app('a'), ...block('203.0.113.7/32') }, 'x', 'bad')));
  policies().put(stored(policy({ ...app('b'), ...block('203.0.113.8/32') }, 'x', 'good')));
  const all = await commands(isolated('10.244.1.2'));
  expect(all).toContain(isolated('10.244.1.3'));
  expect(all).toContain('203.0.113.8');
  await eventually('an Event tells of it', async () => world.events.length > 0);
  expect(world.events).toEqual([
    expect.objectContaining({
      reason: 'FailedToProgramPolicy',
      involvedObject: expect.objectContaining({ namespace: 'x', name: 'bad' }) as unknown,
      message: expect.stringContaining('203.0.113.7') as unknown,
    }),
  ]);
  // A better version of it counts.
  policies().put(stored(policy({ ...app('a'), ...block('203.0.113.9/32') }, 'x', 'bad')));
  expect(await commands('203.0.113.9')).not.toContain('ingress {');
});
