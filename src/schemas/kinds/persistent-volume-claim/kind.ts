import { AGE, column, NAME, tableOf, textOr, UNSET, wide } from '../../tables/columns.ts';
import { modesText, phaseText } from '../../tables/volume-text.ts';
import { isRecord, jsonClone } from '../../../base/json.ts';
import { fill, fillZero, part } from '../../defaults/draft.ts';
import {
  validateVolumeClaim,
  validateVolumeClaimStatus,
  validateVolumeClaimUpdate,
} from '../../validation/storage.ts';
import { claimRules } from '../../profile/claim-rules.ts';
import { asRecord, asString, omit, getPath } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { defineKind } from '../define-kind.ts';

const SNAPSHOTS = 'snapshot.storage.k8s.io';

/** The older field takes claims and snapshots only. Other values are dropped, as upstream does. */
function isOldSource(source: unknown): boolean {
  const { apiGroup, kind } = asRecord(source);
  const group = asString(apiGroup);
  return (
    (kind === 'PersistentVolumeClaim' && group === '') || (kind === 'VolumeSnapshot' && group === SNAPSHOTS)
  );
}

/** Both fields have the same value: the missing one is copied from the other. */
function withSources(claim: KubeObject, current?: KubeObject): KubeObject {
  if (!isRecord(claim['spec'])) return claim;
  const spec: Record<string, unknown> = { ...claim['spec'] };
  const old = asRecord(current?.['spec']);
  // The feature of other namespaces is off.
  const isForeign = asString(asRecord(spec['dataSourceRef'])['namespace']) !== '';
  if (isForeign && !isRecord(old['dataSourceRef'])) delete spec['dataSourceRef'];
  const hadSource = isRecord(old['dataSource']) || isRecord(old['dataSourceRef']);
  if (!hadSource && !isOldSource(spec['dataSource'])) delete spec['dataSource'];
  const { dataSource, dataSourceRef } = spec;
  if (isRecord(dataSource)) spec['dataSourceRef'] ??= jsonClone(dataSource);
  else if (isRecord(dataSourceRef) && asString(dataSourceRef['namespace']) === '')
    spec['dataSource'] = jsonClone(omit(dataSourceRef, 'namespace'));
  return { ...claim, spec };
}

export const persistentVolumeClaimKind = defineKind({
  group: '',
  kind: 'PersistentVolumeClaim',
  shortNames: ['pvc'],
  subresources: ['status'],
  applyOrder: 66,
  table: tableOf(
    NAME,
    column('Status', phaseText),
    column('Volume', 'spec.volumeName'),
    column('Capacity', ({ spec, status }) =>
      isBound(spec) ? asString(getPath(status, 'capacity', 'storage')) || '0' : '',
    ),
    column('Access Modes', ({ spec, status }) =>
      isBound(spec) ? modesText(asRecord(status)['accessModes']) : '',
    ),
    column('StorageClass', 'spec.storageClassName'),
    column('VolumeAttributesClass', textOr('spec.volumeAttributesClassName', UNSET)),
    AGE,
    wide('VolumeMode', textOr('spec.volumeMode', UNSET)),
  ),
  waitsUnimplemented: true,
  fields: claimRules('spec'),
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    fill(spec, { volumeMode: 'Filesystem' });
    const source = part(spec, 'dataSource');
    if (source) fill(source, { apiGroup: null });
    const reference = part(spec, 'dataSourceRef');
    if (reference) fill(reference, { apiGroup: null });
    fillZero(part(draft, 'status'), { phase: 'Pending' });
  },
  initialStatus: () => ({ phase: 'Pending' }),
  prepareForCreate: (claim) => withSources(claim),
  prepareForUpdate: withSources,
  validate: validateVolumeClaim,
  validateUpdate: validateVolumeClaimUpdate,
  validateStatus: validateVolumeClaimStatus,
  defaultsStatus: true,
});

const isBound = (spec: unknown): boolean => asString(asRecord(spec)['volumeName']) !== '';
