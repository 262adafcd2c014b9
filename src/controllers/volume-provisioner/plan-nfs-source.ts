/**
 * A directory on an export, for a class of the NFS driver: `<share>/<subDir>`, where `subDir` may
 * name parts of the claim (as csi-driver-nfs has it); without it the name of the volume.
 * As that driver does, it reads names of parameters and `onDelete` in any case.
 */
import type { PersistentVolumeClaim, StorageClass } from '../../schemas/types.ts';

/** `${pvc.metadata.name}` and the like. */
const VARIABLE = /\$\{(pvc|pv)\.metadata\.(name|namespace)\}/g;

/** Whether the directory stays. What the driver would move away stays where it is. */
const ON_DELETE: ReadonlyMap<string, boolean> = new Map([
  ['', false],
  ['delete', false],
  ['retain', true],
  ['archive', true],
]);

export type NfsSource =
  | {
      readonly source: { readonly nfs: { readonly server: string; readonly path: string } };
      /** The class wants the directory to outlive its volume, whatever its reclaim policy says. */
      readonly isKept: boolean;
    }
  | { readonly failure: string };

export function planNfsSource(
  { metadata }: PersistentVolumeClaim,
  { parameters = {} }: StorageClass,
): NfsSource {
  const given = new Map(Object.entries(parameters).map(([name, value]) => [name.toLowerCase(), value]));
  const [server, share, subDir] = ['server', 'share', 'subdir'].map((name) => given.get(name) ?? '') as [
    string,
    string,
    string,
  ];
  const onDelete = given.get('ondelete') ?? '';
  if (server === '') return { failure: 'parameter server is missing in the StorageClass' };
  if (!share.startsWith('/'))
    return { failure: `parameter share of the StorageClass must be an absolute path, not "${share}"` };
  if (!ON_DELETE.has(onDelete.toLowerCase()))
    return { failure: `parameter onDelete of the StorageClass must be delete or retain, not "${onDelete}"` };
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
  return { source: { nfs: { server, path } }, isKept: ON_DELETE.get(onDelete.toLowerCase()) === true };
}
