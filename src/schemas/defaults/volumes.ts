/** Defaults of volumes (`SetDefaults_Volume` and the sources' own in core/v1). */
import { type Draft, dropZero, fill, fillZero, part, parts } from './draft.ts';
import { defaultPullPolicy, defaultResourceField } from './references.ts';

/** 0644 */
const FILE_MODE = 0o644;
const TOKEN_LIFETIME_SECONDS = 3600;

export function defaultVolume(volume: Draft): void {
  if (Object.keys(volume).every((member) => member === 'name')) volume['emptyDir'] = {};
  dropZero(part(volume, 'emptyDir'), ['medium']);
  for (const source of ['configMap', 'secret', 'downwardAPI', 'projected'])
    fill(part(volume, source), { defaultMode: FILE_MODE });
  dropZero(part(volume, 'persistentVolumeClaim'), ['readOnly']);
  defaultItems(part(volume, 'downwardAPI'));
  for (const source of parts(part(volume, 'projected'), 'sources')) {
    defaultItems(part(source, 'downwardAPI'));
    // The features of these are off.
    for (const field of ['clusterTrustBundle', 'podCertificate']) delete source[field];
    const token = part(source, 'serviceAccountToken');
    dropZero(token, ['audience']);
    fill(token, { expirationSeconds: TOKEN_LIFETIME_SECONDS });
  }
  const image = part(volume, 'image');
  if (image) fillZero(image, { pullPolicy: defaultPullPolicy(image['reference']) });
  defaultSources(volume);
  defaultClaimSpec(part(part(part(volume, 'ephemeral'), 'volumeClaimTemplate'), 'spec'));
}

/** The sources that pods and persistent volumes have in common. */
export function defaultSources(volume: Draft): void {
  fill(part(volume, 'hostPath'), { type: '' });
  dropZero(part(volume, 'nfs'), ['readOnly']);
  fillZero(part(volume, 'iscsi'), { iscsiInterface: 'default' });
  fillZero(part(volume, 'rbd'), { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' });
  fill(part(volume, 'azureDisk'), {
    cachingMode: 'ReadWrite',
    kind: 'Shared',
    fsType: 'ext4',
    readOnly: false,
  });
  fillZero(part(volume, 'scaleIO'), { storageMode: 'ThinProvisioned', fsType: 'xfs' });
}

function defaultItems(source: Draft | undefined): void {
  for (const item of parts(source, 'items')) {
    fillZero(part(item, 'fieldRef'), { apiVersion: 'v1' });
    defaultResourceField(part(item, 'resourceFieldRef'));
  }
}

export function defaultClaimSpec(spec: Draft | undefined): void {
  fill(spec, { volumeMode: 'Filesystem' });
}
