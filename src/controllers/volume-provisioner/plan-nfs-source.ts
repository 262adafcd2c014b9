/**
 * A directory on an export, for a class of the NFS driver: `<share>/<subDir>`, where `subDir` may
 * name parts of the claim (as csi-driver-nfs has it); without it the name of the volume.
 */
import type { PersistentVolumeClaim, StorageClass } from '../../schemas/types.ts';

/** `${pvc.metadata.name}` and its kin. */
const VARIABLE = /\$\{(pvc|pv)\.metadata\.(name|namespace)\}/g;

export type NfsSource =
  | { readonly source: { readonly nfs: { readonly server: string; readonly path: string } } }
  | { readonly failure: string };

export function planNfsSource(
  { metadata }: PersistentVolumeClaim,
  { parameters = {} }: StorageClass,
): NfsSource {
  const { server = '', share = '', subDir = '' } = parameters;
  if (server === '') return { failure: 'parameter server is missing in the StorageClass' };
  if (!share.startsWith('/'))
    return { failure: `parameter share of the StorageClass must be an absolute path, not "${share}"` };
  const volume = `pvc-${metadata.uid ?? ''}`;
  const wanted = subDir.replaceAll(VARIABLE, (_, of: string, part: string) =>
    of === 'pv' ? volume : ((part === 'name' ? metadata.name : metadata.namespace) ?? ''),
  );
  const parts = `${share}/${wanted === '' ? volume : wanted}`.split('/').filter((part) => part !== '');
  const inShare = share.split('/').filter((part) => part !== '').length;
  // A name such as `..` would lead out of the export.
  if (parts.length === inShare || parts.some((part) => part === '.' || part === '..'))
    return { failure: `parameter subDir "${subDir}" of the StorageClass leads out of the share` };
  const path = `/${parts.join('/')}`;
  return { source: { nfs: { server, path } } };
}
