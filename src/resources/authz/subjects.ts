/** Subjects of bindings as keys: bindings are found by the keys of the caller. Pure. */
import type { Binding, Subject } from '../../schemas/rbac.ts';
import type { UserInfo } from '../types.ts';

/** Administrators: no role can take anything from them. */
export const MASTERS = 'system:masters';
export const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';

/** `namespace` is that of the binding; a service account without one of its own is in it. */
export function keyOfSubject(subject: Subject, namespace: string | undefined): string | undefined {
  switch (subject.kind) {
    case 'User':
      return `User:${subject.name}`;
    case 'Group':
      return `Group:${subject.name}`;
    case 'ServiceAccount': {
      const own = subject.namespace || namespace;
      return own ? `User:${SERVICE_ACCOUNT_PREFIX}${own}:${subject.name}` : undefined;
    }
    default:
      return undefined;
  }
}

export const keysOfUser = ({ name, groups }: UserInfo): readonly string[] => [
  `User:${name}`,
  ...groups.map((group) => `Group:${group}`),
];

export function keysOfBinding({ metadata, subjects = [] }: Binding): readonly string[] {
  return subjects.flatMap((subject) => keyOfSubject(subject, metadata.namespace) ?? []);
}

/** `ServiceAccount "web/shop"`, `Group "dev"`. */
export function describeSubject({ kind, name, namespace }: Subject, bindingNamespace: string): string {
  if (kind !== 'ServiceAccount') return `${kind} ${JSON.stringify(name)}`;
  return `${kind} ${JSON.stringify(`${name}/${namespace || bindingNamespace}`)}`;
}
