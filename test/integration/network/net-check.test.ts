/** Facts of a real kernel: a host where all is right, and each thing broken by itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectFacts } from '../../../src/network/check/collect-facts.ts';
import type { NetworkFacts } from '../../../src/network/check/facts.ts';
import { assessHops } from '../../../src/network/check/hop.ts';
import { planServiceHops } from '../../../src/network/check/plan-service-hops.ts';
import { serviceTable } from '../../../src/network/services/service-table.ts';
import { createTableState } from '../../../src/network/nft/table-state.ts';
import { aRunningPod, aService, aView, givenAnswers, goodFacts } from '../../support/network-check.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';

const SETUP = `
  ip link add sym0 type bridge
  ip address add 10.244.0.1/16 dev sym0
  ip link set sym0 up
  sysctl --quiet --write net.ipv4.conf.sym0.proxy_arp=1
  ip link add eth0 type veth peer name away0
  ip link set away0 up
  ip address add 192.0.2.1/24 dev eth0
  ip link set eth0 up
  ip route add 10.244.1.0/24 via 192.0.2.2
`;
const settings = { cluster: 'c', mode: 'auto', bridge: 'sym0' } as const;

const a = aRunningPod('a', 'a', '10.244.0.5');
const b = aRunningPod('b', 'b', '10.244.1.5');
const hops = planServiceHops(aView(), { name: 'default/a', pod: a }, aService([b]));

describe('the facts of a host', () => {
  let place: Place;
  const facts = (): Promise<NetworkFacts> =>
    collectFacts({ run: (program, args) => place.must(program, ...args), settings }, '10.96.0.7:80');
  const failures = async (): Promise<readonly string[]> => {
    const answers = givenAnswers({ facts: { a: await facts(), b: goodFacts('10.244.0.0/24', '192.0.2.1') } });
    return assessHops(hops, answers)
      .filter(({ status }) => status === 'FAIL')
      .map(({ check, subject }) => `${check} ${subject}`);
  };

  beforeAll(async () => {
    place = await startPlace({ name: 'checked', setup: SETUP });
    const state = createTableState(
      serviceTable({ cluster: 'c', podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16' }),
    );
    state.set('web', {
      elements: {
        services: new Map([['10.96.0.7 . tcp . 80', 'goto pick-1']]),
        unserved: new Map([['10.96.0.8 . tcp . 80', 'goto refuse']]),
      },
    });
    await place.script(`cat > /run/table <<'EOF'\n${state.takeWhole()}\nEOF\nnft -f /run/table`);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  it('show that all is right', async () => {
    expect(await failures()).toEqual([]);
    expect(await facts()).toMatchObject({
      ...{ forwards: true, answersArp: true, firewallDrops: false, service: 'balanced' },
      tables: ['symphony-c-services'],
      routes: expect.arrayContaining([{ to: '10.244.1.0/24', via: '192.0.2.2', device: 'eth0' }]) as unknown,
    });
    const other = await collectFacts(
      { run: (program, args) => place.must(program, ...args), settings },
      '10.96.0.8:80',
    );
    expect(other.service).toBe('refused');
  });

  it.each([
    ['ip route delete 10.244.1.0/24', 'ip route add 10.244.1.0/24 via 192.0.2.2', 'route node a -> node b'],
    ['ip link set sym0 down', 'ip link set sym0 up', 'bridge node a'],
    [
      'sysctl -w net.ipv4.ip_forward=0',
      'sysctl -w net.ipv4.ip_forward=1; sysctl -w net.ipv4.conf.sym0.proxy_arp=1',
      'forwarding node a',
    ],
    ['iptables -P FORWARD DROP', 'iptables -P FORWARD ACCEPT', 'firewall node a -> node b'],
    [
      'sysctl -w net.ipv4.conf.sym0.proxy_arp=0',
      'sysctl -w net.ipv4.conf.sym0.proxy_arp=1',
      'proxy-arp node a -> node b',
    ],
    ['ip link set eth0 mtu 1400', 'ip link set eth0 mtu 1500', 'mtu node a -> node b'],
    [
      "nft delete element ip symphony-c-services services '{ 10.96.0.7 . tcp . 80 }'",
      "nft add element ip symphony-c-services services '{ 10.96.0.7 . tcp . 80 : goto pick-1 }'",
      'balancing node a: service default/web',
    ],
    ['nft delete table ip symphony-c-services', 'true', 'balancing node a: service default/web'],
  ])('after "%s" name that alone', async (breaks, mends, expected) => {
    await place.script(breaks);
    expect(await failures()).toEqual([expected]);
    await place.script(mends);
    if (mends !== 'true') expect(await failures()).toEqual([]);
  });
});
