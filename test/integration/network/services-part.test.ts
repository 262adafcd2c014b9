/**
 * Services that a host's agent programs into a real kernel: what happens to connections and flows
 * when endpoints, Services and the agent itself come and go.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createScope } from '../../../src/base/scope.ts';
import type { HostNetworkPart } from '../../../src/network/host-network.ts';
import { createNft } from '../../../src/network/nft/nft.ts';
import { createTableState } from '../../../src/network/nft/table-state.ts';
import { planServicePart } from '../../../src/network/services/plan-service-part.ts';
import { serviceTable } from '../../../src/network/services/service-table.ts';
import { createServicesPart } from '../../../src/network/services/services-part.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { createFakeFeeds, createNetworkWorld } from '../../support/network-context.ts';
import { aService, aSlice, type EndpointFacts } from '../../support/services.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';
import { followerOf, programsOf } from '../../support/testbed/programs.ts';
import { ask, BRIDGE, connect, startPod, startScript } from '../../support/testbed/pods.ts';

const VIP = '10.96.0.50';
const A = { address: '10.244.1.2' };
const B = { address: '10.244.1.3' };
const scope = createScope();
let host: Place;
let outside: Place;
let a: Place;
let client: Place;
let feeds: ReturnType<typeof createFakeFeeds>;
let part: HostNetworkPart;

beforeAll(async () => {
  host = scope.use(await startPlace({ name: 'host' }));
  outside = scope.use(await startPlace({ name: 'outside' }));
  await host.script(BRIDGE);
  await connect(host, 'eth0', outside, 'eth0');
  await host.script('ip address add 192.0.2.1/24 dev eth0');
  await outside.script('ip address add 192.0.2.2/24 dev eth0');
  [a, , client] = await Promise.all([
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

function serve(spec: Record<string, unknown>, ...endpoints: readonly EndpointFacts[]): void {
  const service = aService({ clusterIPs: [VIP], ...spec });
  feeds.services.put(service);
  feeds.endpointSlices.put(aSlice(service, endpoints));
}

/** Sends a line each 10 ms for as long as it lives, and tells each answer that differs. */
const SENDER = `
const [address, port] = process.argv.slice(1);
const u = require('node:dgram').createSocket('udp4'); let last;
u.on('error', () => 0).on('message', (m) => m.toString() !== last && console.log(last = m.toString()));
u.connect(Number(port), address, () => setInterval(() => u.send('x', () => 0), 10));`;

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

describe('a flow of UDP that goes on', () => {
  const UDP = { ports: [{ port: 80, protocol: 'UDP', nodePort: 30080 }], type: 'NodePort' };

  it.each([
    ["a Service's address", (): Place => client, VIP, 80],
    ['a node port', (): Place => outside, '192.0.2.1', 30080],
  ])(
    'at %s moves on when its endpoint goes, and when there is one at last',
    async (_, from, address, port) => {
      startAgent();
      await comesTrue(async () =>
        expect(await host.must('nft', 'list', 'tables')).toContain('symphony-test'),
      );
      await using program = startScript(from(), SENDER, address, String(port));
      await comesTrue(async () => {
        const flows = await host.must('conntrack', '--dump', '--proto', 'udp');
        // Nobody answers at a node port; what goes to an address of Services is dropped before it counts.
        if (port === 30080) expect(flows).toContain('dport=30080');
      });
      serve(UDP, A);
      await comesTrue(() => expect(program.stdout()).toContain('a '));
      serve(UDP, B);
      await comesTrue(() => expect(program.stdout()).toContain('b '));
      expect(program.stdout().trim().split('\n')).toHaveLength(2);
    },
  );

  it('moves on when its endpoint went while no agent was there', async () => {
    serve(UDP, A);
    startAgent();
    await using program = startScript(client, SENDER, VIP, '80');
    await comesTrue(() => expect(program.stdout()).toContain('a '));
    await part[Symbol.asyncDispose]();
    serve(UDP, B);
    startAgent();
    await comesTrue(() => expect(program.stdout()).toContain('b '));
  });
});

describe('an endpoint that ends', () => {
  it('keeps its streams, and gets no new ones', async () => {
    serve({}, A, B);
    startAgent();
    await comesTrue(async () => expect(await ask(client, VIP, 80)).toMatch(/^[ab] /));
    serve({}, { ...A, ready: false, serving: true }, B);
    await comesTrue(async () =>
      expect(new Set(await Promise.all([1, 2, 3, 4].map(() => ask(client, VIP, 80))))).toEqual(
        new Set(['b 10.244.1.4']),
      ),
    );
    expect(await ask(a, VIP, 80)).toBe('b 10.244.1.2');
  });
});

/** Everything that makes a part another one. */
const specs = fc.record(
  {
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
    sessionAffinity: fc.constantFrom('None', 'ClientIP'),
    sessionAffinityConfig: fc.record({
      clientIP: fc.record({ timeoutSeconds: fc.constantFrom(1, 60, 86_400) }),
    }),
    internalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
    externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
    externalIPs: fc.subarray(['203.0.113.1', '203.0.113.2']),
    loadBalancerSourceRanges: fc.subarray(['192.0.2.0/24', '198.51.100.7/32']),
    ports: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('x', 'y'),
        port: fc.constantFrom(80, 443),
        protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
        nodePort: fc.constantFrom(undefined, 30_080, 30_443),
      }),
      { selector: ({ port, protocol }) => `${protocol} ${port}`, minLength: 1, maxLength: 4 },
    ),
  },
  { noNullPrototype: true },
);
const endpoints = fc.uniqueArray(
  fc.record({
    address: fc.integer({ min: 1, max: 45 }).map((last) => `10.244.3.${last}`),
    node: fc.constantFrom('host', 'far'),
    ready: fc.boolean(),
    serving: fc.boolean(),
  }),
  { selector: ({ address }) => address, maxLength: 45 },
);

it('has the same table after any changes as a table that is made at once', async () => {
  const frame = serviceTable({ cluster: 'test', podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/12' });
  const here = { nodes: new Set(['host']), zone: undefined };
  startAgent();
  await part[Symbol.asyncDispose]();
  const changes = fc.array(fc.tuple(specs, endpoints), { minLength: 3, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(changes, async (steps) => {
      const state = createTableState(frame);
      await host.must('nft', state.takeWhole());
      for (const [spec, members] of steps) {
        const service = aService({ clusterIPs: [VIP], ...spec });
        const before = state.parts.get('default/web');
        const input = { slices: [aSlice(service, members)], host: here, podCidr: '10.244.0.0/16', before };
        state.set('default/web', planServicePart({ ...input, service }));
        const commands = state.takeChanges();
        if (commands !== undefined) await programsOf(host)('nft', ['-f', '-'], commands);
      }
      const changed = await listing();
      await programsOf(host)('nft', ['-f', '-'], state.takeWhole());
      expect(changed).toEqual(await listing());
    }),
    { numRuns: 20, endOnFailure: true },
  );
});

/** Elements of maps come in any order. */
const listing = async (): Promise<readonly string[]> =>
  (await host.must('nft', '--stateless', 'list', 'table', 'ip', 'symphony-test-services'))
    .split(/[,\n]/)
    .map((line) => line.replace(/elements = \{|\}$/, '').trim())
    .filter((line) => line !== '')
    .sort();
