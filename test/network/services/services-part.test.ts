/** The part of the host's network that programs Services, without a kernel. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServicesPart } from '../../../src/network/services/services-part.ts';
import type { HostNetworkPart } from '../../../src/network/host-network.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { createNetworkWorld, type NetworkWorld } from '../../support/network-context.ts';
import { aService, aSlice } from '../../support/services.ts';

let world: NetworkWorld;
let part: HostNetworkPart;
/** Transactions that the kernel took. */
let applied: string[];
/** Transactions that contain this are refused. */
let poison: string | undefined;
let ran: string[];
let hasSctp: boolean;
let hasConntrack: boolean;
/** Holds transactions back until it resolves. */
let gate: Promise<void>;

beforeEach(() => {
  applied = [];
  ran = [];
  hasSctp = true;
  hasConntrack = true;
  poison = undefined;
  gate = Promise.resolve();
  world = createNetworkWorld({
    nft: {
      async apply(commands) {
        await gate;
        if (poison !== undefined && commands.includes(poison)) throw new Error('Operation not supported');
        applied.push(commands);
      },
      list: async () => '',
    },
    run: async (program, args, input = '') => {
      if (program === 'test' && !hasSctp) throw new Error('Cannot run test: it ended with 1');
      if (program === 'test') return '';
      ran.push(`${program} ${args.join(' ')} ${input}`.trim());
      if (!hasConntrack) throw new Error('spawn conntrack ENOENT');
      return '';
    },
  });
  part = createServicesPart(world.context, 0);
});
afterEach(() => part[Symbol.asyncDispose]());

const web = aService();
const A = { address: '10.244.1.2' };
const B = { address: '10.244.1.3' };

async function startWith(...services: readonly (typeof web)[]): Promise<void> {
  world.feeds.services.put(...services);
  for (const service of services) world.feeds.endpointSlices.put(aSlice(service, [A]));
  part.start();
  world.syncAll();
  await comesTrue(() => expect(applied).toHaveLength(1));
}

describe('the first transaction', () => {
  it.each(['services', 'endpointSlices', 'nodes'] as const)('waits for all %s', async (last) => {
    part.start();
    world.feeds.services.put(web);
    world.feeds.endpointSlices.put(aSlice(web, [A]));
    for (const kind of ['services', 'endpointSlices', 'nodes'] as const)
      if (kind !== last) world.feeds[kind].sync();
    await new Promise((resolve) => setImmediate(resolve));
    expect(applied).toEqual([]);
    world.feeds[last].sync();
    await comesTrue(() => expect(applied).toHaveLength(1));
    expect(applied[0]).toContain('10.96.0.50 . tcp . 80 . 0 : 10.244.1.2 . 8080');
  });

  it('makes the table without any Service, too', async () => {
    await startWith();
    expect(applied[0]).toContain('add table ip symphony-test-services');
  });
});

describe('a change', () => {
  it('costs as much as it changes, however many Services there are', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) =>
      aService({ clusterIPs: [`10.97.${index >> 8}.${index & 255}`] }, { name: `s${index}` }),
    );
    await startWith(...many);
    const [service] = many as [typeof web];
    world.feeds.endpointSlices.put(aSlice(service, [A, { ...B, node: 'far' }]));
    await comesTrue(() => expect(applied).toHaveLength(2));
    const where = 'element ip symphony-test-services';
    expect(applied[1]?.trim().split('\n')).toEqual([
      `delete ${where} services { 10.97.0.0 . tcp . 80 }`,
      `add ${where} slots { 10.97.0.0 . tcp . 80 . 1 : 10.244.1.3 . 8080 }`,
      `add ${where} services { 10.97.0.0 . tcp . 80 : goto pick-2 }`,
    ]);
  });

  it('is written together with all that came while the kernel was busy', async () => {
    await startWith(web);
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    for (let last = 2; last < 30; last += 1)
      world.feeds.endpointSlices.put(aSlice(web, [{ address: `10.244.1.${last}` }]));
    await new Promise((resolve) => setImmediate(resolve));
    for (let last = 30; last < 60; last += 1)
      world.feeds.endpointSlices.put(aSlice(web, [{ address: `10.244.1.${last}` }]));
    open();
    await comesTrue(() => expect(applied.at(-1)).toContain('10.244.1.59 . 8080'));
    expect(applied).toHaveLength(3);
  });

  it('of where the host serves a Service itself leads connections there, whatever its slices say', async () => {
    world.context.ownTargets.set('default/web', []);
    await startWith(web);
    expect(applied[0]).toContain('unserved { 10.96.0.50 . tcp . 80 : goto refuse }');
    world.context.ownTargets.set('default/web', [{ address: '10.244.0.1', port: 5_353, isLocal: true }]);
    await comesTrue(() => expect(applied).toHaveLength(2));
    expect(applied[1]).toContain('slots { 10.96.0.50 . tcp . 80 . 0 : 10.244.0.1 . 5353 }');
  });

  it('of a slice that moves to another Service concerns both', async () => {
    const other = aService({ clusterIPs: ['10.96.0.51'] }, { name: 'other' });
    world.feeds.services.put(web, other);
    world.feeds.endpointSlices.put(aSlice(web, [A]));
    part.start();
    world.syncAll();
    await comesTrue(() => expect(applied).toHaveLength(1));
    const moved = aSlice(other, [A]);
    world.feeds.endpointSlices.put({ ...moved, metadata: { ...moved.metadata, name: 'web-1' } });
    await comesTrue(() => expect(applied).toHaveLength(2));
    expect(applied[1]).toContain('unserved { 10.96.0.50 . tcp . 80 : goto refuse }');
    expect(applied[1]).toContain('slots { 10.96.0.51 . tcp . 80 . 0 : 10.244.1.2 . 8080 }');
  });

  it('takes the Service away when it is deleted, headless, an ExternalName or of another proxy', async () => {
    for (const [index, next] of [
      undefined,
      aService({ clusterIPs: ['None'] }),
      aService({ type: 'ExternalName', clusterIPs: [] }),
      aService({}, { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } }),
    ].entries()) {
      if (index === 0) await startWith(web);
      const before = applied.length;
      if (next) world.feeds.services.put(next);
      else world.feeds.services.remove(web);
      await comesTrue(() => expect(applied.length).toBe(before + 1));
      expect(applied.at(-1)).toContain('delete element ip symphony-test-services cluster-ips { 10.96.0.50 }');
      world.feeds.services.put(web);
      await comesTrue(() => expect(applied.length).toBe(before + 2));
    }
  });
});

describe('a Service that the kernel refuses', () => {
  it('is told by one Event, stops no other, and is tried again when it changes', async () => {
    const bad = aService({ clusterIPs: ['10.96.0.66'] }, { name: 'bad' });
    poison = '10.96.0.66';
    world.feeds.services.put(web, bad);
    part.start();
    world.syncAll();
    await comesTrue(() => expect(world.events).toHaveLength(1));
    expect(world.events[0]).toMatchObject({
      type: 'Warning',
      reason: 'FailedToProgramService',
      message: 'Node host cannot program the Service: Operation not supported',
      involvedObject: { kind: 'Service', namespace: 'default', name: 'bad' },
      source: { component: 'kube-proxy', host: 'host' },
    });
    expect(applied.join('')).toContain('10.96.0.50');
    world.feeds.endpointSlices.put(aSlice(bad, [B]));
    poison = undefined;
    await comesTrue(() => expect(applied.at(-1)).toContain('10.96.0.66'));
    expect(world.events).toHaveLength(1);
  });
});

it('tells a Service of SCTP when the kernel does not track it', async () => {
  hasSctp = false;
  await startWith(aService({ ports: [{ port: 9, protocol: 'SCTP' }] }), aService({}, { name: 'other' }));
  await comesTrue(() => expect(world.events).toHaveLength(1));
  expect(world.events[0]?.message).toBe(
    'Node host cannot program the Service: its kernel does not track SCTP (CONFIG_NF_CT_PROTO_SCTP)',
  );
});

describe('an entrance that two Services want', () => {
  const young = aService(
    { clusterIPs: ['10.96.0.2'], externalIPs: ['203.0.113.9'] },
    { name: 'young', creationTimestamp: '2026-02-01T00:00:00Z' },
  );
  const old = aService(
    { clusterIPs: ['10.96.0.1'], externalIPs: ['203.0.113.9'] },
    { name: 'old', creationTimestamp: '2026-01-01T00:00:00Z' },
  );
  const leadsTo = (address: string): string => `203.0.113.9 . tcp . 80 . 0 : ${address} . 8080`;

  it('is of the older one, whichever came first; the other gets an Event, and later the entrance', async () => {
    world.feeds.services.put(young, old);
    world.feeds.endpointSlices.put(aSlice(young, [A]), aSlice(old, [B]));
    part.start();
    world.syncAll();
    await comesTrue(() => expect(world.events).toHaveLength(1));
    expect(world.events[0]).toMatchObject({
      reason: 'PortConflict',
      message: 'port 80/TCP of 203.0.113.9 belongs to Service "default/old"',
      involvedObject: { name: 'young' },
    });
    await comesTrue(() => expect(applied.at(-1)).toContain(leadsTo('10.244.1.3')));
    world.feeds.services.remove(old);
    await comesTrue(() => expect(applied.at(-1)).toContain(leadsTo('10.244.1.2')));
    expect(world.events).toHaveLength(1);
  });
});

describe('flows of UDP', () => {
  const dns = aService({ ports: [{ port: 53, protocol: 'UDP' }] }, { name: 'dns' });

  it('are forgotten once the kernel leads new ones elsewhere', async () => {
    await startWith(dns);
    await comesTrue(() => expect(ran).toEqual(['conntrack --version']));
    world.feeds.endpointSlices.put(aSlice(dns, [B]));
    await comesTrue(() => expect(ran).toHaveLength(2));
    expect(applied).toHaveLength(2);
    expect(ran[1]).toBe(
      'sh -c cat | conntrack --load-file - -D -p udp -d 10.96.0.50 --orig-port-dst 53 -r 10.244.1.2 --reply-port-src 8080',
    );
  });

  it('are left alone without the program that clears them, which is told once', async () => {
    hasConntrack = false;
    await startWith(dns);
    for (const [index, endpoint] of [B, A, B].entries()) {
      world.feeds.endpointSlices.put(aSlice(dns, [endpoint]));
      await comesTrue(() => expect(applied).toHaveLength(index + 2));
    }
    expect(ran).toEqual(['conntrack --version']);
  });

  it('are left alone when no Service has UDP', async () => {
    await startWith(web);
    world.feeds.endpointSlices.put(aSlice(web, [B]));
    await comesTrue(() => expect(applied).toHaveLength(2));
    expect(ran).toEqual([]);
  });
});

describe('nodes of the host', () => {
  it('stay local when they leave: their pods go on', async () => {
    await startWith(aService({ internalTrafficPolicy: 'Local' }));
    world.nodes.clear();
    world.feeds.nodes.sync();
    world.feeds.endpointSlices.put(aSlice(web, [A, B]));
    await comesTrue(() => expect(applied).toHaveLength(2));
    expect(applied[1]).toContain('goto pick-2');
  });
});
