import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { validateAttributesClass } from '../validation/classes.ts';
import { validateAttributesClassUpdate } from '../validation/csi.ts';
import { defineKind } from './define-kind.ts';

export const volumeAttributesClassKind = defineKind({
  group: 'storage.k8s.io',
  kind: 'VolumeAttributesClass',
  shortNames: ['vac'],
  namespaced: false,
  applyOrder: 62,
  table: tableOf(NAME, column('DriverName', 'driverName'), AGE),
  stored: { idle: 'no node runs drivers of CSI' },
  validate: validateAttributesClass,
  validateUpdate: validateAttributesClassUpdate,
});
