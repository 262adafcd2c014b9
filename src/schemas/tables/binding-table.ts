/** Role bindings of both kinds: the role, and the subjects by their kind. */
import type { Binding } from '../rbac.ts';
import { AGE, column, NAME, tableOf, wide } from './columns.ts';

const subjects =
  (kind: string) =>
  ({ subjects = [] }: Binding): string =>
    subjects
      .filter((subject) => subject.kind === kind)
      .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
      .join(', ');

export const bindingTable = tableOf(
  NAME,
  column('Role', ({ roleRef }: Binding) => `${roleRef.kind}/${roleRef.name}`),
  AGE,
  wide('Users', subjects('User')),
  wide('Groups', subjects('Group')),
  wide('ServiceAccounts', subjects('ServiceAccount')),
);
