/**
 * Services between real hosts: clients in pods, on hosts and outside reach endpoints on their own
 * host and on others, and endpoints see the address that Kubernetes shows them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEST_IMAGE } from '../../support/docker.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestbedCluster, type TestbedCluster } from '../../support/testbed/cluster.ts';
import { ask, type Machine, SERVER } from '../../support/testbed/pods.ts';

let cluster: TestbedCluster;
/** Machines by name: hosts, pods and the client outside. */
const machines: Record<string, Machine> = {};
const addresses: Record<string, string> = {};
const vips: Record<string, string> = {};

const pod = (name: string, node: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: TEST_IMAGE, command: ['sleep', '100000'] }],
  },
});
const service = (name: string, nodePort: number, spec: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: {
    type: 'NodePort',
    selector: { app: 'web' },
    ports: ['TCP', 'UDP'].map((protocol) => ({
      name: protocol.toLowerCase(),
      protocol,
      port: 80,
      targetPort: 8080,
      nodePort,
    })),
    ...spec,
  },
});

beforeAll(async () => {
  cluster = await startTestbedCluster({ hosts: 3 });
  const { kubectl, hosts, testbed } = cluster;
  const items = [
    pod('web', 'h1'),
    pod('near', 'h1'),
    pod('far', 'h2'),
    service('cluster', 30080),
    service('local', 30081, { externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' }),
  ];
  await kubectl.withInput(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'apply', '-f', '-');
  await kubectl('wait', '--for=condition=Ready', 'pods', '--all', '--timeout=60s');
  for (const host of hosts) {
    machines[host.name] = host.place;
    addresses[host.name] = host.address;
  }
  machines['outside'] = testbed.outside;
  addresses['outside'] = testbed.outsideAddress;
  addresses['gateway'] = '10.244.0.1';
  for (const name of ['web', 'near', 'far']) await enterPod(name);
  for (const name of ['cluster', 'local'])
    vips[name] = await kubectl('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** Programs of this machine run in the network of the pod. */
async function enterPod(name: string): Promise<void> {
  const { kubectl, hosts } = cluster;
  const { spec, status } = await kubectl.json<KubePod>('get', 'pod', name);
  const host = hosts.find((one) => one.name === spec.nodeName)!;
  const id = status.containerStatuses[0]!.containerID.replace('docker://', '');
  const { State } = await host.docker.getContainer(id).inspect();
  const within = ['nsenter', '--target', String(State.Pid), '--net'];
  const machine: Machine = { must: (...command) => host.place.must(...within, ...command) };
  machines[name] = machine;
  addresses[name] = status.podIP;
  if (name !== 'web') return;
  const server = host.place.start(...within, process.execPath, '-e', SERVER, name);
  await eventually(`${name} serves`, async () => server.stdout().includes('ready'));
}

interface KubePod {
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly podIP: string;
    readonly containerStatuses: readonly { readonly containerID: string }[];
  };
}

/** The answer tells the name of the source. */
async function seen(from: string, address: string, port: number, kind: string): Promise<string> {
  const answer = await ask(machines[from]!, address, port, kind);
  const source = answer.startsWith('web ') ? answer.slice('web '.length) : answer;
  return Object.entries(addresses).find(([, one]) => one === source)?.[0] ?? source;
}

describe.each(['TCP', 'UDP'])('over %s', (kind) => {
  it.each([
    // from, by, the source that the endpoint on h1 sees
    ['near', 'near'],
    ['far', 'far'],
    ['web', 'gateway'],
    ['h1', 'gateway'],
    ['h2', 'h2'],
  ])('a cluster address leads %s to the endpoint, which sees %s', async (from, source) => {
    await eventually(
      'the Service leads somewhere',
      async () => (await seen(from, vips['cluster']!, 80, kind)) === source,
    );
  });

  it.each([
    ['outside', 'h1', 'gateway'],
    ['outside', 'h3', 'h3'],
    ['far', 'h3', 'h3'],
    ['far', 'h1', 'gateway'],
    ['h2', 'h3', 'h3'],
    ['h2', 'h2', 'h2'],
  ])('from %s, a port of %s leads to the endpoint, which sees %s', async (from, by, source) => {
    expect(await seen(from, addresses[by]!, 30080, kind)).toBe(source);
  });

  it('the policies Local keep the client, and lead nowhere else', async () => {
    expect(await seen('outside', addresses['h1']!, 30081, kind)).toBe('outside');
    expect(await seen('outside', addresses['h3']!, 30081, kind)).toBe('silence');
    expect(await seen('near', vips['local']!, 80, kind)).toBe('near');
    expect(await seen('far', vips['local']!, 80, kind)).toBe('silence');
  });
});

it('refuses at once when the endpoint is gone, on every host', async () => {
  await cluster.kubectl('delete', 'pod', 'web');
  for (const from of ['near', 'far', 'h1', 'h3'])
    await eventually(
      `${from} is refused`,
      async () => (await seen(from, vips['cluster']!, 80, 'TCP')) === 'ECONNREFUSED',
    );
  expect(await seen('outside', addresses['h2']!, 30080, 'TCP')).toBe('ECONNREFUSED');
});
