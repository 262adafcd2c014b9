/** Objects and answers for checks of the network: two hosts with a pod each, all of it right. */
import type { NetworkFacts } from '../../src/network/check/facts.ts';
import { type Answer, type Answers, type Ask, askKey, type Probed } from '../../src/network/check/hop.ts';
import type { ClusterView } from '../../src/network/check/plan-hops.ts';
import type { NamedService } from '../../src/network/check/service-hops.ts';
import type { EndpointSlice, Node, Pod, Service } from '../../src/schemas/types.ts';

export const aHost = (name: string, address: string, podCIDR: string, ready = true): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { podCIDR, podCIDRs: [podCIDR] },
  status: {
    addresses: [{ type: 'InternalIP', address }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown', message: 'no heartbeat' }],
  },
});

export const aRunningPod = (
  name: string,
  node: string,
  podIP: string,
  { labels = {}, namespace = 'default', hostNetwork = false } = {},
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: name, ...labels } },
  spec: {
    nodeName: node,
    ...(hostNetwork ? { hostNetwork } : {}),
    containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }],
  },
  status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] },
});

export const aView = (more: Partial<ClusterView> = {}): ClusterView => ({
  nodes: [aHost('a', '192.0.2.1', '10.244.0.0/24'), aHost('b', '192.0.2.2', '10.244.1.0/24')],
  policies: [],
  namespaces: new Map([['default', { 'kubernetes.io/metadata.name': 'default' }]]),
  dns: undefined,
  ...more,
});

export const aService = (pods: readonly Pod[], isReady = true, name = 'web'): NamedService => ({
  namespace: 'default',
  service: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { clusterIP: '10.96.0.7', selector: { app: 'b' }, ports: [{ port: 80 }] },
  } satisfies Service,
  slices: [
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 's', namespace: 'default' },
      addressType: 'IPv4',
      endpoints: pods.map(({ status }) => ({
        addresses: [status?.podIP ?? ''],
        conditions: { ready: isReady },
      })),
      ports: [{ port: 8080, protocol: 'TCP' }],
    } satisfies EndpointSlice,
  ],
  pods,
});

/** A host whose kernel has all that its pods need to reach those of the other one. */
export const goodFacts = (peerCidr: string, via: string): NetworkFacts => ({
  mode: 'auto',
  bridge: 'sym0',
  devices: [
    { name: 'sym0', isUp: true, mtu: 1500 },
    { name: 'eth0', isUp: true, mtu: 1500 },
  ],
  routes: [{ to: peerCidr, via, device: 'eth0' }],
  neighbours: [{ address: via, isReachable: true }],
  forwards: true,
  answersArp: true,
  firewallDrops: false,
  tables: ['symphony-c-pods', 'symphony-c-services'],
  service: 'balanced',
});

export interface GivenAnswers {
  readonly facts: Readonly<Record<string, NetworkFacts | string>>;
  /** The answer to each probe, by `to`; `connected` where nothing is given. */
  readonly probes?: Readonly<Record<string, Probed>>;
  readonly url?: Answer<Probed>;
  /** Collects what was asked. */
  readonly asked?: Ask[];
}

const CONNECTED: Probed = { ok: true, detail: 'connected' };

export function givenAnswers({ facts, probes = {}, url, asked = [] }: GivenAnswers): Answers {
  return {
    facts(ask) {
      asked.push(ask);
      const found = facts[ask.node] ?? `no agent ${ask.node}`;
      return typeof found === 'string' ? { ok: false, why: found } : { ok: true, value: found };
    },
    probe(ask) {
      asked.push(ask);
      return { ok: true, value: probes[ask.to] ?? CONNECTED };
    },
    url: (ask) => url ?? { ok: false, why: `not given: ${askKey(ask)}` },
  };
}
