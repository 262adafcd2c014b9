import { AGE, column, NAME, NONE, tableOf } from '../tables/columns.ts';
import { isRecord } from '../../base/json.ts';
import { asNumber, isAbsent } from '../json-access.ts';
import { controllerOf, parseApiVersion, type KubeObject } from '../object.ts';
import { immutable } from '../validation/metadata.ts';
import { nonNegative } from '../validation/numbers.ts';
import { required } from '../validation/report.ts';
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
  validate: ({ data, revision }) => [
    ...(isRecord(data)
      ? []
      : [required('data', isAbsent(data) ? 'data is mandatory' : 'data must be a valid JSON object')]),
    ...nonNegative(revision, 'revision'),
  ],
  validateUpdate: (next, current) => immutable(next['data'], current['data'], 'data'),
});

function controllerText(object: KubeObject): string {
  const owner = controllerOf(object);
  if (!owner) return NONE;
  const { group } = parseApiVersion(owner.apiVersion);
  return `${owner.kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${owner.name}`;
}
