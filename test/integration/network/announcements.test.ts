/**
 * Load balancers in real kernels: two hosts that answer for an address, and a client outside. The
 * servers are the hosts' own, so that no network of pods is needed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScope } from '../../../src/base/scope.ts';
import { createAnnouncements } from '../../../src/network/announcements/announcements.ts';
import { removeAnnouncements } from '../../../src/network/announcements/host-addresses.ts';
import type { HostNetworkPart } from '../../../src/network/host-network.ts';
import { createNft } from '../../../src/network/nft/nft.ts';
import { createServicesPart } from '../../../src/network/services/services-part.ts';
import { ANNOUNCE_NETWORKS, ANNOUNCED_BY } from '../../../src/schemas/load-balancers.ts';
import type { Service } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';
import { eventually } from '../../support/kubectl.ts';
import { createNetworkWorld, type NetworkWorld } from '../../support/network-context.ts';
import { aService, aSlice } from '../../support/services.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';
import { programsOf } from '../../support/testbed/programs.ts';
import { startSwitch, type Switch } from '../../support/testbed/switch.ts';

const VIP = '192.168.77.200';
const SERVER = `
const [name] = process.argv.slice(1);
for (const port of [8080, 9090]) require('node:http').createServer((q, s) => s.end(name)).listen(port, () => console.log('ready'));`;
const CLIENT = `
const [host, port] = process.argv.slice(1);
require('node:http').get({ host, port, timeout: 2000, agent: false }, (r) => r.on('data', (d) => process.stdout.write(d)))
  .on('timeout', function () { this.destroy(); process.stdout.write('silence'); }).on('error', (e) => process.stdout.write(e.code ?? ''));`;

interface TestHost {
  readonly name: string;
  readonly place: Place;
  readonly number: number;
  readonly directory: string;
  world: NetworkWorld;
  parts: HostNetworkPart[];
}

const scope = createScope();
let network: Switch;
let outside: Place;
let hosts: TestHost[];

const addressOf = (number: number): string => network.addressOf(number);
const NAMES = ['h1', 'h2'];

beforeAll(async () => {
  network = scope.use(await startSwitch('one'));
  outside = scope.use(await startPlace({ name: 'outside' }));
  await network.plug({ place: outside, number: 9 });
  hosts = await Promise.all(
    NAMES.map(async (name, index) => {
      const place = scope.use(await startPlace({ name }));
      const directory = await mkdtemp(join(tmpdir(), 'symphony-announcements-'));
      scope.defer(() => rm(directory, { recursive: true, force: true }));
      await network.plug({ place, number: index + 1 });
      const server = place.start(process.execPath, '-e', SERVER, name);
      await eventually(`${name} serves`, async () => server.stdout().split('ready').length > 2);
      const host = {
        name,
        place,
        number: index + 1,
        directory,
        world: worldOf(place, directory, index + 1),
        parts: [],
      };
      return host;
    }),
  );
  for (const host of hosts) start(host);
  for (const host of hosts) say(host, undefined);
});
afterAll(async () => {
  for (const host of hosts) await stop(host);
  await scope[Symbol.asyncDispose]();
});

function worldOf(place: Place, directory: string, number: number): NetworkWorld {
  const run = programsOf(place);
  const world = createNetworkWorld({ run, nft: createNft(run) });
  const name = NAMES[number - 1] ?? '';
  world.nodes.clear();
  world.nodes.set(name, { name, address: addressOf(number) });
  return { ...world, context: { ...world.context, settings: { ...world.context.settings, directory } } };
}

function start(host: TestHost): void {
  const { context } = host.world;
  host.parts = [createServicesPart(context), createAnnouncements(context)];
  for (const part of host.parts) part.start();
}
async function stop(host: TestHost): Promise<void> {
  for (const part of host.parts.splice(0)) await part[Symbol.asyncDispose]();
}

/** All that the host hears of the API: which node answers for the address, and what nodes there are. */
function say(host: TestHost, announcer: string | undefined, nodes = NAMES): void {
  const { feeds } = host.world;
  const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
  const annotations = announcer === undefined ? {} : { [ANNOUNCED_BY]: announcer };
  const status = { loadBalancer: { ingress: [{ ip: VIP, ipMode: 'VIP' }] } };
  const service: Service = { ...aService(spec, { annotations }), status };
  const endpoints = NAMES.map((node, index) => ({ node, address: addressOf(index + 1) }));
  feeds.nodes.put(...nodes.map((name) => aNode({ name })));
  feeds.endpointSlices.put(aSlice(service, endpoints));
  feeds.services.put(service);
  host.world.syncAll();
}

const ask = (address: string, port: number): Promise<string> =>
  outside.must(process.execPath, '-e', CLIENT, address, String(port));
const addressesOf = async ({ place }: TestHost): Promise<string> => place.must('ip', '-4', 'address', 'show');
const answersFor = async (host: TestHost): Promise<boolean> =>
  (await addressesOf(host)).includes(`${VIP}/32`);

describe('a load balancer', () => {
  it('is answered by the host that the control plane chose', async () => {
    for (const host of hosts) say(host, 'h1');
    await eventually('the address is there', () => answersFor(hosts[0]!));
    await eventually('the client is served', async () => (await ask(VIP, 80)) === 'h1');
    expect(await answersFor(hosts[1]!)).toBe(false);
    expect(hosts[0]!.world.context.annotations.get(ANNOUNCE_NETWORKS)).toBe('192.168.77.0/24');
  });

  it('refuses ports that no Service has: the host keeps its own servers', async () => {
    expect(await ask(addressOf(1), 9090)).toBe('h1');
    await eventually('the ports are guarded', async () => (await ask(VIP, 9090)) === 'ECONNREFUSED');
  });

  it('ends by itself where another host could take over, as long as no agent renews it', async () => {
    expect(await addressesOf(hosts[0]!)).toMatch(/200\/32 scope global dynamic eth0\s+valid_lft \d+sec/);
  });

  it('moves, and clients that know the old host follow at once', async () => {
    expect(await ask(VIP, 80)).toBe('h1');
    for (const host of hosts) say(host, 'h2');
    await eventually('the new host has it', () => answersFor(hosts[1]!));
    await eventually('the old host does not', async () => !(await answersFor(hosts[0]!)));
    await eventually('the client reaches the new host', async () => (await ask(VIP, 80)) === 'h2');
    const { stdout } = await outside.run('ip', 'neigh', 'show', VIP);
    expect(stdout).toContain('02:00:00:00:77:02');
  });

  it('stays while an agent is restarted, also when the new one does not reach the API', async () => {
    const [, host] = hosts;
    await stop(host!);
    expect(await ask(VIP, 80)).toBe('h2');
    host!.world = worldOf(host!.place, host!.directory, 2);
    start(host!);
    await eventually('the new agent looked', async () => host!.world.context.annotations.size > 0);
    expect(await ask(VIP, 80)).toBe('h2');
    say(host!, 'h2');
    expect(await ask(VIP, 80)).toBe('h2');
  });

  it('is there again when somebody took it away', async () => {
    await hosts[1]!.place.must('ip', 'address', 'delete', `${VIP}/32`, 'dev', 'eth0');
    say(hosts[1]!, 'h2');
    await eventually('the address is back', () => answersFor(hosts[1]!));
  });

  it('moves when its host loses its power', async () => {
    expect(await ask(VIP, 80)).toBe('h2');
    await hosts[1]!.place.kill();
    say(hosts[0]!, 'h1');
    await eventually('the client reaches the other host', async () => (await ask(VIP, 80)) === 'h1');
  });

  it('has no end on a host that is alone in its cluster', async () => {
    const [host] = hosts;
    const gone = host!.world.feeds.nodes.items.get('h2');
    host!.world.feeds.nodes.remove(gone!);
    await eventually('it has no end', async () => /200\/32 scope global eth0/.test(await addressesOf(host!)));
  });

  it('is taken from the host with all that the cluster made there', async () => {
    const [host] = hosts;
    await stop(host!);
    expect(await answersFor(host!)).toBe(true);
    const remove = () => removeAnnouncements(host!.directory, programsOf(host!.place));
    expect([await remove(), await remove()]).toEqual([[VIP], []]);
    expect(await answersFor(host!)).toBe(false);
  });
});
