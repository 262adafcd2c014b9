import { expect, it } from 'vitest';
import { assessServer, type ServerFacts } from '../../../src/store/redis/check-server.ts';
import { isLocalTarget, parseRedisUrl } from '../../../src/store/redis/redis-target.ts';

it.each([
  ['redis://host', { type: 'single', host: { host: 'host', port: 6379 }, tls: false, db: 0 }],
  [
    'rediss://user:p%40ss@host:7000/2',
    {
      type: 'single',
      host: { host: 'host', port: 7000 },
      tls: true,
      db: 2,
      username: 'user',
      password: 'p@ss',
    },
  ],
  [
    'redis://:secret@[::1]:6380',
    { type: 'single', host: { host: '::1', port: 6380 }, tls: false, db: 0, password: 'secret' },
  ],
  ['unix:///run/my%20redis.sock?db=3', { type: 'unix', path: '/run/my redis.sock', db: 3 }],
  [
    'redis+sentinel://h1,h2:26380/mymaster/1',
    {
      type: 'sentinel',
      hosts: [
        { host: 'h1', port: 26379 },
        { host: 'h2', port: 26380 },
      ],
      master: 'mymaster',
      tls: false,
      db: 1,
    },
  ],
  [
    'rediss+cluster://:pw@h1,h2:7001',
    {
      type: 'cluster',
      hosts: [
        { host: 'h1', port: 6379 },
        { host: 'h2', port: 7001 },
      ],
      tls: true,
      password: 'pw',
    },
  ],
])('understands %s', (url, target) => {
  expect(parseRedisUrl(url)).toEqual(target);
});

it.each([
  '',
  'host:6379',
  'http://host',
  'redis://',
  'redis://a,b',
  'redis://h:70000',
  'redis://h/x',
  'unix://rel',
  'redis+sentinel://h',
])('refuses "%s"', (url) => {
  expect(() => parseRedisUrl(url)).toThrow('Cannot use the Redis URL');
});

it('never repeats a password in an error', () => {
  expect(() => parseRedisUrl('redis://:canary@/')).toThrow(/^(?!.*canary)/);
});

it('knows which servers nobody else can reach', () => {
  for (const url of ['unix:///a', 'redis://127.0.0.1', 'redis://localhost', 'redis://[::1]']) {
    expect(isLocalTarget(parseRedisUrl(url))).toBe(true);
  }
  for (const url of ['redis://10.0.0.1', 'redis://127.evil.example', 'redis+cluster://localhost,h2']) {
    expect(isLocalTarget(parseRedisUrl(url))).toBe(false);
  }
});

const good: ServerFacts = {
  version: '7.0.15',
  role: 'master',
  mode: 'standalone',
  isClusterUrl: false,
  maxmemoryPolicy: 'noeviction',
  appendonly: true,
  needsPassword: true,
  isLocal: false,
};
it.each<[string, Partial<ServerFacts>, readonly string[]]>([
  ['a good one', {}, []],
  ['an old one', { version: '6.2.1' }, ['refuse version']],
  ['an open one on the network', { needsPassword: false }, ['refuse password']],
  ['an open one on this machine', { needsPassword: false, isLocal: true }, []],
  ['one that evicts', { maxmemoryPolicy: 'allkeys-lru' }, ['refuse eviction']],
  ['one without append-only file', { appendonly: false }, ['warn persistence']],
  ['a replica', { role: 'slave' }, ['refuse role']],
  ['a server of a cluster', { mode: 'cluster' }, ['refuse mode']],
  ['a cluster by its own URL', { mode: 'cluster', isClusterUrl: true }, []],
  ['a Sentinel', { mode: 'sentinel' }, ['refuse mode']],
  ['one that does not tell', { maxmemoryPolicy: undefined, appendonly: undefined }, ['warn unknown']],
])('assesses %s', (_name, facts, problems) => {
  const found = assessServer({ ...good, ...facts });
  expect(found.map(({ severity, code }) => `${severity} ${code}`)).toEqual(problems);
});
