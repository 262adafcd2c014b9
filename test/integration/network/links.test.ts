/** Links between hosts in real kernels: on one layer 2 and behind a router. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScope, type Scope } from '../../../src/base/scope.ts';
import { ensureLinks } from '../../../src/network/pod-network/links.ts';
import { type NetworkMode, planLinks } from '../../../src/network/pod-network/plan-links.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';
import { programsOf } from '../../support/testbed/programs.ts';
import { startSwitch, type Subnets, type Switch } from '../../support/testbed/switch.ts';

const SETTINGS = { device: 'vx-test', networkId: 7, clusterCidr: '10.244.0.0/16' };
const NONE = { ip: [], bridge: [], problems: [] };

describe.each<[NetworkMode, Subnets, string]>([
  ['auto', 'one', 'with routes'],
  ['vxlan', 'one', 'through VXLAN'],
  ['auto', 'each', 'through VXLAN, behind a router'],
])('%s, %s: pods reach pods of other hosts %s', (mode, subnets, how) => {
  let scope: Scope;
  let network: Switch;
  let hosts: readonly Place[];

  beforeAll(async () => {
    scope = createScope();
    network = scope.use(await startSwitch(subnets));
    hosts = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const place = scope.use(await startPlace({ name: `h${number}` }));
        await network.plug({ place, number });
        // An address of a pod, in short.
        await place.script(
          `ip link add br0 type bridge; ip link set br0 up; ip address add 10.244.${number}.5/24 dev br0`,
        );
        return place;
      }),
    );
  });
  afterAll(() => scope[Symbol.asyncDispose]());

  const peer = (number: number) => ({
    address: network.addressOf(number),
    names: [`h${number}`],
    podCidrs: [`10.244.${number}.0/24`],
  });

  function ensure(number: number, others: readonly number[], as: NetworkMode = mode) {
    const onLink = [`${network.addressOf(number).replace(/\d+$/, '0')}/24`];
    const links = planLinks({ mode: as, own: peer(number), peers: others.map(peer), onLink });
    return ensureLinks(links, SETTINGS, 1_500, programsOf(hosts[number - 1]!));
  }
  const reaches = async (from: number, to: number): Promise<boolean> => {
    const ping = ['busybox', 'ping', '-c', '1', '-W', '2', '-I', `10.244.${from}.5`, `10.244.${to}.5`];
    return (await hosts[from - 1]!.run(...ping)).code === 0;
  };

  it('as soon as both hosts have them', async () => {
    await Promise.all([1, 2, 3].map((number) => ensure(number, [1, 2, 3])));
    expect(await Promise.all([reaches(1, 2), reaches(2, 3), reaches(3, 1)])).toEqual([true, true, true]);
    const tunnels = await hosts[0]!.must('ip', '-json', 'link', 'show', 'type', 'vxlan');
    expect(tunnels.includes('vx-test')).toBe(how.includes('VXLAN'));
  });

  it('and nothing is done again', async () => {
    for (const number of [1, 2, 3]) expect(await ensure(number, [1, 2, 3])).toEqual(NONE);
  });

  it('also when somebody has removed a part of them', async () => {
    await hosts[0]!.run('ip', 'link', 'delete', 'vx-test');
    await hosts[0]!.run('ip', 'route', 'delete', '10.244.2.0/24');
    expect(await ensure(1, [1, 2, 3])).not.toEqual(NONE);
    expect(await Promise.all([reaches(1, 2), reaches(1, 3)])).toEqual([true, true]);
  });

  it('until the other host is gone', async () => {
    await ensure(1, [1, 2]);
    expect(await Promise.all([reaches(1, 2), reaches(1, 3)])).toEqual([true, false]);
    expect(await ensure(1, [1, 2])).toEqual(NONE);
  });

  it('and without a network nothing of them is left', async () => {
    await hosts[0]!.must(
      'ip',
      'route',
      'add',
      '203.0.113.0/24',
      'via',
      network.addressOf(1).replace(/\d+$/, '1'),
    );
    const routes = () => hosts[0]!.must('ip', 'route', 'show');
    await ensure(1, [1, 2, 3], 'none');
    expect(await routes()).not.toContain('10.244.2.0');
    expect(await routes()).toContain('203.0.113.0/24');
    expect(await hosts[0]!.must('ip', 'link')).not.toContain('vx-test');
  });
});
