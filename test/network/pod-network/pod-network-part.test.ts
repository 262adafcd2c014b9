import { afterEach, describe, expect, it } from 'vitest';
import { createAbort } from '../../../src/base/abort.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import type { Feed, FeedListener } from '../../../src/network/feeds.ts';
import type {
  HostNetworkContext,
  HostNetworkPart,
  NetworkTrouble,
} from '../../../src/network/host-network.ts';
import { createHostPods } from '../../../src/network/host-pods.ts';
import { createPodNetworkPart } from '../../../src/network/pod-network/pod-network-part.ts';
import { createOwnTargets } from '../../../src/network/services/own-targets.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const aNode = (name: string, address: string, podCIDR: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { podCIDR, podCIDRs: [podCIDR] },
  status: { addresses: [{ type: 'InternalIP', address }] },
});

const SHOW_BRIDGE = 'ip -json address show dev sy-1';

/** A host whose kernel has what the answers say; changes are recorded, and change nothing. */
function aHost(broken = '') {
  const clock = createFakeClock();
  const changes: string[] = [];
  const troubles: (NetworkTrouble | undefined)[] = [];
  const answers: Record<string, string> = {
    'ip -json -4 address show up': JSON.stringify([
      { ifname: 'eth0', mtu: 1_500, addr_info: [{ local: '192.168.77.11', prefixlen: 24, scope: 'global' }] },
    ]),
    [SHOW_BRIDGE]: JSON.stringify([{ flags: ['UP'], addr_info: [{ local: '10.244.0.1' }] }]),
  };
  const files = new Map<string, string>();
  const items = new Map([['n1', aNode('n1', '192.168.77.11', '10.244.1.0/24')]]);
  const listeners: FeedListener[] = [];
  const feed = {
    items,
    isSynced: false,
    onChange: (listener: FeedListener) => void listeners.push(listener),
  };
  const tell = (node: Node): void => {
    items.set(node.metadata.name, node);
    for (const listener of listeners) listener(node.metadata.name);
  };
  let monitor: (line: string) => void = () => undefined;
  const context: HostNetworkContext = {
    client: undefined as never,
    clock,
    rng: seededRng(1),
    logger: silentLogger,
    async run(program, args, input) {
      const command = [program, ...args].join(' ');
      if (broken !== '' && command.includes(broken)) throw new Error(`${program} is broken`);
      if (input !== undefined) changes.push(...input.split('\n').filter(Boolean));
      if (command.includes('link show dev sv-')) throw new Error('Device "sv-0" does not exist.');
      return answers[command] ?? '';
    },
    async follow(_program, _args, onLine, signal) {
      monitor = onLine;
      const ended = createAbort();
      signal.addEventListener('abort', () => ended.abort());
      await new Promise((resolve) => ended.signal.addEventListener('abort', resolve));
    },
    nft: { apply: async () => undefined, list: async () => 'table' },
    settings: {
      ...{ cluster: '0123456789ab', clusterCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16' },
      ...{ clusterDomain: 'cluster.local', mode: 'auto', gateway: '10.244.0.1', bridge: 'sy-1' },
      ...{ directory: '/nowhere', server: 'https://127.0.0.1:6443' },
    },
    pods: createHostPods(),
    feeds: { of: () => feed as unknown as Feed<never>, [Symbol.asyncDispose]: async () => undefined },
    host: {
      nodes: new Map([['n1', { name: 'n1', address: '192.168.77.11' }]]),
      onChange: () => undefined,
    },
    annotations: new Map(),
    ownTargets: createOwnTargets(),
    report: (_part, trouble) => void troubles.push(trouble),
  };
  const part = createPodNetworkPart(context, {
    read: async (path) => files.get(path) ?? '0',
    write: async (path, text) => void files.set(path, text),
  });
  return {
    part,
    clock,
    changes,
    troubles,
    answers,
    files,
    feed,
    tell,
    monitor: (line: string) => monitor(line),
  };
}

let running: HostNetworkPart | undefined;
afterEach(() => running?.[Symbol.asyncDispose]());

async function start(host: ReturnType<typeof aHost>): Promise<void> {
  running = host.part;
  host.part.start();
  await host.clock.advance(1_000);
}
const N2 = aNode('n2', '192.168.77.12', '10.244.2.0/24');
const TO_N2 = 'route add 10.244.2.0/24 via 192.168.77.12 proto 83';

describe("the pods' network of a host", () => {
  it('waits for the list of nodes, and follows their changes', async () => {
    const host = aHost();
    await start(host);
    host.tell(N2);
    await host.clock.advance(60_000);
    expect(host.changes).toEqual([]);
    host.feed.isSynced = true;
    await host.clock.advance(60_000);
    expect(host.changes).toContain(TO_N2);
    expect(host.troubles.at(-1)).toBeUndefined();
  });

  it('looks at once when a host moves, and not when a node only says that it lives', async () => {
    const host = aHost();
    host.feed.isSynced = true;
    await start(host);
    host.tell(N2);
    await host.clock.advance(1_000);
    expect(host.changes).toEqual([TO_N2]);
    host.tell({ ...N2, metadata: { ...N2.metadata, resourceVersion: '7' } });
    await host.clock.advance(1_000);
    expect(host.changes).toEqual([TO_N2]);
    host.tell(aNode('n2', '192.168.77.99', '10.244.2.0/24'));
    await host.clock.advance(1_000);
    expect(host.changes.at(-1)).toBe('route add 10.244.2.0/24 via 192.168.77.99 proto 83');
  });

  it('looks at once when somebody takes a route away', async () => {
    const host = aHost();
    host.feed.isSynced = true;
    await start(host);
    host.answers['ip -json -4 route show root 10.244.0.0/16'] = JSON.stringify([
      { dst: '10.244.2.0/24', gateway: '192.168.77.12', dev: 'eth0', protocol: '83' },
    ]);
    host.tell(N2);
    await host.clock.advance(1_000);
    expect(host.changes).toEqual([]);
    host.answers['ip -json -4 route show root 10.244.0.0/16'] = '[]';
    host.monitor('Deleted 10.244.2.0/24 via 192.168.77.12 dev eth0 proto 83 ');
    await host.clock.advance(1_000);
    expect(host.changes).toEqual([TO_N2]);
  });

  it('sets up a bridge that the engine has made anew, and each new port of it', async () => {
    const host = aHost();
    host.feed.isSynced = true;
    await start(host);
    const proxyArp = '/proc/sys/net/ipv4/conf/sy-1/proxy_arp';
    expect(host.files.get(proxyArp)).toBe('1');
    host.files.set(proxyArp, '0');
    host.monitor('7: sy-1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP');
    await host.clock.advance(1_000);
    expect(host.files.get(proxyArp)).toBe('1');
    host.answers['bridge -json -details link show'] = JSON.stringify([
      { ifname: 'veth1', master: 'sy-1', hairpin: false },
      { ifname: 'veth2', master: 'docker0', hairpin: false },
    ]);
    host.monitor('9: veth1@if8: <BROADCAST> mtu 1500 qdisc noqueue master sy-1 state UP group default');
    await host.clock.advance(1_000);
    expect(host.changes).toEqual(['link set dev veth1 hairpin on']);
  });

  it('mends the bridge at once when somebody sets it down', async () => {
    const host = aHost();
    host.feed.isSynced = true;
    await start(host);
    expect(host.changes).toEqual([]);
    host.answers[SHOW_BRIDGE] = JSON.stringify([{ flags: [], addr_info: [{ local: '10.244.0.1' }] }]);
    host.monitor('7: sy-1: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN');
    await host.clock.advance(1_000);
    expect(host.changes).toContain('link set sy-1 up');
  });

  it('does the rest where a program fails, says so, and tries again', async () => {
    const host = aHost('iptables-save');
    host.feed.isSynced = true;
    await start(host);
    host.tell(N2);
    await host.clock.advance(1_000);
    expect(host.changes).toContain(TO_N2);
    expect(host.troubles.at(-1)?.message).toContain(
      'Cannot let pods through the firewall: iptables-save is broken',
    );
    const before = host.troubles.length;
    await host.clock.advance(60_000);
    expect(host.troubles.length).toBeGreaterThan(before);
  });
});
