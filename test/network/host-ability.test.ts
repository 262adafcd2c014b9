import { expect, it } from 'vitest';
import { type HostAbilityOptions, whyHostPortsOnly } from '../../src/network/host-ability.ts';

const why = (over: Partial<HostAbilityOptions> = {}, broken = 'nothing') =>
  whyHostPortsOnly({
    mode: 'auto',
    dockerHost: 'unix:///run/docker.sock',
    bridge: 'sy-1',
    readStatus: async () => 'Name:\tnode\nCapEff:\t000001ffffffffff\n',
    run: async (program, args) => {
      if ([program, ...args].join(' ').includes(broken)) throw new Error(`no ${program}`);
      return '';
    },
    ...over,
  });

it('is whole as root, beside an engine, with the programs of the network', async () => {
  expect(await why()).toBeUndefined();
});

it.each<[string, Partial<HostAbilityOptions>, string | undefined, string]>([
  ['on request', { mode: 'none' }, undefined, '--network=none'],
  [
    'for an engine elsewhere',
    { dockerHost: 'tcp://10.0.0.1:2375' },
    undefined,
    'Start an agent on that machine',
  ],
  ['without root', { readStatus: async () => 'CapEff:\t0000000000000000\n' }, undefined, 'NET_ADMIN'],
  ['without proc', { readStatus: () => Promise.reject(new Error('ENOENT')) }, undefined, 'NET_ADMIN'],
  ['without nft', {}, 'nft list', 'Debian: nftables'],
  ['without iproute2', {}, 'bridge -V', 'Debian: iproute2'],
  ['in a container', {}, 'link show', '--network host'],
])('is the ports of the host %s, and says how to mend it', async (_name, over, broken, text) => {
  const found = await why(over, broken);
  expect(found).toContain('Pods here have the ports of the host alone');
  expect(found).toContain(text);
});

it('does not look for a bridge that an engine that is away has not made yet', async () => {
  expect(await why({ bridge: undefined }, 'link show')).toBeUndefined();
});
