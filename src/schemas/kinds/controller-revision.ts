import { AGE, column, NAME, NONE, tableOf } from '../tables/columns.ts';
import { asNumber } from '../json-access.ts';
import { controllerOf, parseApiVersion, type KubeObject } from '../object.ts';
import {
  validateControllerRevision,
  validateControllerRevisionUpdate,
} from '../validation/controller-revision.ts';
import { defineKind } from './define-kind.ts';

export const controllerRevisionKind = defineKind({
  group: 'apps',
  kind: 'ControllerRevision',
  applyOrder: 12,
  table: tableOf(
    NAME,
    column('Controller', controllerText),
    column('Revision', ({ revision }) => asNumber(revision) ?? 0),
    AGE,
  ),
  stored: {},
  validate: validateControllerRevision,
  validateUpdate: validateControllerRevisionUpdate,
});

function controllerText(object: KubeObject): string {
  const owner = controllerOf(object);
  if (!owner) return NONE;
  const { group } = parseApiVersion(owner.apiVersion);
  return `${owner.kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${owner.name}`;
}
