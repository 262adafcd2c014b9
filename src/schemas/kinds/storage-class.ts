import { AGE, column, nameWithDefault, tableOf } from '../tables/columns.ts';
import { fill } from '../defaults/draft.ts';
import { validateStorageClass, validateStorageClassUpdate } from '../validation/classes.ts';
import { defineKind } from './define-kind.ts';

export const storageClassKind = defineKind({
  group: 'storage.k8s.io',
  kind: 'StorageClass',
  shortNames: ['sc'],
  namespaced: false,
  applyOrder: 62,
  table: tableOf(
    nameWithDefault('storageclass.kubernetes.io/is-default-class'),
    column('Provisioner', 'provisioner'),
    column('ReclaimPolicy', 'reclaimPolicy'),
    column('VolumeBindingMode', 'volumeBindingMode'),
    column('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion === true),
    AGE,
  ),
  lenient: ['reclaimPolicy'],
  fillDefaults: (draft) => fill(draft, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
});
