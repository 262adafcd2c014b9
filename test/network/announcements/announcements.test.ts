import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createAnnouncements } from '../../../src/network/announcements/announcements.ts';
import { ANNOUNCED_BY } from '../../../src/schemas/load-balancers.ts';
import { aNode } from '../../support/builders.ts';
import { eventually } from '../../support/kubectl.ts';
import { createNetworkWorld } from '../../support/network-context.ts';
import { aService } from '../../support/services.ts';

const INTERFACES = [{ ifname: 'eth0', addr_info: [{ local: '192.0.2.1', prefixlen: 24 }] }];

it('an address is guarded before the host holds it, and nothing is changed before the API is known', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-announcements-'));
  const done: string[] = [];
  const world = createNetworkWorld({
    nft: { apply: async (text) => void done.push(text), list: async () => '' },
    run: async (program, args, input = '') => {
      if (args.includes('show')) return JSON.stringify(INTERFACES);
      done.push([program, ...args, input].join(' ').trim());
      return '';
    },
  });
  const settings = { ...world.context.settings, directory };
  await using part = createAnnouncements({ ...world.context, settings });
  part.start();
  await eventually('it has looked', async () => world.context.annotations.size > 0);
  expect(done).toEqual([]);

  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.100', ipMode: 'VIP' }] } };
  const spec = { type: 'LoadBalancer' };
  const [here, there] = [aNode({ name: 'host' }), aNode({ name: 'other' })];
  world.feeds.nodes.put(here, there);
  world.feeds.services.put({ ...aService(spec, { annotations: { [ANNOUNCED_BY]: 'host' } }), status });
  world.syncAll();
  await eventually('the neighbours are told', async () => done.some((one) => one.includes('arping')));
  const holds = 'address replace 192.0.2.100/32 dev eth0 valid_lft 60 preferred_lft 60';
  const order = ['192.0.2.100 }', holds, 'busybox arping -U -c 1 -I eth0 192.0.2.100'];
  const places = order.map((text) => done.findIndex((one) => one.includes(text)));
  expect([places.includes(-1), places]).toEqual([false, [...places].sort((a, b) => a - b)]);
  await rm(directory, { recursive: true, force: true });
});
