import { describe, expect, it } from 'vitest';
import {
  parseResolvConf,
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
