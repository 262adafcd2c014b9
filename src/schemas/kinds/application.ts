import { dns1123Subdomain } from '../validation/names.ts';
import { validateApplication } from '../validation/application.ts';
import { defineKind } from './define-kind.ts';

/**
 * Argo CD's Application. Unlike there, `status` is a subresource: the repository's copy of an object can never
 * overwrite what the system observed.
 */
export const applicationKind = defineKind({
  group: 'argoproj.io',
  version: 'v1alpha1',
  kind: 'Application',
  plural: 'applications',
  shortNames: ['app', 'apps'],
  subresources: ['status'],
  applyOrder: 200,
  countsGeneration: true,
  nameRule: dns1123Subdomain,
  // A custom resource for Argo CD, whose own finalizer has no domain.
  anyFinalizer: true,
  initialStatus: () => undefined,
  validate: validateApplication,
});
