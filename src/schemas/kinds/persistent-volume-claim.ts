import { jsonClone } from '../../base/json.ts';
import { fill, part } from '../defaults/draft.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validateVolumeClaim, validateVolumeClaimUpdate } from '../validation/storage.ts';
import { defineKind } from './define-kind.ts';

export const persistentVolumeClaimKind = defineKind({
  group: '',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  subresources: ['status'],
  applyOrder: 66,
  nameRule: dns1123Subdomain,
  stored: { missing: 'claims get no volume yet; use hostPath or emptyDir in the pod' },
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    fill(spec, { volumeMode: 'Filesystem' });
    const source = part(spec, 'dataSource');
    if (source) fill(source, { apiGroup: null });
    if (spec && source) spec['dataSourceRef'] ??= jsonClone(source);
    const reference = part(spec, 'dataSourceRef');
    if (reference) fill(reference, { apiGroup: null });
  },
  // Nothing binds claims here, so nothing would ever take upstream's protection finalizer off again.
  initialStatus: () => ({ phase: 'Pending' }),
  validate: validateVolumeClaim,
  validateUpdate: validateVolumeClaimUpdate,
});
