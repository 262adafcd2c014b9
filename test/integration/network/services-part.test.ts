/** Services that a host's agent programs into a real kernel, while the agent itself comes and goes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createScope } from '../../../src/base/scope.ts';
import type { HostNetworkPart } from '../../../src/network/host-network.ts';
import { createNft } from '../../../src/network/nft/nft.ts';
import { createServicesPart } from '../../../src/network/services/services-part.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { createFakeFeeds, createNetworkWorld } from '../../support/network-context.ts';
import { aService, aSlice } from '../../support/services.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';
import { followerOf, programsOf } from '../../support/testbed/programs.ts';
import { ask, BRIDGE, startPod, startScript } from '../../support/testbed/pods.ts';

const VIP = '10.96.0.50';
const A = { address: '10.244.1.2' };
const B = { address: '10.244.1.3' };
const scope = createScope();
let host: Place;
let client: Place;
let feeds: ReturnType<typeof createFakeFeeds>;
let part: HostNetworkPart;

beforeAll(async () => {
  host = scope.use(await startPlace({ name: 'host' }));
  await host.script(BRIDGE);
  // What the kernel cannot route is not refused by a table.
  await host.must('ip', 'route', 'add', '10.96.0.0/12', 'dev', 'br0');
  [, , client] = await Promise.all([
    startPod(scope, host, 'a', A.address),
    startPod(scope, host, 'b', B.address),
    startPod(scope, host, 'c', '10.244.1.4'),
  ]);
});
afterAll(() => scope[Symbol.asyncDispose]());

beforeEach(() => {
  feeds = createFakeFeeds();
});
afterEach(async () => {
  await part[Symbol.asyncDispose]();
  await host.must('nft', 'flush', 'ruleset');
});

/** An agent of the host. The feeds go on when the next one starts. */
function startAgent(): void {
  const run = programsOf(host);
  const world = createNetworkWorld({ run, follow: followerOf(host), nft: createNft(run) }, feeds);
  part = createServicesPart(world.context, 0);
  part.start();
  world.syncAll();
}

/** One stream, and one new connection after the other; tells what went wrong when it is asked. */
const STREAM = `
const net = require('node:net'); const [address] = process.argv.slice(1);
let echoed = 0, opened = 0; const wrong = [];
const s = net.connect(90, address); s.on('data', (d) => echoed += d.length).on('error', (e) => wrong.push('stream ' + e.code)).on('close', () => wrong.push('closed'));
setInterval(() => s.write('x'), 2);
const open = () => require('node:http').get({ host: address, port: 80, agent: false, timeout: 900 }, (r) => r.resume().on('end', () => { opened++; open(); }))
  .on('timeout', function () { wrong.push('silence'); this.destroy(); }).on('error', (e) => { wrong.push(e.code); setTimeout(open, 1); });
open();
setInterval(() => console.log(JSON.stringify({ echoed, opened, wrong })), 20);`;

interface Told {
  readonly echoed: number;
  readonly opened: number;
  readonly wrong: readonly string[];
}

describe('an agent that restarts', () => {
  it('cuts no stream and refuses no connection', async () => {
    const ports = [
      { name: 'http', port: 80, protocol: 'TCP' },
      { name: 'echo', port: 90, protocol: 'TCP' },
    ];
    const service = aService({ clusterIPs: [VIP], ports });
    const slice = aSlice(service, [A, B]);
    const numbers: Record<string, number> = { http: 8080, echo: 9090 };
    feeds.services.put(service);
    feeds.endpointSlices.put({
      ...slice,
      ports: slice.ports?.map((port) => ({ ...port, port: numbers[port.name ?? ''] })),
    });
    startAgent();
    await comesTrue(async () => expect(await ask(client, VIP, 80)).toMatch(/^[ab] /));
    await using program = startScript(client, STREAM, VIP);
    const told = (): Told => JSON.parse(program.stdout().trim().split('\n').at(-1) ?? '') as Told;
    await comesTrue(() => expect(told().echoed).toBeGreaterThan(10));
    for (let restart = 0; restart < 5; restart += 1) {
      await part[Symbol.asyncDispose]();
      startAgent();
      const { echoed, opened } = told();
      await comesTrue(() => {
        expect(told().echoed).toBeGreaterThan(echoed + 20);
        expect(told().opened).toBeGreaterThan(opened + 20);
      });
    }
    expect(told().wrong).toEqual([]);
  });
});

describe('session affinity', () => {
  const serve = (timeoutSeconds: number): void => {
    const service = aService({
      clusterIPs: [VIP],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds } },
    });
    feeds.services.put(service);
    feeds.endpointSlices.put(aSlice(service, [A, B]));
  };
  const listing = (): Promise<string> => host.must('nft', 'list', 'table', 'ip', 'symphony-test-services');

  it('outlives agents, and time goes on for it', async () => {
    serve(10_800);
    startAgent();
    await comesTrue(async () => expect(await ask(client, VIP, 80)).toMatch(/^[ab] /));
    const first = await ask(client, VIP, 80);
    // Each agent that forgets has an even chance to lead the client elsewhere.
    for (let restart = 0; restart < 5; restart += 1) {
      await part[Symbol.asyncDispose]();
      const handle = await tableHandle();
      startAgent();
      await comesTrue(async () => expect(await tableHandle()).not.toBe(handle));
      expect(await listing()).toMatch(/elements = \{ 10\.244\.1\.4 expires 2h59m/);
      expect(await ask(client, VIP, 80)).toBe(first);
    }
  });

  it('ends when a client was away for its time', async () => {
    serve(1);
    startAgent();
    // A client that is kept for ever sees one endpoint only.
    const seen = new Set<string>();
    await comesTrue(async () => {
      await comesTrue(async () => expect(await listing()).not.toContain('{ 10.244.1.4 expires'));
      seen.add(await ask(client, VIP, 80));
      expect([...seen].sort()).toEqual(['a 10.244.1.4', 'b 10.244.1.4']);
    });
  });
});

/** The kernel numbers tables as they are made. */
const tableHandle = async (): Promise<string | undefined> =>
  /symphony-test-services \{ # handle (\d+)/.exec(
    await host.must('nft', '--handle', '--terse', 'list', 'table', 'ip', 'symphony-test-services'),
  )?.[1];

/** One flow that never pauses; tells how many answers each endpoint gave, and each error. */
const FLOW = `
const [address, port] = process.argv.slice(1); const heard = {};
const hear = (what) => heard[what] = (heard[what] ?? 0) + 1;
const u = require('node:dgram').createSocket('udp4').on('message', (m) => hear(m.toString()[0])).on('error', (e) => hear(e.code));
u.connect(Number(port), address, () => setInterval(() => u.send('x'), 5));
setInterval(() => console.log(JSON.stringify(heard)), 20);`;

describe('a flow of UDP that never pauses', () => {
  it.each([
    ['cluster address', VIP, '80'],
    ['node port', '10.244.0.1', '30080'],
  ])('follows the endpoints of a %s', async (_, address, port) => {
    const ports = [{ port: 80, protocol: 'UDP', nodePort: 30_080 }];
    const service = aService({ type: 'NodePort', clusterIPs: [VIP], ports });
    feeds.services.put(service);
    feeds.endpointSlices.put(aSlice(service, [A]));
    startAgent();
    await using program = startScript(client, FLOW, address, port);
    const heard = (who: string): number =>
      (JSON.parse(/.*(\{.*\})\n/s.exec(program.stdout())?.[1] ?? '{}') as Record<string, number>)[who] ?? 0;
    const goesTo = async (who: string): Promise<void> => {
      const before = heard(who);
      await comesTrue(() => expect(heard(who), who).toBeGreaterThan(before + 1));
    };
    const serveAt = (...endpoints: readonly (typeof A)[]): void =>
      feeds.endpointSlices.put(aSlice(service, endpoints));
    await goesTo('a');
    serveAt(B);
    await goesTo('b');
    serveAt();
    await goesTo('ECONNREFUSED');
    serveAt(A);
    await goesTo('a');
    // What an agent that is gone has left.
    await part[Symbol.asyncDispose]();
    serveAt(B);
    startAgent();
    await goesTo('b');
  });
});
