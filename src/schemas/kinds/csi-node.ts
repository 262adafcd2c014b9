import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { asList, asRecord } from '../json-access.ts';
import { validateCsiNode, validateCsiNodeUpdate } from '../validation/csi.ts';
import { defineKind } from './define-kind.ts';

export const csiNodeKind = defineKind({
  group: 'storage.k8s.io',
  kind: 'CSINode',
  namespaced: false,
  applyOrder: 60,
  table: tableOf(
    NAME,
    column('Drivers', ({ spec }) => asList(asRecord(spec)['drivers']).length, { type: 'integer' }),
    AGE,
  ),
  stored: { idle: 'no node runs drivers of CSI' },
  lenient: ['spec.drivers'],
  validate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
});
