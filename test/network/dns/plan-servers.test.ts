import { describe, expect, it } from 'vitest';
import {
  MOST_SILENT_MS,
  planServers,
  type SeenServer,
  type ServerPlan,
} from '../../../src/network/dns/process/plan-servers.ts';

const server = (id: string, program: string | undefined, more: Partial<SeenServer> = {}): SeenServer => ({
  id,
  isAlive: true,
  silentMs: 0,
  hello: program === undefined ? undefined : { program, port: 5_300 },
  isReady: true,
  isRetiring: false,
  ...more,
});
const unready = { isReady: false };
const plan = (seen: readonly SeenServer[], led?: string): ServerPlan => planServers('new', seen, led, 5_300);

describe('the DNS servers of a host', () => {
  it.each<[string, readonly SeenServer[], Partial<ServerPlan>]>([
    ['none: one starts at the last port', [], { lead: undefined, start: { port: 5_300 } }],
    ['one that starts: it is waited for', [server('a', undefined)], { lead: undefined, start: undefined }],
    ['one that runs: it leads', [server('a', 'new')], { lead: 'a', start: undefined, retire: [] }],
    [
      'one that knows no names yet: it leads, as nobody knows more',
      [server('a', 'new', unready)],
      { lead: 'a', start: undefined },
    ],
    [
      'one of another program: it leads until its successor runs, which has another port',
      [server('a', 'old')],
      { lead: 'a', start: { port: 0 }, retire: [] },
    ],
    [
      'a successor without names: the other goes on',
      [server('a', 'old'), server('b', 'new', unready)],
      { lead: 'a', start: undefined, retire: [] },
    ],
    [
      'a successor with names: the other retires',
      [server('a', 'old'), server('b', 'new')],
      { lead: 'b', start: undefined, retire: ['a'] },
    ],
    [
      'one that retires already is not told again',
      [server('a', 'old', { isRetiring: true }), server('b', 'new')],
      { lead: 'b', retire: [] },
    ],
    [
      'two of the program: one is enough',
      [server('a', 'new'), server('b', 'new')],
      { lead: 'a', retire: ['b'] },
    ],
    [
      'a dead one: what it left is removed, and another starts',
      [server('a', 'new', { isAlive: false })],
      { lead: undefined, start: { port: 5_300 }, forget: ['a'], kill: [] },
    ],
    [
      'one that hangs: it is killed, and another starts',
      [server('a', 'new', { silentMs: MOST_SILENT_MS + 1 })],
      { lead: undefined, start: { port: 5_300 }, kill: ['a'] },
    ],
  ])('with %s', (_, seen, expected) => {
    expect(plan(seen)).toMatchObject(expected);
  });

  it('keep the one that leads', () => {
    expect(plan([server('a', 'new'), server('b', 'new')], 'b')).toMatchObject({ lead: 'b', retire: ['a'] });
  });
});
