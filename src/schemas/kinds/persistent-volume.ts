import { fill, fillZero, part } from '../defaults/draft.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from '../validation/storage.ts';
import { defineKind } from './define-kind.ts';

export const persistentVolumeKind = defineKind({
  group: '',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  subresources: ['status'],
  applyOrder: 64,
  nameRule: dns1123Subdomain,
  stored: { missing: 'volumes are not bound to claims yet; use hostPath in the pod' },
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    fillZero(spec, { persistentVolumeReclaimPolicy: 'Retain' });
    fill(spec, { volumeMode: 'Filesystem' });
    fill(part(spec, 'hostPath'), { type: '' });
  },
  initialStatus: () => ({ phase: 'Pending' }),
  // Nothing binds volumes here, so nothing would ever take upstream's protection finalizer off again.
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
});
