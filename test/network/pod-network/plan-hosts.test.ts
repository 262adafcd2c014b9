import { describe, expect, it } from 'vitest';
import { planHosts } from '../../../src/network/pod-network/plan-hosts.ts';
import type { Node } from '../../../src/schemas/types.ts';

const aNode = (name: string, address: string, podCIDRs: readonly string[], second = 0): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  spec: podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0]!, podCIDRs: [...podCIDRs] },
  status: {
    addresses: [
      { type: 'Hostname', address: name },
      { type: 'InternalIP', address },
    ],
  },
});
const plan = (...nodes: readonly Node[]) =>
  planHosts({
    nodes,
    ownNames: new Set(['n1']),
    ownAddress: '192.168.77.11',
    clusterCidr: '10.244.0.0/16',
  });
const n1 = aNode('n1', '192.168.77.11', ['10.244.1.0/24']);
const n2 = aNode('n2', '192.168.77.12', ['10.244.2.0/24'], 1);

describe('hosts', () => {
  it('have the ranges of all their nodes, in the order of age', () => {
    const n3 = aNode('n3', '192.168.77.12', ['10.244.3.0/24']);
    expect(plan(n2, n1, n3)).toEqual({
      own: { address: '192.168.77.11', names: ['n1'], podCidrs: ['10.244.1.0/24'] },
      peers: [
        { address: '192.168.77.12', names: ['n3', 'n2'], podCidrs: ['10.244.3.0/24', '10.244.2.0/24'] },
      ],
      problems: [],
      eldest: '192.168.77.11',
    });
  });

  it('are this one where the address is the same, or the name', () => {
    const neighbour = aNode('neighbour', '192.168.77.11', ['10.244.9.0/24'], 2);
    const moved = aNode('n1', '192.168.77.99', ['10.244.1.0/24']);
    const { own, peers } = plan(moved, neighbour);
    expect(own).toEqual({
      address: '192.168.77.11',
      names: ['n1', 'neighbour'],
      podCidrs: ['10.244.1.0/24', '10.244.9.0/24'],
    });
    expect(peers).toEqual([]);
  });

  it('count once they have a range and an address', () => {
    const silent: Node = { ...aNode('silent', '', ['10.244.4.0/24']), status: {} };
    expect(plan(n1, aNode('new', '192.168.77.13', []), silent).peers).toEqual([]);
  });
});

describe('nodes are left out', () => {
  it.each([
    ['whose range is not of the cluster', '192.168.77.14', ['192.168.0.0/16'], 'not in --cluster-cidr'],
    ['whose range is everything', '192.168.77.14', ['0.0.0.0/0'], 'not in --cluster-cidr'],
    ['whose range holds that of this host', '192.168.77.14', ['10.244.0.0/17'], 'which node n1 has, too'],
    ['whose address is one of pods', '10.244.1.7', ['10.244.2.0/24'], 'an address of pods'],
    ['whose address is a loopback', '127.0.0.1', ['10.244.2.0/24'], 'no address of a host'],
    ['whose address is link-local', '169.254.169.254', ['10.244.2.0/24'], 'no address of a host'],
    ['whose address is IPv6', 'fd00::2', ['10.244.2.0/24'], 'no IPv4 address'],
  ])('%s', (_name, address, cidrs, problem) => {
    const { peers, problems } = plan(n1, aNode('bad', address, cidrs, 2), n2);
    expect(problems).toEqual([expect.stringContaining(problem)]);
    expect(peers.map(({ names }) => names)).toEqual([['n2']]);
  });

  it('also where an older one of another host is first, since pods of this host live', () => {
    const older = { ...aNode('older', '192.168.77.13', ['10.244.1.0/24']) };
    older.metadata = { name: 'older', creationTimestamp: '2025-01-01T00:00:00Z' };
    expect(plan(older, n1)).toMatchObject({ peers: [], own: { podCidrs: ['10.244.1.0/24'] } });
  });

  it('but not for ranges of IPv6 beside those of IPv4', () => {
    const dual = aNode('dual', '192.168.77.12', ['10.244.2.0/24', 'fd00:10::/64']);
    expect(plan(n1, dual)).toMatchObject({ problems: [], peers: [{ podCidrs: ['10.244.2.0/24'] }] });
  });
});
