/** Our rules in the firewall of a real kernel, beside those of Docker and of people, and their removal. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScope } from '../../../src/base/scope.ts';
import { createNft } from '../../../src/network/nft/nft.ts';
import { createTableState } from '../../../src/network/nft/table-state.ts';
import { ensureFirewall } from '../../../src/network/pod-network/firewall.ts';
import { parseFirewall, planFirewall } from '../../../src/network/pod-network/plan-firewall.ts';
import { podTable } from '../../../src/network/pod-network/plan-pod-table.ts';
import { removeNetwork } from '../../../src/network/remove-network.ts';
import type { RunProgram } from '../../../src/network/run-program.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';
import { programsOf } from '../../support/testbed/programs.ts';

const CLUSTER = '0123456789ab';
const clusterCidr = '10.244.0.0/16';
const settings = {
  ...{ chain: `SYMPHONY-${CLUSTER}`, clusterCidr, bridge: 'sy-test' },
  uplinks: ['eth0', `sv-${CLUSTER}`],
};
const scope = createScope();
let host: Place;
let run: RunProgram;

beforeAll(async () => {
  host = scope.use(await startPlace({ name: 'host' }));
  run = programsOf(host);
  await host.script(`
    ip link add sy-test type bridge
    ip link set sy-test up
    ip address add 10.244.0.1/16 dev sy-test
    ip link add eth0 type veth peer name far
    ip address add 192.168.77.11/24 dev eth0
    ip link set eth0 up
    ip link set far up
    iptables -P FORWARD DROP
    iptables -N DOCKER-USER
    iptables -A FORWARD -j DOCKER-USER
    iptables -A DOCKER-USER -s 203.0.113.0/24 -j DROP
    iptables -A DOCKER-USER -j RETURN
    iptables -t raw -A PREROUTING -d 10.244.1.2/32 ! -i sy-test -j DROP`);
});
afterAll(() => scope[Symbol.asyncDispose]());

const traces = async (): Promise<string> =>
  (await host.script('ip route; ip -oneline link; iptables-save; nft list ruleset')).replace(
    /^#.*$|\[\d+:\d+\]/gm,
    '',
  );
const missing = async () => planFirewall(parseFirewall(await run('iptables-save', [])), settings);

describe('the firewall', () => {
  it.each([
    ['has all rules as we write them', 'true'],
    [
      'gets them again when Docker makes its chain anew',
      'iptables -F DOCKER-USER; iptables -A DOCKER-USER -j RETURN',
    ],
    ['gets them again when all is flushed', 'iptables -F'],
    ['gets them again when somebody takes one', `iptables -D SYMPHONY-${CLUSTER} 1`],
  ])('%s', async (_name, script) => {
    await host.script(script);
    await ensureFirewall(settings, run);
    expect(await missing()).toBeUndefined();
  });

  it('keeps rules of people that come later', async () => {
    await host.script('iptables -I DOCKER-USER 1 -s 198.51.100.0/24 -j DROP');
    expect(await missing()).toBeUndefined();
    await host.script('iptables -D DOCKER-USER 1');
  });
});

it('a removal takes all of one cluster, half of it, and nothing else', async () => {
  const tableOf = (cluster: string) => podTable({ cluster, clusterCidr, bridge: 'sy-test' });
  await removeNetwork({ cluster: CLUSTER, clusterCidr }, run);
  await createNft(run).apply(createTableState(tableOf('ffffffffffff')).takeWhole());
  await host.script('ip route add 10.245.2.0/24 via 192.168.77.12 proto 83');
  const before = await traces();
  await ensureFirewall(settings, run);
  await createNft(run).apply(createTableState(tableOf(CLUSTER)).takeWhole());
  await host.script('ip route add 10.244.2.0/24 via 192.168.77.12 proto 83');
  expect(await removeNetwork({ cluster: CLUSTER, clusterCidr }, run)).toHaveLength(3);
  expect(await traces()).toBe(before);
  await ensureFirewall(settings, run);
  expect(await removeNetwork({ cluster: CLUSTER, clusterCidr: undefined }, run)).toHaveLength(1);
  expect(await removeNetwork({ cluster: CLUSTER, clusterCidr }, run)).toEqual([]);
  expect(await traces()).toBe(before);
});
