/**
 * Decides whether this agent removes the data of a PersistentVolume, pure. Absence never means
 * delete: only a volume that is marked for deletion, carries the finalizer and names this node
 * loses its data.
 */
import type { PersistentVolume } from '../../schemas/types.ts';
import { driverOfVolume, VOLUME_FINALIZER, VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import { isBeingRemoved, isOwnVolume } from './plan-claim-volume.ts';

export type VolumeRemoval =
  /** The volume is not this agent's, or needs nothing until it changes. */
  | { readonly type: 'none' }
  /** The volume lives, and its record is brought up to date. */
  | { readonly type: 'note' }
  | { readonly type: 'wait'; readonly why: string }
  /** `record`: the data stays, as the volume's reclaim policy says. */
  | { readonly type: 'remove'; readonly what: 'directory' | 'export' | 'record' };

export interface RemovalInput {
  readonly volume: PersistentVolume;
  readonly nodeName: string;
  readonly volumesDir: string;
  /** Pods and containers of this host that use it. */
  readonly users: readonly string[];
}

/** Report at most this many users. */
const MAX_NAMED = 3;

export function planVolumeRemoval(input: RemovalInput): VolumeRemoval {
  const { volume, nodeName, users } = input;
  const { metadata, spec, status } = volume;
  if (metadata.labels?.[VOLUME_NODE_LABEL] !== nodeName) return { type: 'none' };
  if (metadata.deletionTimestamp === undefined) return { type: 'note' };
  if (metadata.finalizers?.includes(VOLUME_FINALIZER) !== true || !isBeingRemoved(volume))
    return { type: 'none' };
  // The protection was taken off a volume whose claim exists.
  if (status?.phase === 'Bound') return { type: 'none' };
  if (users.length > 0) {
    const named = users.slice(0, MAX_NAMED).join(', ');
    const others = users.length > MAX_NAMED ? ` and ${users.length - MAX_NAMED} more` : '';
    return { type: 'wait', why: `volume is still used on node ${nodeName} by ${named}${others}` };
  }
  if (spec.persistentVolumeReclaimPolicy !== 'Delete') return { type: 'remove', what: 'record' };
  const driver = driverOfVolume(volume);
  if (driver === 'nfs' && spec.nfs) return { type: 'remove', what: 'export' };
  if (isOwnVolume(volume, input.volumesDir)) return { type: 'remove', what: 'directory' };
  const where = spec.local?.path ?? spec.hostPath?.path ?? 'its data';
  return {
    type: 'wait',
    why: `"${where}" is no directory of this node's volumes below "${input.volumesDir}"; it is kept. Remove the data by hand, and then the finalizer ${VOLUME_FINALIZER}`,
  };
}
