/** Roles (when made) and bindings (to whom what is given). Upstream's columns. */
import type { Binding } from '../../schemas/rbac.ts';
import { since } from './duration.ts';
import { ageColumn, column, nameColumn, type TableFormat, wide } from './types.ts';

export const roleTable: TableFormat = {
  columns: [nameColumn, column('Created At', { type: 'date', description: ageColumn.description })],
  cells: ({ metadata }) => [metadata.name, metadata.creationTimestamp ?? null],
};

export const bindingTable: TableFormat = {
  columns: [nameColumn, column('Role'), ageColumn, wide('Users'), wide('Groups'), wide('ServiceAccounts')],
  cells(object, nowMs) {
    const { metadata, roleRef, subjects = [] } = object as Binding;
    const of = (kind: string): string =>
      subjects
        .filter((subject) => subject.kind === kind)
        .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
        .join(', ');
    return [
      metadata.name,
      `${roleRef.kind}/${roleRef.name}`,
      since(metadata.creationTimestamp, nowMs),
      of('User'),
      of('Group'),
      of('ServiceAccount'),
    ];
  },
};
