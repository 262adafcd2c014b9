import { describe, expect, it } from 'vitest';
import { parseResolvConf, readHostResolver } from '../../../src/base/resolv-conf.ts';
import {
  planResolverConfig,
  renderHosts,
  renderResolvConf,
} from '../../../src/node-agent/files/plan-pod-files.ts';
import type { Pod } from '../../../src/schemas/types.ts';

const aPod = (spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u' },
  spec: { containers: [], ...spec },
});
const node = parseResolvConf('# x\nsearch lan\nnameserver 192.0.2.53\noptions timeout:1\n');
const resolver = (spec: Partial<Pod['spec']>, clusterDns: string | undefined = '10.96.0.10'): string =>
  renderResolvConf(planResolverConfig({ pod: aPod(spec), clusterDomain: 'cluster.local', clusterDns, node }));

describe('resolv.conf of a pod', () => {
  it.each<[string, Partial<Pod['spec']>, string]>([
    [
      'ClusterFirst',
      {},
      'search shop.svc.cluster.local svc.cluster.local cluster.local lan\nnameserver 10.96.0.10\noptions ndots:5\n',
    ],
    ['Default', { dnsPolicy: 'Default' }, 'search lan\nnameserver 192.0.2.53\noptions timeout:1\n'],
    ["the host's network", { hostNetwork: true }, 'search lan\nnameserver 192.0.2.53\noptions timeout:1\n'],
    [
      'None with its own configuration',
      {
        dnsPolicy: 'None',
        dnsConfig: { nameservers: ['1.1.1.1'], searches: ['x'], options: [{ name: 'ndots', value: '2' }] },
      },
      'search x\nnameserver 1.1.1.1\noptions ndots:2\n',
    ],
  ])('follows %s', (_, spec, text) => {
    expect(resolver(spec)).toBe(text);
  });

  it('lets the pod replace an option and add servers, up to three', () => {
    const dnsConfig = { nameservers: ['1', '2', '3'], options: [{ name: 'ndots', value: '1' }] };
    const text = resolver({ dnsConfig });
    expect(text).toContain('options ndots:1\n');
    expect(text.match(/nameserver/g)).toHaveLength(3);
  });
});

describe('limits of resolv.conf', () => {
  const plan = (dnsConfig: Pod['spec']['dnsConfig']) =>
    planResolverConfig({
      pod: aPod(dnsConfig ? { dnsConfig } : {}),
      clusterDomain: 'cluster.local',
      clusterDns: '10.96.0.10',
      node,
    });

  it("says in kubelet's words which servers are left", () => {
    expect(plan({ nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'] }).warnings).toEqual([
      {
        reason: 'DNSConfigForming',
        message:
          'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 1.1.1.1 2.2.2.2',
      },
    ]);
  });

  it.each([
    ['the number of domains', Array.from({ length: 40 }, (_, index) => `d${index}.example`), 32],
    [
      'the length of the line',
      Array.from({ length: 20 }, (_, index) => `${'x'.repeat(200)}${index}.example`),
      13,
    ],
  ])('cuts %s', (_, searches, count) => {
    const { warnings, searches: applied } = plan({ searches });
    expect(applied).toHaveLength(count);
    expect(applied.join(' ').length).toBeLessThanOrEqual(2048);
    expect(warnings.map(({ message }) => message)).toEqual([
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${applied.join(' ')}`,
    ]);
  });

  it('warns of nothing that fits, and counts what is named twice once', () => {
    expect(
      plan({ nameservers: ['10.96.0.10', '1.1.1.1', '1.1.1.1', '2.2.2.2'], searches: ['lan'] }),
    ).toMatchObject({
      nameservers: ['10.96.0.10', '1.1.1.1', '2.2.2.2'],
      warnings: [],
    });
  });
});

describe('a node without DNS of the cluster', () => {
  const reasonsOf = (spec: Partial<Pod['spec']>): readonly string[] =>
    planResolverConfig({
      pod: aPod(spec),
      clusterDomain: 'cluster.local',
      clusterDns: undefined,
      node: { nameservers: [], searches: [], options: [] },
    }).warnings.map(({ reason }) => reason);

  it('tells pods that ask for it that they have the servers of the node', () => {
    expect(reasonsOf({})).toEqual(['MissingClusterDNS']);
    expect(reasonsOf({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true })).toEqual([
      'MissingClusterDNS',
    ]);
    for (const spec of [{ dnsPolicy: 'Default' }, { dnsPolicy: 'None' }, { hostNetwork: true }] as const)
      expect(reasonsOf(spec)).toEqual([]);
  });
});

describe("the host's resolv.conf", () => {
  const read = (files: Record<string, string>) => readHostResolver(async (path) => files[path] ?? '');
  const STUB = 'nameserver 127.0.0.53\noptions edns0\nsearch lan\n';

  it('is that behind the stub of systemd-resolved, which no pod can reach', async () => {
    const files = {
      '/etc/resolv.conf': STUB,
      '/run/systemd/resolve/resolv.conf': 'nameserver 192.0.2.1\nsearch lan\n',
    };
    expect(await read(files)).toMatchObject({ nameservers: ['192.0.2.1'], searches: ['lan'] });
  });

  it('is its own when there is nothing behind it, or another server', async () => {
    expect((await read({ '/etc/resolv.conf': STUB })).nameservers).toEqual(['127.0.0.53']);
    const mixed = { '/etc/resolv.conf': 'nameserver 127.0.0.1\nnameserver 192.0.2.9\n' };
    expect((await read(mixed)).nameservers).toEqual(['127.0.0.1', '192.0.2.9']);
    expect(await read({})).toEqual({ nameservers: [], searches: [], options: [] });
  });
});

describe('hosts file of a pod', () => {
  const render = (spec: Partial<Pod['spec']>): string =>
    renderHosts({
      pod: aPod(spec),
      podIp: '10.244.1.9',
      clusterDomain: 'cluster.local',
      nodeHosts: '127.0.0.1 node\n',
    });

  it('names the pod, with its subdomain where it has one, and its aliases', () => {
    expect(render({})).toMatch(/^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
    expect(render({})).toContain('\n10.244.1.9\tweb\n');
    const full = render({ subdomain: 'db', hostAliases: [{ ip: '192.0.2.7', hostnames: ['a', 'b'] }] });
    expect(full).toContain('\n10.244.1.9\tweb.db.shop.svc.cluster.local\tweb\n');
    expect(full).toMatch(/\n192\.0\.2\.7\ta\tb\n$/);
  });

  it("is the node's own on the host's network", () => {
    expect(render({ hostNetwork: true })).toBe(
      '# Kubernetes-managed hosts file (host network).\n127.0.0.1 node\n',
    );
  });
});
