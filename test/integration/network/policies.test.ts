/**
 * NetworkPolicies in real kernels, as in Kubernetes' own tests of them: every pod of three
 * namespaces on two hosts tries every other one, itself, Services, hosts and a client outside. Each
 * cell of the table must be as an independent reading of the policies says.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScope, type Scope } from '../../../src/base/scope.ts';
import { createTableState, type TableState } from '../../../src/network/nft/table-state.ts';
import { ensureLinks } from '../../../src/network/pod-network/links.ts';
import { type NetworkMode, planLinks } from '../../../src/network/pod-network/plan-links.ts';
import { policyTable } from '../../../src/network/policy/policy-table.ts';
import { planServicePart } from '../../../src/network/services/plan-service-part.ts';
import { serviceTable } from '../../../src/network/services/service-table.ts';
import type { EndpointSlice, Service } from '../../../src/schemas/types.ts';
import { eventually } from '../../support/kubectl.ts';
import {
  type Connection,
  type End,
  isAllowed,
  type Policy,
  type WorldPod,
} from '../../support/network-policies/oracle.ts';
import { planHost } from '../../support/network-policies/plan-host.ts';
import { POLICIES } from '../../support/network-policies/policies.ts';
import { type Attempt, type Probe, startProbe } from '../../support/network-policies/probe.ts';
import {
  anyPolicies,
  NAMESPACES,
  PODS,
  policy,
  PORTS,
  PROTOCOLS,
  publishedPort,
} from '../../support/network-policies/world.ts';
import { type Place, runOrThrow, startPlace } from '../../support/testbed/place.ts';
import { programsOf } from '../../support/testbed/programs.ts';
import { startSwitch } from '../../support/testbed/switch.ts';

const POD_CIDR = '10.244.0.0/16';
const OUTSIDE = '192.168.77.1';
/** A wrongly allowed connection is answered in the same moment as a rightly allowed one. */
const GRACE_MS = 250;
/** On a busy machine; a table that is right takes a fraction of it. */
const ALLOWED_WITHIN_MS = 10_000;
const HOSTS = ['h1', 'h2'] as const;
type Host = (typeof HOSTS)[number];

interface Cell extends Connection {
  /** As the client calls it: the pod itself, a Service, or a port of the host. */
  readonly attempt: Attempt;
  readonly name: string;
  readonly by: string;
}

const podName = ({ namespace, name }: WorldPod): string => `${namespace}/${name}`;
const serviceOf = (pod: WorldPod): string => `10.96.0.${PODS.indexOf(pod) + 1}`;

const run = async (command: readonly string[], at: Place): Promise<void> => {
  await runOrThrow(['nsenter', '--target', String(at.init), '--net', ...command]);
};

describe.each<NetworkMode>(['routes', 'vxlan'])('policies, with %s between the hosts', (mode) => {
  let scope: Scope;
  const hosts = new Map<Host, Place>();
  const probes = new Map<string, Probe>();
  const states = new Map<Host, TableState>();
  const pods = new Map<string, Place>();

  const addressOf = (host: Host): string => `192.168.77.${host === 'h1' ? 11 : 12}`;
  /** The tunnel has the first address of the host's pods. */
  const sourceOf = (host: Host): string =>
    mode === 'vxlan' ? `10.244.${host === 'h1' ? 1 : 2}.0` : addressOf(host);

  async function startHost(number: 1 | 2): Promise<Place> {
    const host = scope.use(await startPlace({ name: `h${number}` }));
    await host.script(`
      ip link add br0 type bridge
      ip link set br0 up
      ip address add 10.244.${number}.1/24 dev br0
      sysctl -qw net.bridge.bridge-nf-call-iptables=1`);
    return host;
  }

  async function startPod(pod: WorldPod): Promise<void> {
    const place = scope.use(await startPlace({ name: `${pod.namespace}-${pod.name}` }));
    const host = hosts.get(pod.host as Host)!;
    const end = `v-${pod.namespace}-${pod.name}`;
    const cable = [
      'ip',
      'link',
      'add',
      end,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      String(place.init),
    ];
    await run(cable, host);
    await host.script(`ip link set ${end} master br0 up; ip link set ${end} type bridge_slave hairpin on`);
    await place.script(`
      ip address add ${pod.address}/24 dev eth0
      ip link set eth0 up
      ip route add default via ${pod.address.replace(/\d+$/, '1')}`);
    pods.set(podName(pod), place);
    probes.set(podName(pod), scope.use(await startProbe(place)));
  }

  /** Each pod has a Service. Its port 8080 of a host is published as the Engine does it. */
  async function serve(name: Host): Promise<void> {
    const host = hosts.get(name)!;
    const state = createTableState(
      serviceTable({ cluster: 'test', podCidr: POD_CIDR, serviceCidr: '10.96.0.0/12' }),
    );
    for (const pod of PODS) {
      const ports = PROTOCOLS.map((protocol) => ({ name: protocol.toLowerCase(), port: 80, protocol }));
      const service = {
        metadata: { name: pod.name, namespace: pod.namespace },
        spec: { clusterIPs: [serviceOf(pod)], ports },
      };
      const slice = {
        addressType: 'IPv4',
        ports,
        endpoints: [{ addresses: [pod.address], nodeName: pod.host }],
      };
      const part = planServicePart({
        service: service as unknown as Service,
        slices: [slice as unknown as EndpointSlice],
        host: { nodes: new Set([name]), zone: undefined },
        podCidr: POD_CIDR,
      });
      state.set(podName(pod), part);
    }
    await host.must('nft', state.takeWhole());
    const published = PODS.filter((pod) => pod.host === name).map(
      (pod) => `${publishedPort(pod)} : ${pod.address}`,
    );
    await host.must(
      'nft',
      `table ip docker-like { chain pre { type nat hook prerouting priority -100; iifname != br0 fib daddr type local dnat to tcp dport map { ${published.join(', ')} } : 80; }; }`,
    );
  }

  beforeAll(async () => {
    scope = createScope();
    const network = scope.use(await startSwitch('one'));
    for (const number of [1, 2] as const) {
      const host = await startHost(number);
      await network.plug({ place: host, number });
      hosts.set(`h${number}`, host);
    }
    await Promise.all(PODS.map(startPod));
    for (const name of HOSTS) {
      const peer = (host: Host) => ({
        address: addressOf(host),
        names: [host],
        podCidrs: [`10.244.${host === 'h1' ? 1 : 2}.0/24`],
      });
      const links = planLinks({ mode, own: peer(name), peers: HOSTS.map(peer), onLink: ['192.168.77.0/24'] });
      const settings = { device: 'vx-test', networkId: 7, clusterCidr: POD_CIDR };
      await ensureLinks(links, settings, 1_500, programsOf(hosts.get(name)!));
      const [range = ''] = peer(name).podCidrs;
      await network.place.must('ip', 'route', 'add', range, 'via', addressOf(name));
      await serve(name);
      states.set(name, createTableState(policyTable({ cluster: 'test', podCidr: POD_CIDR })));
      await hosts.get(name)!.must('nft', states.get(name)!.takeWhole());
      probes.set(name, scope.use(await startProbe(hosts.get(name)!)));
    }
    probes.set('outside', scope.use(await startProbe(network.place)));
  });
  afterAll(() => scope[Symbol.asyncDispose]());

  async function apply(policies: readonly Policy[]): Promise<void> {
    for (const name of HOSTS) {
      const state = states.get(name)!;
      const parts = planHost({ namespaces: NAMESPACES, pods: PODS, policies }, name);
      for (const part of state.parts.keys()) if (!parts.has(part)) state.set(part, undefined);
      for (const [part, content] of parts) state.set(part, content);
      const changes = state.takeChanges();
      if (changes !== undefined) await hosts.get(name)!.must('nft', changes);
    }
  }

  function cells(): readonly Cell[] {
    const found: Cell[] = [];
    const add = (by: string, name: string, from: End, to: End, attempt: Attempt, port = attempt.port): void =>
      void found.push({ by, name, from, to, attempt, protocol: attempt.protocol, port });
    const podEnd = (pod: WorldPod): End => ({ address: pod.address, pod });
    const hostEnd = (host: Host): End => ({ address: addressOf(host), host });
    for (const protocol of PROTOCOLS) {
      for (const to of PODS) {
        for (const from of PODS) {
          for (const port of PORTS)
            add(podName(from), podName(to), podEnd(from), podEnd(to), {
              address: to.address,
              port,
              protocol,
            });
          const service = { address: serviceOf(to), port: 80, protocol };
          add(podName(from), `service ${podName(to)}`, podEnd(from), podEnd(to), service);
        }
        for (const host of HOSTS)
          add(host, podName(to), { ...hostEnd(host), address: sourceOf(host) }, podEnd(to), {
            address: to.address,
            port: 80,
            protocol,
          });
        if (protocol === 'TCP') {
          const attempt = { address: addressOf(to.host as Host), port: publishedPort(to), protocol };
          // A pod of the same host, itself too. Between hosts, the node's address would be the source.
          for (const from of PODS.filter(({ host }) => host === to.host))
            add(podName(from), `hostPort of ${podName(to)}`, podEnd(from), podEnd(to), attempt, 80);
          add('outside', `hostPort of ${podName(to)}`, { address: OUTSIDE }, podEnd(to), attempt, 80);
        }
      }
      for (const from of PODS) {
        // A UDP server of another host answers from the address of its tunnel, as a new flow.
        for (const host of HOSTS.filter((one) => one === from.host || protocol === 'TCP'))
          add(podName(from), host, podEnd(from), hostEnd(host), {
            address: addressOf(host),
            port: 80,
            protocol,
          });
        add(
          podName(from),
          'outside',
          podEnd(from),
          { address: OUTSIDE },
          { address: OUTSIDE, port: 80, protocol },
        );
      }
    }
    return found;
  }
  const all = cells();
  const text = ({ by, name, attempt }: Cell): string => `${by} → ${name} ${attempt.protocol} ${attempt.port}`;

  /** Tries all cells at once. Whatever is allowed is waited for; the rest has a moment more. */
  async function answered(expected: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const tries = [...probes].map(([name, probe]) => {
      const own = all.filter(({ by }) => by === name);
      return { own, attempts: probe.attempt(own.map(({ attempt }) => attempt)) };
    });
    const found = (): string[] =>
      tries.flatMap(({ own, attempts }) => [...attempts.answered.keys()].map((index) => text(own[index]!)));
    await eventually(
      'all that is allowed',
      async () => {
        const now = new Set(found());
        return [...expected].every((one) => now.has(one));
      },
      ALLOWED_WITHIN_MS,
    ).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    const now = new Set(found());
    for (const { attempts } of tries) attempts.end();
    return now;
  }

  async function expectMatrix(policies: readonly Policy[]): Promise<void> {
    await apply(policies);
    const world = { namespaces: NAMESPACES, pods: PODS, policies };
    const expected = new Set(all.filter((cell) => isAllowed(world, cell)).map(text));
    const found = await answered(expected);
    expect({
      denied: [...expected].filter((one) => !found.has(one)),
      allowed: [...found].filter((one) => !expected.has(one)),
    }).toEqual({ denied: [], allowed: [] });
  }

  it.each(Object.entries(POLICIES))('%s', async (_, policies) => expectMatrix(policies));

  describe('a policy that comes later', () => {
    const denyIngress = policy({ podSelector: {}, policyTypes: ['Ingress'] });
    const [client, server] = [
      PODS.find(({ namespace, name }) => namespace === 'y' && name === 'a')!,
      PODS[0]!,
    ];

    it('lets connections go on, and stops datagrams and new connections', async () => {
      await apply([]);
      const probe = probes.get(podName(client))!;
      const to = { address: server.address, port: 80 };
      const tcp = await probe.connect({ ...to, protocol: 'TCP' });
      const udp = await probe.connect({ ...to, protocol: 'UDP' });
      expect(await udp.echoes(20_000)).toBe(true);
      await apply([denyIngress]);
      expect(await tcp.echoes(20_000)).toBe(true);
      expect(await udp.echoes(GRACE_MS)).toBe(false);
      const later = probe.attempt([{ ...to, protocol: 'TCP' }]);
      await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
      expect(later.answered.size).toBe(0);
      // The same attempt succeeds as soon as it is allowed.
      await apply([]);
      await eventually('the attempt is answered', async () => later.answered.size > 0);
      for (const one of [tcp, udp, later]) one.end();
    });
  });

  it('a pod answers pings unless a policy keeps them out', async () => {
    const ping = async (): Promise<boolean> => {
      const words = ['busybox', 'ping', '-c', '1', '-W', '1', PODS[0]!.address];
      return (await pods.get('y/a')!.run(...words)).code === 0;
    };
    const rule = (ingress: object) => [policy({ podSelector: {}, ingress: [ingress] })];
    await apply([]);
    expect(await ping()).toBe(true);
    await apply(rule({ from: [{ namespaceSelector: {} }] }));
    expect(await ping()).toBe(true);
    await apply(rule({ from: [{ namespaceSelector: {} }], ports: [{ port: 80 }] }));
    expect(await ping()).toBe(false);
  });

  it('a datagram to all pods of a bridge does not reach one that a policy isolates', async () => {
    const probe = probes.get('y/b')!;
    const attempt = () => {
      const { answered: answers, end } = probe.attempt([
        { address: '10.244.1.255', port: 80, protocol: 'UDP' },
      ]);
      const pods = (): readonly string[] =>
        [...(answers.get(0) ?? '').matchAll(/from (10\.244\.1\.\d\d) /g)].flatMap(
          ([, address]) => address ?? [],
        );
      return { pods, end };
    };
    await apply([]);
    const open = attempt();
    await eventually('another pod answers', async () => new Set(open.pods()).size > 1);
    open.end();
    await apply(
      ['x', 'z'].map((namespace) => policy({ podSelector: {}, policyTypes: ['Ingress'] }, namespace)),
    );
    const denied = attempt();
    await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    expect(denied.pods().filter((address) => address !== '10.244.1.21')).toEqual([]);
    denied.end();
  });

  it('the table is as it was when the last policy goes', async () => {
    const listing = (): Promise<string> =>
      hosts.get('h1')!.must('nft', 'list', 'table', 'ip', 'symphony-test-policy');
    await apply([]);
    const empty = await listing();
    await apply(Object.values(POLICIES)[8]!);
    expect(await listing()).not.toBe(empty);
    await apply([]);
    expect(await listing()).toBe(empty);
  });

  it('policies at random', async () => {
    for (const policies of fc.sample(anyPolicies, { seed: 20, numRuns: 8 })) await expectMatrix(policies);
  });
});
