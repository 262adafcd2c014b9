/** Argo CD's printer columns for Applications. */
import { isRecord } from '../../base/json.ts';
import type { Application } from '../../schemas/types.ts';
import { type Cell, column, nameColumn, type TableFormat } from './types.ts';

/** The priority that Argo CD's resource definition gives its wide columns. */
const WIDE = 10;

export const applicationTable: TableFormat = {
  columns: [
    nameColumn,
    column('Sync Status'),
    column('Health Status'),
    column('Revision', { priority: WIDE }),
    column('Project', { priority: WIDE }),
  ],
  cells(object) {
    const { metadata, spec, status } = object as Application;
    const field = (section: string, name: string): Cell => {
      const part = status?.[section];
      const value = isRecord(part) ? part[name] : undefined;
      return typeof value === 'string' ? value : null;
    };
    return [
      metadata.name,
      field('sync', 'status'),
      field('health', 'status'),
      field('sync', 'revision'),
      spec.project ?? 'default',
    ];
  },
};
