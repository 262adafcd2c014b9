import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { canonicalRepoUrl, parseRepoUrl, redactCredentials } from '../../../src/sync/git/git-url.ts';

describe('a repository URL', () => {
  it.each([
    'ext::sh -c id',
    '-oProxyCommand=id',
    '--upload-pack=id',
    'http://example.com/a.git',
    'git://example.com/a.git',
    'ftp://example.com/a',
    'https://169.254.169.254/latest',
    'https://[fe80::1]/a',
    'http://metadata.google.internal/a',
    'ssh://-oProxyCommand=id/a',
    'git@-host:a/b',
    'relative/path',
    '../up',
    'https://a b/c',
    'fd::17',
    '',
  ])('is refused: %j', (url) => {
    expect(() => parseRepoUrl(url, { allowFile: true })).toThrow(UserError);
  });

  it('may name a local path only where that is enabled', () => {
    expect(parseRepoUrl('/srv/repo.git', { allowFile: true })).toMatchObject({ transport: 'file' });
    expect(() => parseRepoUrl('/srv/repo.git', { allowFile: false })).toThrow('not enabled');
    expect(() => parseRepoUrl('file:///srv/repo.git', { allowFile: false })).toThrow('not enabled');
  });

  it('keeps its credentials out of what git is given and out of errors', () => {
    const parsed = parseRepoUrl('https://bot:c4nary@example.com/a.git', { allowFile: false });
    expect(parsed).toEqual({
      transport: 'https',
      remote: 'https://example.com/a.git',
      host: 'example.com',
      username: 'bot',
      password: 'c4nary',
    });
    expect(() => parseRepoUrl('ftp://bot:c4nary@example.com/a', { allowFile: false })).toThrow(
      /^(?!.*c4nary)/,
    );
    expect(redactCredentials('fatal: https://u:c4nary@h/x denied')).not.toContain('c4nary');
  });

  it.each([
    'https://github.com/acme/shop',
    'https://github.com/acme/shop.git',
    'https://user:token@github.com/Acme/Shop/',
    'git@github.com:acme/shop.git',
    'ssh://git@github.com/acme/shop.git',
    'ssh://git@github.com:22/acme/shop',
  ])('%s is one and the same repository', (url) => {
    expect(canonicalRepoUrl(url)).toBe('github.com/acme/shop');
  });
});
