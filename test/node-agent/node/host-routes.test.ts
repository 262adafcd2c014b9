import { expect, it } from 'vitest';
import { parseHostRoutes } from '../../../src/node-agent/node/host-routes.ts';

/**
 * As the kernel shows it: a default route, a bridge, loopback, a VPN in a table of its own, an
 * address on loopback.
 */
const TRIE = `Main:
  +-- 0.0.0.0/0 3 0 4
     +-- 0.0.0.0/4 2 0 2
        |-- 0.0.0.0
           /0 universe UNICAST
           /1 universe UNICAST
        +-- 10.25.7.0/24 2 0 2
           |-- 10.25.7.0
              /24 link UNICAST
           |-- 10.25.7.255
              /32 link BROADCAST
Local:
  +-- 0.0.0.0/0 3 0 4
     |-- 10.25.7.1
        /32 host LOCAL
     |-- 100.64.9.9
        /32 host LOCAL
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
Id 77:
  |-- 10.32.0.0
     /11 universe UNICAST
     /24 universe BLACKHOLE
`;
const MAIN = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
br0	0007190A	00000000	0001	0	0	0	00FFFFFF	0	0	0
`;

it('tells what the machine routes, of every table, and whose device has it', () => {
  expect(parseHostRoutes(TRIE, MAIN)).toEqual([
    { cidr: '10.25.7.0/24', device: 'br0' },
    { cidr: '10.32.0.0/11', device: undefined },
    { cidr: '100.64.9.9/32', device: undefined },
    { cidr: '127.0.0.0/8', device: undefined },
  ]);
});

it('knows nothing where there is nothing to read', () => {
  expect(parseHostRoutes('', '')).toEqual([]);
});
