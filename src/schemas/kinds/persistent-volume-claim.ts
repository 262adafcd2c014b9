import { isRecord, jsonClone } from '../../base/json.ts';
import { fill, part } from '../defaults/draft.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validateVolumeClaim, validateVolumeClaimUpdate } from '../validation/storage.ts';
import { asRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { defineKind } from './define-kind.ts';

/** Both fields say the same; whoever gives the older one gets the newer one, which is nobody's. */
function withDataSourceRef(claim: KubeObject): KubeObject {
  const spec = asRecord(claim['spec']);
  const { dataSource, dataSourceRef } = spec;
  if (!isRecord(dataSource) || isRecord(dataSourceRef)) return claim;
  return { ...claim, spec: { ...spec, dataSourceRef: jsonClone(dataSource) } };
}

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
    const reference = part(spec, 'dataSourceRef');
    if (reference) fill(reference, { apiGroup: null });
  },
  initialStatus: () => ({ phase: 'Pending' }),
  prepareForCreate: withDataSourceRef,
  prepareForUpdate: withDataSourceRef,
  validate: validateVolumeClaim,
  validateUpdate: validateVolumeClaimUpdate,
});
