import { describe, expect, it } from 'vitest';
import {
  networkIdOf,
  type ObservedRoute,
  planLinkCommands,
  tunnelDevice,
} from '../../../src/network/pod-network/plan-commands.ts';

const settings = { device: 'sv-test', networkId: 7, clusterCidr: '10.244.0.0/16' };
const route = (cidr: string, via: string) => ({ cidr, via, isTunnelled: false });
const plan = (wanted: readonly ReturnType<typeof route>[], routes: readonly ObservedRoute[]) =>
  planLinkCommands(
    { routes: wanted, tunnel: undefined, unreachable: [] },
    { routes, tunnel: undefined },
    settings,
    1_500,
  );
const TO_2 = route('10.244.2.0/24', '192.168.77.12');

describe('routes', () => {
  it('are added, changed and deleted where they differ', () => {
    expect(plan([TO_2], [])).toEqual({
      ip: ['route add 10.244.2.0/24 via 192.168.77.12 proto 83'],
      bridge: [],
      problems: [],
    });
    const moved = { dst: '10.244.2.0/24', gateway: '192.168.77.99', dev: 'eth0', protocol: '83' };
    expect(plan([TO_2], [moved]).ip).toEqual(['route replace 10.244.2.0/24 via 192.168.77.12 proto 83']);
    expect(plan([], [moved]).ip).toEqual(['route delete 10.244.2.0/24 proto 83']);
    expect(plan([TO_2], [{ ...moved, gateway: TO_2.via }]).ip).toEqual([]);
  });

  it('of others stay, and are told of where they are in the way', () => {
    const other = { dst: '10.244.2.0/24', gateway: '192.168.77.1', dev: 'eth0', protocol: 'static' };
    expect(plan([TO_2], [other])).toEqual({
      ip: [],
      bridge: [],
      problems: [expect.stringContaining('leads 10.244.2.0/24 to 192.168.77.1, not to 192.168.77.12')],
    });
    expect(plan([TO_2], [{ ...other, gateway: TO_2.via }])).toEqual({ ip: [], bridge: [], problems: [] });
    expect(plan([], [other]).ip).toEqual([]);
  });

  it('of another cluster on this host stay', () => {
    expect(plan([], [{ dst: '10.245.2.0/24', gateway: '192.168.77.12', protocol: '83' }]).ip).toEqual([]);
  });
});

describe('the tunnel', () => {
  const links = {
    routes: [{ cidr: '10.244.3.0/24', via: '10.244.3.0', isTunnelled: true }],
    tunnel: {
      address: '10.244.1.0',
      hardwareAddress: '02:53:c0:a8:4d:0b',
      localAddress: '192.168.77.11',
      peers: [
        { tunnelAddress: '10.244.3.0', hardwareAddress: '02:53:c6:33:64:03', hostAddress: '198.51.100.3' },
      ],
    },
    unreachable: [],
  };
  const [{ tunnelAddress: dst, hardwareAddress: mac, hostAddress }] = links.tunnel.peers as [
    (typeof links.tunnel.peers)[number],
  ];
  const observed = {
    routes: [{ dst: '10.244.3.0/24', gateway: '10.244.3.0', dev: 'sv-test', protocol: '83' }],
    tunnel: {
      ...{ address: '10.244.1.0', hardwareAddress: '02:53:c0:a8:4d:0b', localAddress: '192.168.77.11' },
      ...{ mtu: 1_450, isUp: true },
      neighbours: [{ dst, lladdr: mac }],
      forwarding: [{ mac, dst: hostAddress }],
    },
  };

  it('changes nothing that is right', () => {
    expect(planLinkCommands(links, observed, settings, 1_500)).toEqual({ ip: [], bridge: [], problems: [] });
  });

  it('is set up again where somebody set it down, or the network has another MTU', () => {
    const down = { ...observed, tunnel: { ...observed.tunnel, isUp: false } };
    expect(planLinkCommands(links, down, settings, 1_500).ip).toEqual(['link set sv-test up']);
    expect(planLinkCommands(links, observed, settings, 9_000).ip).toEqual(['link set sv-test mtu 8950']);
  });

  it('is made anew with another address of this host, and so are its routes', () => {
    const moved = { ...links, tunnel: { ...links.tunnel, localAddress: '192.168.77.99' } };
    expect(planLinkCommands(moved, observed, settings, 1_500).ip).toEqual([
      'link delete sv-test',
      'link add sv-test address 02:53:c0:a8:4d:0b mtu 1450 type vxlan id 7 local 192.168.77.99 dstport 8472 nolearning',
      'address add 10.244.1.0/32 dev sv-test',
      'link set sv-test up',
      'neigh replace 10.244.3.0 lladdr 02:53:c6:33:64:03 dev sv-test nud permanent',
      'route replace 10.244.3.0/24 via 10.244.3.0 dev sv-test onlink proto 83',
    ]);
  });
});

it('names of tunnels fit, and two clusters have different ones', () => {
  expect(tunnelDevice('0123456789ab')).toBe('sv-0123456789ab');
  expect(tunnelDevice('0123456789ab').length).toBeLessThanOrEqual(15);
  expect(networkIdOf('ffffff000000')).toBe(2 ** 24 - 1);
  expect(networkIdOf('000000abcdef')).toBe(1);
});
