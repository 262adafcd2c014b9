import { describe, expect, it } from 'vitest';
import {
  parseFirewall,
  planFirewall,
  planFirewallRemoval,
} from '../../../src/network/pod-network/plan-firewall.ts';

const settings = {
  chain: 'SYMPHONY-abc',
  clusterCidr: '10.244.0.0/16',
  bridge: 'sy-abc',
  uplinks: ['eth0'],
};
const OURS = [
  '-A SYMPHONY-abc -d 10.244.0.0/16 -i sy-abc -j ACCEPT',
  '-A SYMPHONY-abc -s 10.244.0.0/16 -o sy-abc -j ACCEPT',
  '-A SYMPHONY-abc -i eth0 -o sy-abc -j ACCEPT',
  '-A SYMPHONY-abc -o sy-abc -m conntrack --ctstate DNAT -j ACCEPT',
  '-A SYMPHONY-abc -i sy-abc -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
];
const filter = (...lines: readonly string[]): string =>
  ['# Generated', '*filter', ':INPUT ACCEPT [1:2]', ':FORWARD DROP [0:0]', ...lines, 'COMMIT', ''].join('\n');
const DOCKER = [':DOCKER-USER - [0:0]', '-A FORWARD -j DOCKER-USER', '-A FORWARD -o docker0 -j DOCKER'];
const plan = (saved: string) => planFirewall(parseFirewall(saved), settings)?.split('\n').filter(Boolean);
const MADE = ['*filter', ':SYMPHONY-abc - [0:0]', ...OURS];

describe('the firewall of a host', () => {
  it('lets pods through before Docker decides', () => {
    expect(plan(filter(...DOCKER, '-A DOCKER-USER -j RETURN'))).toEqual([
      ...MADE,
      '-I DOCKER-USER 1 -j SYMPHONY-abc',
      'COMMIT',
    ]);
    expect(plan(filter(...DOCKER))?.at(-2)).toBe('-I DOCKER-USER 1 -j SYMPHONY-abc');
  });

  it('keeps the rules of people first', () => {
    const theirs = '-A DOCKER-USER -s 203.0.113.0/24 -j DROP';
    expect(plan(filter(...DOCKER, theirs, '-A DOCKER-USER -j RETURN'))?.at(-2)).toBe(
      '-I DOCKER-USER 2 -j SYMPHONY-abc',
    );
  });

  const hooked = (...rules: readonly string[]): string =>
    filter(...DOCKER, ':SYMPHONY-abc - [0:0]', ...rules, ...OURS);

  it('is left alone when it is right, wherever the hook is', () => {
    expect(plan(hooked('-A DOCKER-USER -j SYMPHONY-abc', '-A DOCKER-USER -j RETURN'))).toBeUndefined();
    expect(
      plan(hooked('-A DOCKER-USER -j SYMPHONY-abc', '-A DOCKER-USER -s 1.2.3.4/32 -j DROP')),
    ).toBeUndefined();
    expect(plan(hooked('-A DOCKER-USER -j SYMPHONY-abc'))).toBeUndefined();
  });

  it('gets its hook again when Docker has made its chain anew, or a rule behind which nothing counts', () => {
    expect(plan(hooked('-A DOCKER-USER -j RETURN'))).toEqual([
      '*filter',
      '-I DOCKER-USER 1 -j SYMPHONY-abc',
      'COMMIT',
    ]);
    expect(plan(hooked('-A DOCKER-USER -j RETURN', '-A DOCKER-USER -j SYMPHONY-abc'))).toEqual([
      '*filter',
      '-D DOCKER-USER -j SYMPHONY-abc',
      '-I DOCKER-USER 1 -j SYMPHONY-abc',
      'COMMIT',
    ]);
  });

  it('has one hook: not two, and none in FORWARD once Docker is there', () => {
    const twice = hooked('-A DOCKER-USER -j SYMPHONY-abc', '-A DOCKER-USER -j SYMPHONY-abc');
    expect(plan(twice)?.filter((line) => line.startsWith('-D'))).toHaveLength(2);
    expect(plan(hooked('-A FORWARD -j SYMPHONY-abc'))).toContain('-D FORWARD -j SYMPHONY-abc');
  });

  it('has its chain filled again', () => {
    const emptied = filter(...DOCKER, ':SYMPHONY-abc - [0:0]', '-A DOCKER-USER -j SYMPHONY-abc');
    expect(plan(emptied)).toEqual([...MADE, 'COMMIT']);
  });

  it('without Docker has the hook in FORWARD, and none where nobody uses iptables', () => {
    expect(plan(filter('-A FORWARD -j ufw-before-forward'))?.at(-2)).toBe('-I FORWARD 1 -j SYMPHONY-abc');
    expect(plan('')).toBeUndefined();
  });

  it('of Docker 28 lets packets to pods in that it drops for other interfaces', () => {
    const raw = [
      ...['*raw', ':PREROUTING ACCEPT [0:0]', '-A PREROUTING -d 10.244.1.2/32 ! -i sy-abc -j DROP'],
      ...['-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP', 'COMMIT', ''],
    ].join('\n');
    const all = raw + hooked('-A DOCKER-USER -j SYMPHONY-abc');
    expect(plan(all)).toEqual([
      '*raw',
      ':SYMPHONY-abc - [0:0]',
      '-A SYMPHONY-abc -s 10.244.0.0/16 -d 10.244.0.0/16 -j ACCEPT',
      '-A SYMPHONY-abc -d 10.244.0.0/16 -i eth0 -j ACCEPT',
      '-I PREROUTING 1 -j SYMPHONY-abc',
      'COMMIT',
    ]);
    expect(plan(all.replaceAll('10.244.1.2', '172.18.0.2'))).toBeUndefined();
  });
});

describe('its removal', () => {
  const remove = (saved: string) => planFirewallRemoval(parseFirewall(saved), 'SYMPHONY-abc');

  it('takes hook and chain, and nothing of another cluster', () => {
    const other = [':SYMPHONY-abcd - [0:0]', '-A DOCKER-USER -j SYMPHONY-abcd'];
    const saved = filter(
      ...DOCKER,
      ':SYMPHONY-abc - [0:0]',
      ...other,
      '-A DOCKER-USER -j SYMPHONY-abc',
      ...OURS,
    );
    expect(remove(saved)).toBe(
      '*filter\n-D DOCKER-USER -j SYMPHONY-abc\n-F SYMPHONY-abc\n-X SYMPHONY-abc\nCOMMIT\n',
    );
    expect(remove(filter(...DOCKER, ...other))).toBeUndefined();
  });

  it('takes what is left when half is gone', () => {
    expect(remove(filter(...DOCKER, ':SYMPHONY-abc - [0:0]'))).toBe(
      '*filter\n-F SYMPHONY-abc\n-X SYMPHONY-abc\nCOMMIT\n',
    );
  });
});
