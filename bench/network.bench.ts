/**
 * Services in the kernel of a host that the benchmark makes of namespaces: new connections and
 * throughput through a Service against the endpoint's own address, the cost of one changed endpoint
 * against a bare `nft`, and the memory of 10,000 Services. Rounds alternate; medians count. Needs
 * root.
 */
import { execFileSync } from 'node:child_process';
import { createScope } from '../src/base/scope.ts';
import { createNft } from '../src/network/nft/nft.ts';
import { createServicesPart } from '../src/network/services/services-part.ts';
import type { EndpointSlice, Service } from '../src/schemas/types.ts';
import { createNetworkWorld } from '../test/support/network-context.ts';
import { aService, aSlice } from '../test/support/services.ts';
import { type Place, startPlace } from '../test/support/testbed/place.ts';
import { BRIDGE, startPod, startScript } from '../test/support/testbed/pods.ts';
import { followerOf, programsOf } from '../test/support/testbed/programs.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';

const ROUNDS = numberAfter('--rounds', 15);
const MANY = numberAfter('--services', 10_000);
const CONNECTIONS = 2_000;
const STREAM_MS = 1_500;
const report = reporter('network');

const A = { address: '10.244.1.2' };
const B = { address: '10.244.1.3' };
const VIP = '10.96.0.50';
const PORTS = [
  { name: 'connect', port: 80, protocol: 'TCP' },
  { name: 'stream', port: 90, protocol: 'TCP' },
];
const TARGET_PORTS: Record<string, number> = { connect: 8080, stream: 7070 };

function endpointsOf(service: Service, ...endpoints: Parameters<typeof aSlice>[1]): EndpointSlice {
  const slice = aSlice(service, endpoints);
  const ports = slice.ports?.map((port) => ({ ...port, port: TARGET_PORTS[port.name ?? ''] ?? 8080 }));
  return { ...slice, ports } as EndpointSlice;
}

const web = aService({ clusterIPs: [VIP], ports: PORTS });
/** The others are as clients see them: each object has texts of its own. */
const others = (): readonly Service[] =>
  Array.from(
    { length: MANY - 1 },
    (_, index) =>
      JSON.parse(
        JSON.stringify(
          aService(
            {
              clusterIPs: [`10.97.${index >> 8}.${index & 255}`],
              type: 'ClusterIP',
              sessionAffinity: 'None',
            },
            { name: `service-${index}`, uid: `${index}-0000-0000`, resourceVersion: String(index) },
          ),
        ),
      ) as Service,
  );

async function measure(): Promise<void> {
  const scope = createScope();
  try {
    const host = scope.use(await startPlace({ name: 'host' }));
    await host.script(BRIDGE);
    const [server, client] = await Promise.all([
      startPod(scope, host, 'a', A.address),
      startPod(scope, host, 'c', '10.244.1.4'),
    ]);
    scope.use(startScript(server, SINK));
    const world = createNetworkWorld({
      nft: createNft(programsOf(host)),
      run: programsOf(host),
      follow: followerOf(host),
    });
    const part = scope.use(createServicesPart(world.context, 0));
    world.feeds.services.put(web);
    world.feeds.endpointSlices.put(endpointsOf(web, A));
    part.start();
    world.syncAll();
    await inKernel(host, `${VIP} . tcp . 80 : goto pick-1`);

    const one = await connections(client, 'at 1 Service');
    progress(`${MANY} Services`);
    const more = others();
    const begin = performance.now();
    world.feeds.endpointSlices.put(...more.map((service) => endpointsOf(service, B)));
    world.feeds.services.put(...more);
    await inKernel(host, `10.97.${(MANY - 2) >> 8}.${(MANY - 2) & 255} . tcp . 80`);
    report({ name: `${MANY} Services programmed`, value: performance.now() - begin, unit: 'ms' });
    const many = await connections(client, `at ${MANY} Services`);
    report({
      name: `new connection at ${MANY} Services, against 1`,
      value: many,
      unit: 'ms',
      baseline: one,
      ratio: many / one,
    });
    await throughput(client);
    await endpointChange(host, world, more[0]!);
  } finally {
    await scope[Symbol.asyncDispose]();
  }
  memory();
}

async function inKernel(host: Place, element: string): Promise<void> {
  for (;;) {
    const listed = await host.run('nft', 'list', 'map', 'ip', 'symphony-test-services', 'services');
    if (listed.stdout.includes(element)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Opens connections one after the other; answers the median in milliseconds. */
const CONNECT = `
const net = require('node:net'); const [address, port, times] = process.argv.slice(1); const all = [];
const open = () => { const begin = performance.now();
  const s = net.connect(port, address, () => { all.push(performance.now() - begin); s.resetAndDestroy();
    if (all.length < times) setImmediate(open); else { all.sort((a, b) => a - b); console.log(all[all.length >> 1]); } }); };
open();`;
const SINK = `
require('node:net').createServer((s) => s.on('error', () => 0).on('data', () => 0)).listen(7070);`;
const STREAM = `
const net = require('node:net'); const [address, port, ms] = process.argv.slice(1); const chunk = Buffer.alloc(1 << 18);
const s = net.connect(port, address, () => { const begin = performance.now();
  const write = () => { while (s.write(chunk)); if (performance.now() - begin < ms) s.once('drain', write);
    else { console.log((s.bytesWritten - s.writableLength) / (performance.now() - begin) / 1000); s.destroy(); } };
  write(); });`;

const run = async (from: Place, script: string, ...args: readonly (string | number)[]): Promise<number> =>
  Number(await from.must(process.execPath, '-e', script, ...args.map(String)));

async function alternate(
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<readonly [readonly number[], readonly number[]]> {
  const [mine, other]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    mine.push(await ours());
    other.push(await theirs());
  }
  return [mine, other];
}

async function connections(client: Place, where: string): Promise<number> {
  const [ours, direct] = await alternate(
    () => run(client, CONNECT, VIP, 80, CONNECTIONS),
    () => run(client, CONNECT, A.address, 8080, CONNECTIONS),
  );
  report({
    name: `new connection through a Service, p50, ${where}`,
    value: median(ours),
    unit: 'ms',
    baseline: median(direct),
    ratio: median(ours) / median(direct),
    note: spread(ours),
  });
  return median(ours);
}

async function throughput(client: Place): Promise<void> {
  const [ours, direct] = await alternate(
    () => run(client, STREAM, VIP, 90, STREAM_MS),
    () => run(client, STREAM, A.address, 7070, STREAM_MS),
  );
  report({
    name: 'throughput of one connection',
    value: median(ours),
    unit: 'MB/s',
    baseline: median(direct),
    ratio: median(ours) / median(direct),
    note: spread(ours),
  });
}

/** From the change in the feed until the kernel has it; and `nft` with one element, run alike. */
async function endpointChange(
  host: Place,
  world: ReturnType<typeof createNetworkWorld>,
  service: Service,
): Promise<void> {
  const nft = createNft(programsOf(host));
  let done = (): void => undefined;
  const { apply } = world.context.nft;
  Object.assign(world.context.nft, {
    apply: async (commands: string) => {
      await apply(commands);
      done();
    },
  });
  let last = 10;
  const ours = async (): Promise<number> => {
    last += 1;
    const applied = new Promise<void>((resolve) => (done = resolve));
    const begin = performance.now();
    world.feeds.endpointSlices.put(endpointsOf(service, { address: `10.244.2.${last}`, node: 'far' }));
    await applied;
    return performance.now() - begin;
  };
  const bare = async (): Promise<number> => {
    const begin = performance.now();
    const element = `ip symphony-test-services slots { 10.98.0.1 . tcp . 80 . ${last} : 10.244.2.1 . 80 }`;
    await nft.apply(`add element ${element}\n`);
    return performance.now() - begin;
  };
  const [mine, theirs] = await alternate(ours, bare);
  report({
    name: `one endpoint changed at ${MANY} Services, against a bare nft element`,
    value: median(mine),
    unit: 'ms',
    baseline: median(theirs),
    ratio: median(mine) / median(theirs),
    note: spread(mine),
  });
}

/** In a process of its own, which has nothing but what an agent has of the network. */
function memory(): void {
  const flags = [
    '--expose-gc',
    '--import',
    'tsx',
    import.meta.filename,
    '--memory',
    '--services',
    String(MANY),
  ];
  const [before = 0, after = 0] = execFileSync(process.execPath, flags).toString().split(' ').map(Number);
  report({
    name: `memory of ${MANY} Services`,
    value: (after - before) / 2 ** 20,
    unit: 'MiB',
    note: 'grown',
  });
  report({ name: 'memory of a process with them', value: after / 2 ** 20, unit: 'MiB', note: 'RSS' });
}

async function tellMemory(): Promise<void> {
  const rss = (): number => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage.rss();
  };
  const nft = { apply: async () => undefined, list: async () => '' };
  const world = createNetworkWorld({ nft, run: async () => '' });
  const part = createServicesPart(world.context, 0);
  part.start();
  const before = rss();
  for (const service of others()) {
    world.feeds.services.put(service);
    world.feeds.endpointSlices.put(JSON.parse(JSON.stringify(endpointsOf(service, A, B))) as EndpointSlice);
  }
  world.syncAll();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  process.stdout.write(`${before} ${rss()}`);
  await part[Symbol.asyncDispose]();
}

if (process.argv.includes('--memory')) await tellMemory();
else await measure();
