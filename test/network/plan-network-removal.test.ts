import { expect, it } from 'vitest';
import { planNetworkRemoval } from '../../src/network/plan-network-removal.ts';

const CLUSTER = '0123456789ab';
const found = {
  tables: `table ip symphony-${CLUSTER}-pods\ntable ip symphony-${CLUSTER}-services\ntable ip symphony-ffffffffffff-pods\ntable ip filter\n`,
  firewall: `*filter\n:DOCKER-USER - [0:0]\n:SYMPHONY-${CLUSTER} - [0:0]\n-A DOCKER-USER -j SYMPHONY-${CLUSTER}\nCOMMIT\n`,
  interfaces: ['lo', 'eth0', `sv-${CLUSTER}`, 'sv-ffffffffffff'],
  routes: [
    { dst: '10.244.2.0/24', gateway: '192.168.77.12', dev: 'eth0', protocol: '83' },
    { dst: '10.244.3.0/24', gateway: '10.244.3.0', dev: `sv-${CLUSTER}`, protocol: '83' },
    { dst: '10.245.2.0/24', gateway: '192.168.77.12', dev: 'eth0', protocol: '83' },
  ],
};
const namesOf = (...args: Parameters<typeof planNetworkRemoval>) =>
  planNetworkRemoval(...args).map(({ name }) => name);

it('removes all of one cluster, and nothing of another', () => {
  expect(namesOf(CLUSTER, '10.244.0.0/16', found)).toEqual([
    `interface sv-${CLUSTER}`,
    'route 10.244.2.0/24',
    `iptables chain SYMPHONY-${CLUSTER}`,
    `nft table ip symphony-${CLUSTER}-pods`,
    `nft table ip symphony-${CLUSTER}-services`,
  ]);
});

it('removes what is left of a tunnel that is gone, and routes only within a known range', () => {
  const half = { ...found, interfaces: ['lo'], tables: '', firewall: '' };
  expect(namesOf(CLUSTER, '10.244.0.0/16', half)).toEqual(['route 10.244.2.0/24', 'route 10.244.3.0/24']);
  expect(namesOf(CLUSTER, undefined, half)).toEqual([]);
});

it('has nothing to do where nothing is', () => {
  expect(planNetworkRemoval('aaaaaaaaaaaa', '10.9.0.0/16', found)).toEqual([]);
});
