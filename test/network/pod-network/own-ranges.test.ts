import { expect, it } from 'vitest';
import { readOwnRanges } from '../../../src/network/pod-network/own-ranges.ts';

it('knows routes and ends of tunnels that Symphony has made, so that a start does not refuse them', async () => {
  const answers: Record<string, unknown> = {
    route: [{ dst: '10.244.2.0/24', gateway: '192.168.77.12', protocol: '83' }],
    address: [
      { ifname: 'eth0', addr_info: [{ local: '192.168.77.11', prefixlen: 24 }] },
      { ifname: 'sv-0123456789ab', addr_info: [{ local: '10.244.1.0', prefixlen: 32 }] },
    ],
  };
  const run = async (_program: string, args: readonly string[]) =>
    JSON.stringify(answers[args.find((word) => word in answers) ?? '']);
  expect([...(await readOwnRanges(run))]).toEqual(['10.244.2.0/24', '10.244.1.0/32']);
});

it('knows none without the programs', async () => {
  expect((await readOwnRanges(() => Promise.reject(new Error('ENOENT')))).size).toBe(0);
});
