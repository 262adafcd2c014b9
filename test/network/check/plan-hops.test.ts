/** Everything right passes; each thing that is broken is named, and nothing else. */
import { describe, expect, it } from 'vitest';
import type { NetworkFacts } from '../../../src/network/check/facts.ts';
import { type Answers, assessHops, type CheckResult, type Hop } from '../../../src/network/check/hop.ts';
import { planClusterHops } from '../../../src/network/check/plan-cluster-hops.ts';
import { planPodHops } from '../../../src/network/check/plan-hops.ts';
import { planServiceHops } from '../../../src/network/check/plan-service-hops.ts';
import {
  aHost,
  aRunningPod,
  aService,
  aView,
  givenAnswers,
  type GivenAnswers,
  goodFacts,
} from '../../support/network-check.ts';

const a = aRunningPod('a', 'a', '10.244.0.5');
const b = aRunningPod('b', 'b', '10.244.1.5');
const named = (pod: typeof a) => ({ name: `default/${pod.metadata.name}`, pod });
const facts = {
  a: goodFacts('10.244.1.0/24', '192.0.2.2'),
  b: goodFacts('10.244.0.0/24', '192.0.2.1'),
};
const answers = (given: Partial<GivenAnswers> = {}): Answers => givenAnswers({ facts, ...given });
const statuses = (results: readonly CheckResult[], status: string): readonly string[] =>
  results.filter((one) => one.status === status).map(({ check, subject }) => `${check} ${subject}`);
const failures = (hops: readonly Hop[], given?: Partial<GivenAnswers>): readonly string[] =>
  statuses(assessHops(hops, answers(given)), 'FAIL');

const pods = planPodHops(aView(), named(a), named(b));
const service = planServiceHops(aView(), named(a), aService([b]));

describe('a network that works', () => {
  it('passes at every hop between two pods, in the order of the way', () => {
    const results = assessHops(pods, answers());
    expect(results.map(({ check }) => check)).toEqual([
      ...['pod', 'pod', 'node', 'agent', 'bridge', 'forwarding', 'node', 'agent', 'bridge', 'forwarding'],
      ...['firewall', 'proxy-arp', 'route', 'neighbour', 'mtu'],
      ...['firewall', 'proxy-arp', 'route', 'neighbour', 'mtu'],
      ...['egress-policy', 'ingress-policy', 'connection'],
    ]);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['PASS']));
  });

  it('passes to a Service, and across the cluster', () => {
    expect(statuses(assessHops(service, answers()), 'PASS')).toHaveLength(service.length);
    const view = aView({ dns: aService([], true, 'kube-dns').service });
    const cluster = planClusterHops(view, aService([b], true, 'kubernetes'));
    expect(failures(cluster)).toEqual([]);
    expect(cluster.map(({ name }) => name)).toContain('dns');
  });

  it('has no links between nodes of one host', () => {
    const view = aView({
      nodes: [aHost('a', '192.0.2.1', '10.244.0.0/24'), aHost('b', '192.0.2.1', '10.244.1.0/24')],
    });
    const hops = planPodHops(view, named(a), named(b));
    expect(hops.filter(({ name }) => name === 'route')).toEqual([]);
    expect(failures(hops)).toEqual([]);
  });

  it('takes a refusal for an answer where no port is known', () => {
    const portless = { ...b, spec: { ...b.spec, containers: [{ name: 'c' }] } };
    const hops = planPodHops(aView(), named(a), named(portless));
    const refused = { ok: false, detail: 'dial tcp 10.244.1.5:9: connect: connection refused' };
    expect(failures(hops, { probes: { '10.244.1.5:9': refused } })).toEqual([]);
  });
});

describe('a broken hop is named, and it alone', () => {
  const changed = (node: 'a' | 'b', change: Partial<NetworkFacts>): Partial<GivenAnswers> => ({
    facts: { ...facts, [node]: { ...facts[node], ...change } },
    // Where a hop is broken, the whole way is, too.
    probes: { '10.244.1.5:8080': { ok: false, detail: 'dial tcp 10.244.1.5:8080: i/o timeout' } },
  });

  it.each<[string, Partial<GivenAnswers>, string]>([
    ['no route there', changed('a', { routes: [] }), 'route node a -> node b'],
    ['no route back', changed('b', { routes: [] }), 'route node b -> node a'],
    [
      'a route to somebody else',
      changed('a', { routes: [{ to: '10.244.1.0/24', via: '192.0.2.9', device: 'eth0' }] }),
      'route node a -> node b',
    ],
    [
      'a host that is away',
      changed('a', { neighbours: [{ address: '192.0.2.2', isReachable: false }] }),
      'neighbour node a -> node b',
    ],
    ['no bridge', changed('b', { devices: [] }), 'bridge node b'],
    [
      'a bridge that is down',
      changed('a', { devices: [{ name: 'sym0', isUp: false, mtu: 1500 }] }),
      'bridge node a',
    ],
    ['no forwarding', changed('b', { forwards: false }), 'forwarding node b'],
    ['a firewall', changed('b', { firewallDrops: true }), 'firewall node b -> node a'],
    ['no proxy ARP', changed('a', { answersArp: false }), 'proxy-arp node a -> node b'],
    [
      'packets that do not fit',
      changed('a', {
        tables: [],
        devices: [
          { name: 'sym0', isUp: true, mtu: 1500 },
          { name: 'eth0', isUp: true, mtu: 1400 },
        ],
      }),
      'mtu node a -> node b',
    ],
    ['no agent', { ...changed('a', {}), facts: { a: facts.a, b: 'has no tunnel open' } }, 'agent node b'],
    ['a pod that does not listen', changed('a', {}), 'connection pod default/a -> pod default/b:8080'],
  ])('%s', (_what, given, expected) => {
    expect(failures(pods, given)).toEqual([expected]);
    for (const result of assessHops(pods, answers(given)))
      if (result.status === 'FAIL') expect(result.mend).toMatch(/\w{3}/);
  });

  it('a tunnel leads to the peer through the first address of its range', () => {
    const tunnelled = { routes: [{ to: '10.244.1.0/24', via: '10.244.1.0', device: 'sym-vx' }] };
    expect(failures(pods, { facts: { ...facts, a: { ...facts.a, ...tunnelled } } })).toEqual([]);
  });

  it('a node that is not ready, and a pod that is not there or not running', () => {
    const view = aView({
      nodes: [aHost('a', '192.0.2.1', '10.244.0.0/24'), aHost('b', '192.0.2.2', '10.244.1.0/24', false)],
    });
    expect(failures(planPodHops(view, named(a), named(b)))).toEqual(['node node b']);
    expect(failures(planPodHops(aView(), named(a), { name: 'default/x', pod: undefined }))).toEqual([
      'pod pod default/x',
    ]);
    const pending = { ...b, status: { phase: 'Pending' as const } };
    expect(failures(planPodHops(aView(), named(a), named(pending)))).toEqual(['pod pod default/b']);
  });

  it('a policy that denies', () => {
    const deny = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'deny', namespace: 'default' },
      spec: { podSelector: { matchLabels: { app: 'b' } }, policyTypes: ['Ingress'] },
    };
    const hops = planPodHops(aView({ policies: [deny] }), named(a), named(b));
    const timeout = { ok: false, detail: 'dial tcp 10.244.1.5:8080: i/o timeout' };
    const results = assessHops(hops, answers({ probes: { '10.244.1.5:8080': timeout } }));
    expect(statuses(results, 'FAIL')).toEqual(['ingress-policy pod default/a -> pod default/b:8080']);
    expect(results.find(({ status }) => status === 'FAIL')?.detail).toContain('default/deny');
    expect(statuses(results, 'SKIP')).toEqual(['connection pod default/a -> pod default/b:8080']);
  });

  it.each<[string, readonly Hop[], Partial<GivenAnswers>, string]>([
    [
      'no endpoints',
      planServiceHops(aView(), named(a), aService([b], false)),
      {},
      'endpoints service default/web',
    ],
    [
      'no table of Services',
      service,
      { facts: { ...facts, a: { ...facts.a, service: 'unknown', tables: [] } } },
      'balancing node a: service default/web',
    ],
    [
      'a Service that the kernel refuses',
      service,
      { facts: { ...facts, a: { ...facts.a, service: 'refused' } } },
      'balancing node a: service default/web',
    ],
    [
      'pods that do not listen',
      service,
      {
        probes: {
          '10.96.0.7:80': { ok: false, detail: 'dial tcp 10.96.0.7:80: connect: connection refused' },
        },
      },
      'connection pod default/a -> service default/web',
    ],
    [
      'DNS',
      planServiceHops(aView({ dns: aService([], true, 'kube-dns').service }), named(a), aService([b])),
      { probes: { '10.96.0.7:53': { ok: false, detail: 'i/o timeout' } } },
      'dns pod default/a: web.default.svc',
    ],
  ])('of a Service: %s', (_what, hops, given, expected) => {
    expect(failures(hops, given)).toEqual([expected]);
  });
});
