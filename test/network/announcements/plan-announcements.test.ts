import { describe, expect, it } from 'vitest';
import {
  type AnnouncementsInput,
  networksOf,
  planAnnouncements,
  wantedAddresses,
} from '../../../src/network/announcements/plan-announcements.ts';
import { createNeighbourNews } from '../../../src/network/announcements/neighbour-news.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { ANNOUNCED_BY } from '../../../src/schemas/load-balancers.ts';
import { aService } from '../../support/services.ts';

const on = (device: string, address: string, prefix = 24) => ({ device, address, prefix });
const VIP = '192.0.2.100';
const held = (address = VIP, device = 'eth0') => ({ address, device });

const plan = (facts: Partial<AnnouncementsInput> = {}) =>
  planAnnouncements({
    wanted: [VIP],
    held: [],
    observed: [on('lo', '127.0.0.1', 8), on('eth0', '192.0.2.1')],
    hostAddress: '192.0.2.1',
    bridge: 'sy-br',
    ...facts,
  });

describe('the addresses that a host answers for', () => {
  it('are those of load balancers that name one of its nodes', () => {
    const ingress = [
      { ip: VIP, ipMode: 'VIP' },
      { ip: '192.0.2.101', ipMode: 'Proxy' },
      { ip: 'fd00::1', ipMode: 'VIP' },
      { hostname: 'lb.example' },
    ];
    const balancer = (node: string, type = 'LoadBalancer') => ({
      ...aService({ type }, { annotations: { [ANNOUNCED_BY]: node } }),
      status: { loadBalancer: { ingress } },
    });
    const services = [
      ['default/web', balancer('b')],
      ['default/else', balancer('c')],
      ['default/plain', balancer('b', 'ClusterIP')],
    ] as const;
    expect([...wantedAddresses(services, new Set(['a', 'b']))]).toEqual([[VIP, 'default/web']]);
  });

  it('are on the interface whose network has them', () => {
    expect(plan()).toEqual({
      held: [held()],
      remove: [],
      announced: [held()],
      fresh: [held()],
      unplaced: [],
    });
  });

  it.each<[string, readonly ReturnType<typeof on>[], string]>([
    ["the host's own", [on('eth1', '192.0.2.2', 25), on('eth0', '192.0.2.1')], 'eth0'],
    [
      'the narrowest',
      [on('eth1', '192.0.0.1', 16), on('eth2', '192.0.2.3', 25), on('eth0', '192.0.2.9')],
      'eth2',
    ],
    [
      "none of containers'",
      [
        on('docker0', '192.0.2.3', 25),
        on('br-0123456789ab', '192.0.2.4'),
        on('sy-br', '192.0.2.5'),
        on('eth3', '192.0.2.7'),
      ],
      'eth3',
    ],
    [
      'none that is one address alone',
      [on('eth1', VIP.replace('100', '99'), 32), on('eth0', '192.0.2.9')],
      'eth0',
    ],
  ])('are in the network that fits best: %s', (_, observed, device) => {
    expect(plan({ observed }).held).toEqual([held(VIP, device)]);
  });

  it('stay out of interfaces where no network has them', () => {
    const routed = plan({ observed: [on('eth0', '198.51.100.1')] });
    expect([routed.held, routed.announced, routed.unplaced]).toEqual([[], [], [VIP]]);
  });

  it('are not new when the kernel has them already', () => {
    const observed = [on('eth0', '192.0.2.1'), on('eth0', VIP, 32)];
    expect(plan({ observed, held: [held()] })).toMatchObject({ held: [held()], fresh: [], remove: [] });
  });

  it('are taken away when others answer for them, and what is recorded but gone is forgotten', () => {
    const observed = [on('eth0', '192.0.2.1'), on('eth0', VIP, 32)];
    const gone = plan({ observed, wanted: [], held: [held(), held('192.0.2.101')] });
    expect(gone).toMatchObject({ remove: [held()], held: [held()], announced: [] });
  });

  it("are somebody else's where nobody recorded them: told of, and never taken away", () => {
    const observed = [on('eth0', '192.0.2.1'), on('eth0', VIP, 32)];
    expect(plan({ observed })).toMatchObject({ held: [], remove: [], announced: [held()] });
    expect(plan({ observed, wanted: [] })).toMatchObject({ held: [], remove: [] });
  });

  it('move with the network to another interface', () => {
    const observed = [on('eth1', '192.0.2.1'), on('eth0', VIP, 32)];
    expect(plan({ observed, held: [held()] })).toMatchObject({
      remove: [held()],
      fresh: [held(VIP, 'eth1')],
      held: [held(VIP, 'eth1'), held()],
    });
  });

  it('are in networks that are said without their hosts', () => {
    const observed = [on('eth0', '192.0.2.77', 26), on('docker0', '172.17.0.1', 16)];
    expect(networksOf({ observed, hostAddress: '', bridge: '' })).toEqual([
      { cidr: '192.0.2.64/26', device: 'eth0' },
    ]);
  });
});

describe('news for the neighbours', () => {
  const addresses = Array.from({ length: 30 }, (_, index) => held(`192.0.2.${index + 1}`));
  function start(fails: (program: string) => boolean = () => false) {
    const told: string[] = [];
    const programs: string[] = [];
    const news = createNeighbourNews(async (program, args) => {
      programs.push(program);
      if (fails(program)) throw new Error(`spawn ${program} ENOENT`);
      told.push(args.at(-1) ?? '');
      return '';
    }, silentLogger);
    return { news, told, programs };
  }
  const idle = async (told: readonly string[], count: number) => {
    for (let turn = 0; told.length < count && turn < 1_000; turn += 1) await Promise.resolve();
  };

  it('tell of all new addresses, and in each round of some others until all were told', async () => {
    const { news, told } = start();
    news.tell(addresses, addresses);
    await idle(told, 30);
    expect(new Set(told).size).toBe(30);
    told.length = 0;
    for (let round = 0; round < 4; round += 1) {
      news.tell([], addresses);
      await idle(told, 8 * (round + 1));
    }
    expect([told.length, new Set(told).size]).toEqual([32, 30]);
  });

  it('keep new addresses of a round before that were not told yet, unless they are gone', async () => {
    const { news, told } = start();
    news.tell(addresses.slice(0, 20), addresses.slice(0, 20));
    news.tell([], addresses.slice(0, 10));
    await idle(told, 10);
    expect(new Set(told)).toEqual(new Set(addresses.slice(0, 10).map(({ address }) => address)));
  });

  it('take the program that is there', async () => {
    const { news, told, programs } = start((program) => program === 'busybox');
    news.tell(addresses.slice(0, 2), addresses.slice(0, 2));
    await idle(told, 2);
    expect(programs).toEqual(['busybox', 'arping', 'arping']);
  });
});
