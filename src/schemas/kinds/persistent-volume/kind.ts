import { AGE, column, NAME, tableOf, textOr, UNSET, wide } from '../../tables/columns.ts';
import { asRecord, asString, isAbsent } from '../../json-access.ts';
import { modesText, phaseText } from '../../tables/volume-text.ts';
import { fill, fillZero, part } from '../../defaults/draft.ts';
import { defaultSources } from '../../defaults/volumes.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './validation.ts';
import { toRfc3339 } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { words } from '../../../base/words.ts';
import { ATTRIBUTES_ADVICE, BLOCK_ADVICE } from '../../profile/claim-rules.ts';
import { ignored, refused } from '../../profile/rules.ts';
import type { KubeObject } from '../../object.ts';
import type { Subresource } from '../../resource-kind.ts';
import { defineKind } from '../define-kind.ts';

/** A new phase gets the current time, unless the request gives another. */
function prepareStatus(next: KubeObject, current: KubeObject, _: Subresource, nowMs: number): unknown {
  const [status, before] = [next['status'], current['status']];
  if (!isRecord(status) || !isRecord(before) || status['phase'] === before['phase']) return status;
  const { lastPhaseTransitionTime: given } = status;
  const isNews = given !== undefined && given !== before['lastPhaseTransitionTime'];
  return isNews ? status : { ...status, lastPhaseTransitionTime: toRfc3339(nowMs) };
}

const OTHER_SOURCES = words(`
  awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk
  glusterfs iscsi photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume
`);
const SOURCE_ADVICE = 'no node can mount it; use a claim of class local, or a local or nfs volume';

export const persistentVolumeKind = defineKind({
  group: '',
  kind: 'PersistentVolume',
  shortNames: ['pv'],
  namespaced: false,
  subresources: ['status'],
  applyOrder: 64,
  table: tableOf(
    NAME,
    column('Capacity', 'spec.capacity.storage'),
    column('Access Modes', ({ spec }) => modesText(asRecord(spec)['accessModes'])),
    column('Reclaim Policy', 'spec.persistentVolumeReclaimPolicy'),
    column('Status', phaseText),
    column('Claim', ({ spec }) => claimText(asRecord(spec)['claimRef'])),
    column('StorageClass', 'spec.storageClassName'),
    column('VolumeAttributesClass', textOr('spec.volumeAttributesClassName', UNSET)),
    column('Reason', 'status.reason'),
    AGE,
    wide('VolumeMode', textOr('spec.volumeMode', UNSET)),
  ),
  lenient: ['spec.scaleIO.secretRef'],
  waitsUnimplemented: true,
  fields: [
    ...OTHER_SOURCES.map((source) => refused(`spec.${source}`, SOURCE_ADVICE)),
    refused('spec.volumeMode', BLOCK_ADVICE, ['Filesystem']),
    refused('spec.volumeAttributesClassName', ATTRIBUTES_ADVICE),
    refused('spec.persistentVolumeReclaimPolicy', 'use Retain, or Delete and a class', ['Retain', 'Delete']),
    ignored('spec.local.fsType', 'a directory is mounted as it is'),
  ],
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    fillZero(spec, { persistentVolumeReclaimPolicy: 'Retain' });
    fill(spec, { volumeMode: 'Filesystem' });
    if (spec) defaultSources(spec);
    fill(part(spec, 'azureFile'), { secretNamespace: null });
    fill(part(spec, 'scaleIO'), { secretRef: null });
  },
  initialStatus: ({ metadata }) => ({
    phase: 'Pending',
    ...(metadata.creationTimestamp === undefined
      ? {}
      : { lastPhaseTransitionTime: metadata.creationTimestamp }),
  }),
  prepareStatus,
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  validateStatus: () => [],
});

function claimText(reference: unknown): string {
  const { namespace, name } = asRecord(reference);
  return isAbsent(reference) ? '' : `${asString(namespace)}/${asString(name)}`;
}
