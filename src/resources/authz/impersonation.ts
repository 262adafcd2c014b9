/**
 * Acting as another user (`kubectl --as`): the user that the headers name, and the rights that this
 * takes. Pure. The verb `impersonate` is needed for each part on its own: the user, each group, the
 * uid, each extra value.
 */
import { badRequest } from '../../schemas/errors/status.ts';
import type { UserInfo } from '../types.ts';
import { SERVICE_ACCOUNT_PREFIX } from './subjects.ts';
import type { ResourceAttributes } from './types.ts';

export interface Impersonation {
  readonly user: UserInfo;
  readonly asked: readonly ResourceAttributes[];
}

const AUTHENTICATION = 'authentication.k8s.io';
const EXTRA = 'impersonate-extra-';
const ANONYMOUS = 'system:anonymous';
const AUTHENTICATED = 'system:authenticated';
const UNAUTHENTICATED = 'system:unauthenticated';

/** Whether {@link impersonationOf} finds anything: nearly no request has such a header. */
export const impersonates = (rawHeaders: readonly string[]): boolean =>
  rawHeaders.some((text, index) => index % 2 === 0 && PREFIX.test(text));

const PREFIX = /^impersonate-/i;

/** `rawHeaders` as Node gives them: names and values in turn, repeated headers apart. */
export function impersonationOf(rawHeaders: readonly string[]): Impersonation | undefined {
  let name = '';
  let uid = '';
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const header = (rawHeaders[at] ?? '').toLowerCase();
    if (!header.startsWith('impersonate-')) continue;
    const value = rawHeaders[at + 1] ?? '';
    if (header === 'impersonate-user') name = value;
    else if (header === 'impersonate-uid') uid = value;
    else if (header === 'impersonate-group') groups.push(value);
    else if (header.startsWith(EXTRA)) {
      const key = decoded(header.slice(EXTRA.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    }
  }
  if (name === '') {
    if (uid === '' && groups.length === 0 && extra.size === 0) return undefined;
    throw badRequest('groups, a uid or extra fields are impersonated without a user');
  }
  const account = serviceAccountOf(name);
  const asked = [
    account
      ? { ...ask('', 'serviceaccounts', account.name), namespace: account.namespace }
      : ask('', 'users', name),
    ...groups.map((group) => ask('', 'groups', group)),
    ...(uid === '' ? [] : [ask(AUTHENTICATION, 'uids', uid)]),
    ...[...extra].flatMap(([key, values]) =>
      values.map((value) => ({ ...ask(AUTHENTICATION, 'userextras', value), subresource: key })),
    ),
  ];
  return {
    asked,
    user: {
      name,
      groups: groupsOf(name, groups, account?.namespace),
      ...(uid === '' ? {} : { uid }),
      ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
    },
  };
}

const ask = (group: string, resource: string, name: string): ResourceAttributes => ({
  verb: 'impersonate',
  group,
  resource,
  subresource: undefined,
  namespace: undefined,
  name,
  fieldSelector: undefined,
});

/** A service account has its own groups unless others are named. */
function groupsOf(name: string, given: readonly string[], namespace: string | undefined): readonly string[] {
  const groups =
    namespace !== undefined && given.length === 0
      ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
      : [...given];
  if (groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED)) return groups;
  return [...groups, name === ANONYMOUS ? UNAUTHENTICATED : AUTHENTICATED];
}

function serviceAccountOf(name: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!name.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const parts = name.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  const [namespace = '', account = ''] = parts;
  return parts.length === 2 && namespace !== '' && account !== '' ? { namespace, name: account } : undefined;
}

/** Keys that no header can carry are percent-encoded; what is not, is meant as it is. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
