import { describe, expect, it } from 'vitest';
import { TransientError, UserError } from '../../../src/base/errors.ts';
import { createForge } from '../../../src/sync/forge/index.ts';
import { parseRepoUrl } from '../../../src/sync/git/git-url.ts';
import { isForbiddenHost } from '../../../src/sync/git/link-local.ts';
import { pinnedAddresses } from '../../../src/sync/git/remote-address.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const HOSTS = [
  ...['169.254.169.254', '0xa9fea9fe', '0XA9FEA9FE', '2852039166', '025177524776', '0xa9.0xfe.0xa9.0xfe'],
  ...['0251.0376.0251.0376', '169.254.43518', '169.16689662', '169.254.169.254.', '0xa9fea9fe.'],
  ...['metadata.google.internal', 'METADATA.google.internal.', '100.100.100.200', '192.0.0.192'],
];
const ADDRESSES = [
  ...['fe80::1', 'fe80::1%eth0', 'febf::1', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::a9fe:a9fe'],
  ...['64:ff9b::169.254.169.254', '2002:a9fe:a9fe::', 'fd00:ec2::254', '::ffff:0:a9fe:a9fe'],
];
const ALLOWED = [
  ...['example.com', '10.0.0.1', '127.0.0.1', '169.253.255.255', '169.255.0.1', '0xa', 'a9fea9fe'],
  ...['::1', 'fc00::1', 'fec0::1', '2001:db8::a9fe:a9fe', '::ffff:10.0.0.1', '169.254.example.com'],
];

describe('a host', () => {
  it.each([...HOSTS, ...ADDRESSES, ...ADDRESSES.map((address) => `[${address}]`)])(
    '%s is refused',
    (host) => {
      expect(isForbiddenHost(host)).toBe(true);
    },
  );

  it.each(ALLOWED)('%s is allowed', (host) => {
    expect(isForbiddenHost(host)).toBe(false);
  });
});

describe('a repository URL', () => {
  const spellings = HOSTS.flatMap((host) => [
    `ssh://${host}/x`,
    `ssh://git@${host}:22/x`,
    `git@${host}:x`,
    `https://${host}/x`,
  ]);
  const encoded = ['ssh://%30xa9fea9fe/x', 'ssh://169%2e254.169.254/x', 'ssh://a%2doProxyCommand/x%zz'];
  const injected = ['ssh://%2doProxyCommand=id/x', 'ssh://%2doX@host/x', 'ssh://a;b/x', 'ssh://größe/x'];
  const broken = ['https://u%zz@host/x', 'file:///a%zz', 'ssh://[fe80::1%25eth0]/x', 'ssh://[fe80::1]/x'];
  it.each([...spellings, ...encoded, ...injected, ...broken, 'https://[::ffff:169.254.169.254]/x'])(
    '%s is refused',
    (url) => {
      expect(() => parseRepoUrl(url, { allowFile: true })).toThrow(UserError);
    },
  );

  it.each([
    'ssh://git@example.com/x',
    'ssh://example.com:2222/x',
    'ssh://me%40corp.com@example.com/x',
    'https://[2001:db8::1]/x',
  ])('%s is allowed', (url) => {
    expect(parseRepoUrl(url, { allowFile: false }).remote).toBe(url);
  });
});

describe('the address of a repository’s host', () => {
  const { signal } = new AbortController();
  const pin = (url: string, ...addresses: string[]) =>
    pinnedAddresses(parseRepoUrl(url, { allowFile: true }), signal, async () => addresses);

  it.each(['https://rebind.example/x', 'ssh://rebind.example/x', 'git@rebind.example:x'])(
    'is refused where %s resolves to a link-local one, even beside another',
    async (url) => {
      await expect(pin(url, '192.0.2.1', '169.254.169.254')).rejects.toThrow(UserError);
      await expect(pin(url, 'fe80::1%2')).rejects.toThrow(UserError);
    },
  );

  it('is the one that was checked, also when the name means another one a moment later', async () => {
    expect(await pin('https://git.example/x', '192.0.2.1', '2001:db8::1')).toEqual({
      'http.curloptResolve': 'git.example:443:192.0.2.1,[2001:db8::1]',
    });
    expect(await pin('https://git.example:8443/x', '192.0.2.1')).toEqual({
      'http.curloptResolve': 'git.example:8443:192.0.2.1',
    });
    expect(await pin('https://192.0.2.1/x')).toEqual({});
    expect(await pin('/srv/x')).toEqual({});
  });

  it('must be known for HTTP; ssh may have another name for it', async () => {
    const unknown = async (): Promise<string[]> => {
      throw new Error('ENOTFOUND');
    };
    const of = (url: string) => pinnedAddresses(parseRepoUrl(url, { allowFile: false }), signal, unknown);
    await expect(of('https://git.example/x')).rejects.toThrow(TransientError);
    expect(await of('git@alias:x')).toEqual({});
  });

  it('is not waited for when nobody wants it any more', async () => {
    const repository = parseRepoUrl('https://git.example/x', { allowFile: false });
    const stop = new AbortController();
    const pinned = pinnedAddresses(repository, stop.signal, () => new Promise(() => undefined));
    stop.abort();
    await expect(pinned).rejects.toThrow();
  });
});

describe('the URL of a forge', () => {
  it.each(['http://169.254.169.254/', 'https://0xa9fea9fe/api', 'ftp://forge.example', 'forge.example'])(
    '%s gets no token',
    (url) => {
      const parts = { token: 't', clock: createFakeClock(), mirrorOf: () => undefined as never };
      const http = () => Promise.reject(new Error('asked'));
      expect(() => createForge({ name: 'gitea', url, http, ...parts })).toThrow('Cannot use --forge-url');
    },
  );
});
