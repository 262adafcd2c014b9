import {
  validateControllerRevision,
  validateControllerRevisionUpdate,
} from '../validation/controller-revision.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { defineKind } from './define-kind.ts';

export const controllerRevisionKind = defineKind({
  group: 'apps',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  applyOrder: 12,
  nameRule: dns1123Subdomain,
  stored: {},
  validate: validateControllerRevision,
  validateUpdate: validateControllerRevisionUpdate,
});
