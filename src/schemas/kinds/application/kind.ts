import { type Cell, column, NAME, tableOf } from '../../tables/columns.ts';
import { getPath } from '../../json-access.ts';
import type { Application } from '../../types.ts';
import type { KubeObject } from '../../object.ts';
import { applicationFields } from './fields.ts';
import { validateApplication } from './validation.ts';
import { defineKind } from '../define-kind.ts';

/** The priority that Argo CD's resource definition gives its wide columns. */
const WIDE = { priority: 10 };

const textOrNull =
  (...path: readonly string[]) =>
  ({ status }: KubeObject): Cell => {
    const value = getPath(status, ...path);
    return typeof value === 'string' ? value : null;
  };

/**
 * Argo CD's Application. Unlike there, `status` is a subresource: the repository's copy of an
 * object can never overwrite what the system observed.
 */
export const applicationKind = defineKind({
  group: 'argoproj.io',
  version: 'v1alpha1',
  kind: 'Application',
  shortNames: ['app', 'apps'],
  subresources: ['status'],
  applyOrder: 200,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Sync Status', textOrNull('sync', 'status')),
    column('Health Status', textOrNull('health', 'status')),
    column('Revision', textOrNull('sync', 'revision'), WIDE),
    column('Project', ({ spec }: Application) => spec.project ?? 'default', WIDE),
  ),
  fields: applicationFields,
  // A custom resource for Argo CD, whose own finalizer has no domain.
  anyFinalizer: true,
  initialStatus: () => undefined,
  validate: validateApplication,
});
