import { describe, expect, it } from 'vitest';
import { impersonationOf } from '../../../src/resources/authz/impersonation.ts';

const asked = (rawHeaders: readonly string[]): readonly string[] | undefined =>
  impersonationOf(rawHeaders)?.asked.map(({ group, resource, subresource, namespace, name }) =>
    [group, resource, subresource, namespace, name].filter((part) => part !== undefined).join(' '),
  );

describe('impersonation', () => {
  it('is nothing where no header asks for it', () => {
    expect(impersonationOf(['Accept', 'application/json'])).toBeUndefined();
  });

  it('asks for every part on its own', () => {
    const headers = ['Impersonate-User', 'bob', 'impersonate-group', 'a,b', 'Impersonate-Group', 'c'];
    expect(asked([...headers, 'Impersonate-Uid', '7', 'Impersonate-Extra-Scopes', 'x'])).toEqual([
      ' users bob',
      ' groups a,b',
      ' groups c',
      'authentication.k8s.io uids 7',
      'authentication.k8s.io userextras scopes x',
    ]);
  });

  it('makes the user of the headers, authenticated', () => {
    const headers = ['Impersonate-User', 'bob', 'Impersonate-Group', 'dev', 'Impersonate-Extra-Scopes', 'a'];
    expect(impersonationOf(headers)?.user).toEqual({
      name: 'bob',
      groups: ['dev', 'system:authenticated'],
      extra: { scopes: ['a'] },
    });
  });

  it('gives a service account its groups, unless others are named', () => {
    const user = 'system:serviceaccount:shop:web';
    expect(asked(['Impersonate-User', user])).toEqual([' serviceaccounts shop web']);
    expect(impersonationOf(['Impersonate-User', user])?.user.groups).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:shop',
      'system:authenticated',
    ]);
    expect(impersonationOf(['Impersonate-User', user, 'Impersonate-Group', 'g'])?.user.groups).toEqual([
      'g',
      'system:authenticated',
    ]);
  });

  it('does not make the anonymous user an authenticated one', () => {
    expect(impersonationOf(['Impersonate-User', 'system:anonymous'])?.user.groups).toEqual([
      'system:unauthenticated',
    ]);
  });

  it('reads keys that are percent-encoded, and those that are not', () => {
    const extra = (key: string): unknown =>
      impersonationOf(['Impersonate-User', 'u', `Impersonate-Extra-${key}`, 'v'])?.user.extra;
    expect(extra('acme.com%2fproject')).toEqual({ 'acme.com/project': ['v'] });
    expect(extra('50%')).toEqual({ '50%': ['v'] });
  });

  it.each(['Impersonate-Group', 'Impersonate-Uid', 'Impersonate-Extra-a'])(
    'is refused with %s and no user',
    (header) => expect(() => impersonationOf([header, 'x'])).toThrow(/without a user/),
  );
});
