/** Pods of real hosts reach each other by their own addresses, whatever happens to the hosts. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEST_IMAGE } from '../../support/docker.ts';
import { eventually, type KubeJson } from '../../support/kubectl.ts';
import { startTestbedCluster, type TestbedCluster } from '../../support/testbed/cluster.ts';
import type { Host } from '../../support/testbed/host.ts';
import type { Place } from '../../support/testbed/place.ts';
import type { Subnets } from '../../support/testbed/switch.ts';

const BIN = fileURLToPath(new URL('../../../bin/symphony', import.meta.url));
const END_TIMEOUT_MS = 60_000;
/** Serves a file that takes thousands of packets, and writes who asked. */
const SERVE = `mkdir -p /www; dd if=/dev/zero of=/www/big bs=1M count=4 2>/dev/null; cd /www; exec busybox httpd -f -vv -p`;

const podOn = (name: string, { name: nodeName }: Host, ports: readonly number[] = [8080]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName,
    terminationGracePeriodSeconds: 0,
    containers: ports.map((port) => ({
      name: `c${port}`,
      image: TEST_IMAGE,
      command: ['sh', '-c', `${SERVE} ${port}`],
      ports: [{ containerPort: port, hostPort: 10_000 + port }],
    })),
  },
});

async function create(cluster: TestbedCluster, ...items: readonly object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await cluster.kubectl.withInput(list, 'apply', '-f', '-');
}

async function ipOf(cluster: TestbedCluster, name: string): Promise<string> {
  await cluster.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=100s');
  return cluster.kubectl('get', 'pod', name, '-o', 'jsonpath={.status.podIP}');
}

/** Words that run a program in the network of a container of the pod. */
async function withinPod(host: Host, name: string): Promise<readonly string[]> {
  const filters = { label: [`io.kubernetes.pod.name=${name}`] };
  const [container] = await host.docker.listContainers({ filters });
  const { State } = await host.docker.getContainer(container!.Id).inspect();
  return ['nsenter', '--target', String(State.Pid), '--net'];
}

const fetchFrom = async (place: Place, within: readonly string[], url: string): Promise<boolean> =>
  (await place.run(...within, 'timeout', '5', 'busybox', 'wget', '-q', '-O', '/dev/null', url)).code === 0;

/** Lists the places where people look for leftovers. */
async function traces({ place }: Host): Promise<string> {
  const text = await place.script(`
    ip route; ip -oneline link | cut -d: -f2 | cut -d@ -f1 | sort; iptables-save; nft list ruleset`);
  return text.replace(/^#.*$|\[\d+:\d+\]|counter packets \d+ bytes \d+/gm, '');
}

describe.each<[string, Subnets]>([
  ['routes', 'one'],
  ['VXLAN', 'each'],
])('through %s', (how, subnets) => {
  let cluster: TestbedCluster;
  let first: Host;
  let second: Host;
  let third: Host;
  let ip1 = '';
  let ip2 = '';
  const before = new Map<string, string>();

  const reaches = async (): Promise<boolean> =>
    (await fetchFrom(first.place, await withinPod(first, 'p1'), `http://${ip2}:8080/big`)) &&
    (await fetchFrom(second.place, await withinPod(second, 'p2'), `http://${ip1}:8080/big`));
  const reachesAgain = (what: string) =>
    eventually(what, async () => {
      [ip1, ip2] = [await ipOf(cluster, 'p1'), await ipOf(cluster, 'p2')];
      return reaches();
    });

  beforeAll(async () => {
    cluster = await startTestbedCluster({
      hosts: 3,
      subnets,
      beforeAgents: async (hosts) => {
        for (const host of hosts) before.set(host.name, await traces(host));
      },
    });
    [first, second, third] = cluster.hosts as [Host, Host, Host];
    const label = 'pod-security.kubernetes.io/enforce=privileged';
    await cluster.kubectl('label', '--overwrite', 'namespace', 'default', label);
    await create(cluster, podOn('p1', first, [8080, 8081]), podOn('p2', second), podOn('p3', third));
    [ip1, ip2] = [await ipOf(cluster, 'p1'), await ipOf(cluster, 'p2')];
  });
  afterAll(async () => {
    if (process.env['SHOW']) for (const host of cluster.hosts) console.log(host.name, cluster.agentLog(host));
    await cluster[Symbol.asyncDispose]();
  }, END_TIMEOUT_MS);

  it('pods reach pods of other hosts, with large packets, and are seen by their own addresses', async () => {
    await reachesAgain('pods reach each other');
    expect(await cluster.kubectl('logs', 'p2')).toContain(`${ip1}]`);
    expect(await cluster.kubectl('logs', 'p1', '-c', 'c8080')).toContain(`${ip2}]`);
    expect((await first.place.must('ip', 'route')).includes('dev sv-')).toBe(how === 'VXLAN');
    // The first that does not fit is lost, and the kernel learns from it.
    const ping = ['busybox', 'ping', '-c', '4', '-W', '2', '-s', '1472', ip2];
    const answer = await first.place.must(...(await withinPod(first, 'p1')), ...ping);
    expect(answer).toMatch(/ [34] packets received/);
  });

  it('the outside sees the host, and reaches the ports of the host of every container', async () => {
    const { outside, outsideAddress } = cluster.testbed;
    const serve = 'echo $$ > /run/server; exec busybox httpd -f -vv -p 8080 -h /bin 2>&1';
    const server = outside.start('sh', '-c', serve);
    await eventually('the outside sees a request', async () => {
      await fetchFrom(first.place, await withinPod(first, 'p1'), `http://${outsideAddress}:8080/sh`);
      return (
        server.stdout().includes(`[${first.address}]`) ||
        server.stdout().includes(`[::ffff:${first.address}]`)
      );
    });
    // The program that runs it there passes no signals on.
    await outside.script('kill $(cat /run/server)');
    await server.ended;
    expect(server.stdout()).not.toContain(ip1);
    for (const port of [18_080, 18_081])
      expect(await fetchFrom(outside, [], `http://${first.address}:${port}/big`)).toBe(true);
  });

  it('no packet is lost while an agent starts anew, and nothing is changed', async () => {
    const words = [...(await withinPod(first, 'p1')), 'busybox', 'ping', '-A', ip2].join(' ');
    const stream = first.place.start('sh', '-c', `echo $$ > /run/ping; exec ${words}`);
    await eventually('packets flow', async () => stream.stdout().split('\n').length > 20);
    await cluster.stopAgent(first, 'KILL');
    await cluster.startAgent(first);
    await eventually('the network was looked at', async () =>
      cluster.agentLog(first).includes('as it should be'),
    );
    await cluster.kubectl('get', 'nodes');
    await first.place.script('kill -INT $(cat /run/ping)');
    const { stdout } = await stream.ended;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) packets received/.exec(stdout) ?? [];
    expect(Number(sent)).toBeGreaterThan(20);
    // The last may be under way.
    expect(Number(sent) - Number(received)).toBeLessThanOrEqual(1);
    expect(cluster.agentLog(first)).not.toContain('Links to other hosts changed');
  });

  it('what somebody removes comes back', async () => {
    const { place } = first;
    await place.script(`
      ip route flush proto 83
      iptables --flush DOCKER-USER
      nft flush chain ip $(nft list tables | grep -- -pods | cut -d' ' -f3) postrouting
      for port in /proc/sys/net/ipv4/conf/sy-*/proxy_arp; do echo 0 > $port; done`);
    await eventually('it is all there', async () => {
      const now = await place.script(
        'ip route; iptables-save; nft list ruleset; cat /proc/sys/net/ipv4/conf/sy-*/proxy_arp',
      );
      return ['proto 83', '-A DOCKER-USER -j SYMPHONY', 'snat to ip saddr', '\n1'].every((part) =>
        now.includes(part),
      );
    });
    await reachesAgain('pods reach each other');
    const ports = await place.must('bridge', '-details', 'link');
    expect(ports).not.toContain('hairpin off');
  });

  it('pods reach each other after a power failure', async () => {
    await cluster.stopAgent(second, 'KILL');
    await second.powerOff();
    await second.powerOn();
    await cluster.startAgent(second);
    await reachesAgain('pods reach each other');
  });

  it('a node that is deleted loses its routes', async () => {
    const [cidr] = (await cluster.kubectl('get', 'node', 'h3', '-o', 'jsonpath={.spec.podCIDR}')).split(' ');
    expect(await first.place.must('ip', 'route')).toContain(cidr);
    await cluster.stopAgent(third);
    await cluster.kubectl('delete', 'node', 'h3');
    await eventually(
      'the route is gone',
      async () => !(await first.place.must('ip', 'route')).includes(cidr!),
    );
  });

  it('symphony down leaves no trace, also when half is gone and when it is done twice', async () => {
    const down = (): Promise<string> =>
      third.place.must(
        'env',
        `HOME=${third.disk}`,
        process.execPath,
        BIN,
        'down',
        '--data-dir',
        `${third.disk}/agent`,
      );
    await third.place.script('nft delete table ip $(nft list tables | grep -- -pods | cut -d" " -f3)');
    await down();
    expect(await traces(third)).toBe(before.get('h3'));
    expect(await down()).toContain('Nothing to remove');
  });
});

it('hosts that routes alone cannot reach say so, and the newcomer gets no pods', async () => {
  await using cluster = await startTestbedCluster({
    hosts: 2,
    subnets: 'each',
    agentArgs: ['--network=routes'],
  });
  const { kubectl } = cluster;
  const event = await eventually('an event says so', async () => {
    const { items } = await kubectl.json('get', 'events', '--all-namespaces');
    return (items as KubeJson[]).find(({ reason }) => reason === 'PodNetworkLimited');
  });
  expect(event['message']).toContain('--network=routes allows no tunnel');
  const cutOff = await eventually('one node is cut off', async () => {
    const { items } = await kubectl.json('get', 'nodes');
    return (items as KubeJson[]).filter((node) =>
      (node['spec'].taints ?? []).some(
        (taint: KubeJson) => taint['key'] === 'node.kubernetes.io/network-unavailable',
      ),
    );
  });
  expect(cutOff).toHaveLength(1);
  expect(cutOff[0]!['metadata'].annotations['symphony.dev/pod-network']).toContain('cannot be reached');
});
