/**
 * The table of Services in a real kernel: a host with pods on a bridge, a pod of another host, and a
 * client outside. Servers answer with their own name and the address that they see.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScope } from '../../../src/base/scope.ts';
import { createTableState, type TableState } from '../../../src/network/nft/table-state.ts';
import { planServicePart } from '../../../src/network/services/plan-service-part.ts';
import { serviceTable } from '../../../src/network/services/service-table.ts';
import type { EndpointSlice, Service } from '../../../src/schemas/types.ts';
import { eventually } from '../../support/kubectl.ts';
import { type Place, runOrThrow, startPlace } from '../../support/testbed/place.ts';

const POD_CIDR = '10.244.0.0/16';
const SERVICE_CIDR = '10.96.0.0/12';
const VIP = '10.96.0.50';
const scope = createScope();
let host: Place;
let outside: Place;
let state: TableState;
const pods: Record<string, Place> = {};

/** Two machines and the cable between them. */
async function connect(a: Place, aName: string, b: Place, bName: string): Promise<void> {
  const ends = ['link', 'add', aName, 'type', 'veth', 'peer', 'name', bName, 'netns', String(b.init)];
  await runOrThrow(['nsenter', '--target', String(a.init), '--net', 'ip', ...ends]);
  await a.must('ip', 'link', 'set', aName, 'up');
  await b.must('ip', 'link', 'set', bName, 'up');
}

const SERVER = `
const http = require('node:http'), dgram = require('node:dgram');
const [name] = process.argv.slice(1);
http.createServer((q, s) => s.end(name + ' ' + q.socket.remoteAddress.replace('::ffff:', ''))).listen(8080, () => console.log('ready'));
const u = dgram.createSocket('udp4');
u.on('message', (m, r) => u.send(name + ' ' + r.address, r.port, r.address)).bind(8080);`;

async function startPod(name: string, address: string): Promise<void> {
  const pod = scope.use(await startPlace({ name }));
  pods[name] = pod;
  await connect(host, `v-${name}`, pod, 'eth0');
  await host.must('ip', 'link', 'set', `v-${name}`, 'master', 'br0');
  await host.must('ip', 'link', 'set', `v-${name}`, 'type', 'bridge_slave', 'hairpin', 'on');
  await pod.script(`ip address add ${address}/16 dev eth0; ip route add default via 10.244.0.1`);
  const server = pod.start(process.execPath, '-e', SERVER, name);
  await eventually(`${name} serves`, async () => server.stdout().includes('ready'));
}

beforeAll(async () => {
  host = scope.use(await startPlace({ name: 'host' }));
  outside = scope.use(await startPlace({ name: 'outside' }));
  await host.script(`
    ip link add br0 type bridge
    ip link set br0 up
    ip address add 10.244.0.1/16 dev br0
    sysctl -qw net.bridge.bridge-nf-call-iptables=1`);
  await connect(host, 'eth0', outside, 'eth0');
  await host.script('ip address add 192.0.2.1/24 dev eth0; ip route add default via 192.0.2.2');
  await outside.script('ip address add 192.0.2.2/24 dev eth0; ip route add 10.0.0.0/8 via 192.0.2.1');
  await Promise.all([startPod('a', '10.244.1.2'), startPod('b', '10.244.1.3'), startPod('c', '10.244.1.4')]);
  const frame = serviceTable({ cluster: 'test', podCidr: POD_CIDR, serviceCidr: SERVICE_CIDR });
  state = createTableState(frame);
  await host.must('nft', state.takeWhole());
});
afterAll(() => scope[Symbol.asyncDispose]());

interface EndpointFacts {
  readonly address: string;
  readonly node?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
}

async function serve(spec: Record<string, unknown>, endpoints: readonly EndpointFacts[]): Promise<void> {
  const service = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIPs: [VIP], ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }], ...spec },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.100' }] } },
  } as unknown as Service;
  const protocol = service.spec.ports?.[0]?.protocol ?? 'TCP';
  const slice = {
    metadata: { name: 'web-1' },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol }],
    endpoints: endpoints.map(({ address, node = 'host', ready = true, serving = ready }) => ({
      addresses: [address],
      nodeName: node,
      conditions: { ready, serving, terminating: !ready },
    })),
  } as unknown as EndpointSlice;
  const here = { nodes: new Set(['host']), zone: undefined };
  state.set('default/web', planServicePart({ service, slices: [slice], host: here, podCidr: POD_CIDR }));
  const changes = state.takeChanges();
  if (changes !== undefined) await host.must('nft', changes);
}

/** Asks this often, one after the other, and prints each answer. */
const CLIENT = `
const [address, port, kind, times] = process.argv.slice(1);
const overTcp = () => new Promise((end) => require('node:http')
  .get({ host: address, port, agent: false, timeout: 4000 }, (r) => { let t = ''; r.on('data', (d) => t += d); r.on('end', () => end(t)); })
  .on('timeout', function () { this.destroy(); end('silence'); }).on('error', (e) => end(e.code)));
const overUdp = () => new Promise((end) => { const u = require('node:dgram').createSocket('udp4');
  const done = (text) => { clearTimeout(timer); u.close(); end(text); };
  const timer = setTimeout(done, 4000, 'silence');
  u.on('error', (e) => done(e.code)); u.on('message', (m) => done(m.toString())); u.connect(Number(port), address, () => u.send('x')); });
(async () => { for (let n = 0; n < Number(times); n++) console.log(await (kind === 'UDP' ? overUdp() : overTcp())); process.exit(); })();`;

async function answers(
  from: Place,
  address: string,
  port: number,
  kind: string,
  times: number,
): Promise<readonly string[]> {
  const text = await from.must(process.execPath, '-e', CLIENT, address, String(port), kind, String(times));
  return text.trim().split('\n');
}
const ask = async (from: Place, address: string, port: number, kind = 'TCP'): Promise<string> =>
  (await answers(from, address, port, kind, 1)).join();
/** The different answers. One of two endpoints is missed by chance once in 2^39 times. */
const askOften = async (
  from: Place,
  address: string,
  port: number,
  kind = 'TCP',
): Promise<readonly string[]> => [...new Set(await answers(from, address, port, kind, 40))].sort();

const A = { address: '10.244.1.2' };
const B = { address: '10.244.1.3' };
const C = { address: '10.244.1.4' };

describe('a cluster address', () => {
  it('leads a pod to every endpoint, which sees the pod', async () => {
    await serve({}, [A, B]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['a 10.244.1.4', 'b 10.244.1.4']);
  });

  it('leads a pod to itself, too', async () => {
    await serve({}, [A]);
    expect(await ask(pods['a']!, VIP, 80)).toBe('a 10.244.0.1');
  });

  it('leads the host and clients outside to endpoints, which see the host', async () => {
    await serve({}, [A, B]);
    expect(await askOften(host, VIP, 80)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
    expect(await askOften(outside, VIP, 80)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
  });

  it('refuses at once without endpoints, and on ports that the Service does not have', async () => {
    await serve({}, []);
    for (const from of [pods['c']!, host, outside])
      expect([from.name, ...(await askOften(from, VIP, 80))]).toEqual([from.name, 'ECONNREFUSED']);
    await serve({}, [A]);
    expect(await ask(pods['c']!, VIP, 81)).toBe('ECONNREFUSED');
  });

  it('serves UDP', async () => {
    await serve({ ports: [{ port: 80, protocol: 'UDP' }] }, [A, B]);
    expect(await askOften(pods['c']!, VIP, 80, 'UDP')).toEqual(['a 10.244.1.4', 'b 10.244.1.4']);
    await serve({ ports: [{ port: 80, protocol: 'UDP' }] }, []);
    expect(await ask(pods['c']!, VIP, 80, 'UDP')).toBe('ECONNREFUSED');
  });

  it('leads to endpoints that are ending only when there is no other', async () => {
    const ending = { ...A, ready: false, serving: true };
    await serve({}, [ending, B]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['b 10.244.1.4']);
    await serve({}, [ending]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['a 10.244.1.4']);
    await serve({}, [{ ...A, ready: false, serving: false }]);
    expect(await ask(pods['c']!, VIP, 80)).toBe('ECONNREFUSED');
  });

  it('keeps a client at one endpoint while affinity lasts', async () => {
    const affinity = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    };
    await serve(affinity, [A, B, C]);
    const first = await askOften(pods['c']!, VIP, 80);
    expect(first).toHaveLength(1);
    const others = [A, B, C].filter(({ address }) => !first[0]?.startsWith(nameOf(address)));
    await serve(affinity, others);
    const second = await askOften(pods['c']!, VIP, 80);
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
  });

  it('stays on the host with the internal policy Local', async () => {
    await serve({ internalTrafficPolicy: 'Local' }, [A, { ...B, node: 'other' }]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['a 10.244.1.4']);
    await serve({ internalTrafficPolicy: 'Local' }, [{ ...B, node: 'other' }]);
    expect(await ask(pods['c']!, VIP, 80)).toBe('silence');
  });
});

describe.each([
  ['a node port', '192.0.2.1', 30080],
  ["a load balancer's address", '192.0.2.100', 80],
])('%s', (_, address, port) => {
  it('leads clients outside to every endpoint, which sees the host', async () => {
    if (address === '192.0.2.100') await outside.run('ip', 'route', 'replace', address, 'via', '192.0.2.1');
    await serve({ type: 'LoadBalancer' }, [A, B]);
    expect(await askOften(outside, address, port)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
    expect(await askOften(pods['c']!, address, port)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
    expect(await askOften(host, address, port)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
  });

  it('with the external policy Local keeps the client, and uses endpoints of the host only', async () => {
    await serve({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, [A, { ...B, node: 'other' }]);
    expect(await askOften(outside, address, port)).toEqual(['a 192.0.2.2']);
    expect(await askOften(pods['c']!, address, port)).toEqual(['a 10.244.1.4', 'b 10.244.1.4']);
    await serve({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, [{ ...B, node: 'other' }]);
    expect(await ask(outside, address, port)).toBe('silence');
  });

  it('refuses at once without endpoints', async () => {
    await serve({ type: 'LoadBalancer' }, []);
    expect(await ask(outside, address, port)).toBe('ECONNREFUSED');
  });
});

it('lets only the source ranges reach a load balancer', async () => {
  await serve({ type: 'LoadBalancer', loadBalancerSourceRanges: ['198.51.100.0/24'] }, [A]);
  expect(await ask(outside, '192.0.2.100', 80)).toBe('silence');
  await serve({ type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/30'] }, [A]);
  expect(await ask(outside, '192.0.2.100', 80)).toBe('a 10.244.0.1');
});

it('leaves the table as it was when the Service goes', async () => {
  const listing = (): Promise<string> => host.must('nft', 'list', 'ruleset');
  state.set('default/web', undefined);
  await host.must('nft', state.takeChanges() ?? '');
  const empty = await listing();
  await serve({ type: 'LoadBalancer', sessionAffinity: 'ClientIP', externalTrafficPolicy: 'Local' }, [A, B]);
  expect(await listing()).not.toBe(empty);
  state.set('default/web', undefined);
  await host.must('nft', state.takeChanges() ?? '');
  expect(await listing()).toBe(empty);
});

const nameOf = (address: string): string =>
  ({ [A.address]: 'a', [B.address]: 'b', [C.address]: 'c' })[address] ?? '';
