import { column, NAME, tableOf } from '../tables/columns.ts';
import { validateStorageCapacity, validateStorageCapacityUpdate } from '../validation/csi.ts';
import { defineKind } from './define-kind.ts';

export const csiStorageCapacityKind = defineKind({
  group: 'storage.k8s.io',
  kind: 'CSIStorageCapacity',
  applyOrder: 63,
  table: tableOf(NAME, column('StorageClassName', 'storageClassName'), column('Capacity', 'capacity')),
  stored: { idle: 'no node runs drivers of CSI' },
  validate: validateStorageCapacity,
  validateUpdate: validateStorageCapacityUpdate,
});
