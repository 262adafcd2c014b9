import { describe, expect, it } from 'vitest';
import {
  parseInterfaces,
  parseRoutes,
  planPodRoute,
  type PodRouteInput,
} from '../../../src/node-agent/node/plan-pod-route.ts';

/** `ip route` in the form of /proc/net/route: interface, destination, gateway, mask, metric. */
type Row = readonly [string, string, string, string, number?];
const hex = (address: string): string =>
  address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
const table = (rows: readonly Row[], flags = '0001'): string =>
  [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   ',
    ...rows.map(([name, to, via, mask, metric = 0]) =>
      [name, hex(to), hex(via), flags, 0, 0, metric, hex(mask), 0, 0, 0].join('\t'),
    ),
    '',
  ].join('\n');

const DEFAULT: Row = ['eth0', '0.0.0.0', '192.0.2.1', '0.0.0.0'];
const OURS: Row = ['sy-1', '10.244.0.0', '0.0.0.0', '255.255.0.0'];

function plan(rows: readonly Row[], change: Partial<PodRouteInput> = {}): string | undefined {
  return planPodRoute({
    routes: parseRoutes(table(rows)),
    interfaces: ['lo', 'eth0', 'sy-1', 'br-2', 'wg0'],
    network: { name: 'symphony-a', gateway: '10.244.0.1' },
    bridge: 'sy-1',
    address: '10.244.1.5',
    source: undefined,
    ...change,
  });
}

describe('the way to the address of a pod', () => {
  it.each<[string, readonly Row[], Partial<PodRouteInput>]>([
    ['through its network', [DEFAULT, OURS], {}],
    ['through its network, as the kernel says too', [DEFAULT, OURS], { source: '10.244.0.1' }],
    [
      'although others have a part of the range',
      [OURS, ['wg0', '10.244.9.0', '0.0.0.0', '255.255.255.0']],
      {},
    ],
    ['from a container that sees neither bridge nor routes', [DEFAULT], { interfaces: ['lo', 'eth0'] }],
    ['where the other network is worse', [['br-2', '10.244.0.0', '0.0.0.0', '255.255.0.0', 5], OURS], {}],
  ])('is right %s', (_, rows, change) => expect(plan(rows, change)).toBeUndefined());

  it.each<[string, readonly Row[], Partial<PodRouteInput>, string]>([
    [
      'another network has the range',
      [['br-2', '10.244.0.0', '0.0.0.0', '255.255.0.0'], OURS],
      {},
      'interface br-2',
    ],
    [
      'a route of the host is narrower',
      [OURS, ['wg0', '10.244.1.5', '0.0.0.0', '255.255.255.255']],
      {},
      'interface wg0',
    ],
    [
      'a route by a gateway is narrower',
      [OURS, ['eth0', '10.244.1.0', '192.0.2.9', '255.255.255.0']],
      {},
      'interface eth0',
    ],
    ['the route of the bridge is gone', [DEFAULT], {}, 'interface eth0'],
    ['no way leads there', [], {}, 'nowhere'],
    ['the host has the address itself', [OURS], { source: '10.244.1.5' }, 'this host itself'],
    [
      'a rule sends it by another table',
      [OURS],
      { source: '100.64.0.7' },
      'an interface with address 100.64.0.7',
    ],
    [
      'the engine is elsewhere, and a network here has the range',
      [DEFAULT, ['br-2', '10.244.0.0', '0.0.0.0', '255.255.0.0']],
      { interfaces: ['lo', 'eth0', 'br-2'] },
      'interface br-2',
    ],
  ])('is wrong where %s', (_, rows, change, where) => {
    const said = plan(rows, change);
    expect(said).toContain(`address 10.244.1.5 leads to ${where}, not to network "symphony-a"`);
    expect(said).toContain('--cluster-cidr');
  });
});

it('reads the tables of the kernel', () => {
  expect(parseRoutes(table([DEFAULT, OURS]))[1]).toEqual({
    interface: 'sy-1',
    destination: 0x0af40000,
    mask: 0xffff0000,
    gateway: 0,
    metric: 0,
  });
  expect(parseRoutes(table([OURS], '0000'))).toEqual([]);
  expect(parseRoutes('')).toEqual([]);
  const head = 'Inter-|   Receive\n face |bytes\n';
  expect(parseInterfaces(`${head}    lo: 1 2\nbr-732bc588:  0 0\n`)).toEqual(['lo', 'br-732bc588']);
});
