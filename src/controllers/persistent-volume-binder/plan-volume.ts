/**
 * One volume: its phase, and its end once its claim is gone. Pure; upstream's syncVolume.
 *
 * Data is never removed here. A volume that the system has made is deleted as an object; its
 * finalizer keeps it until the node that holds the data has removed it. The finalizer is there
 * exactly while the reclaim policy is Delete, so a retained volume goes without its data.
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../schemas/types.ts';
import {
  BOUND_BY_CONTROLLER,
  hasAnnotation,
  volumeModeOf,
  withoutAnnotation,
} from '../../schemas/volumes/binding.ts';
import {
  driverOfVolume,
  PROVISIONED_BY_ANNOTATION,
  VOLUME_FINALIZER,
  VOLUME_NODE_LABEL,
} from '../../schemas/volumes/drivers.ts';
import { objectKey } from '../../schemas/object.ts';
import { type Plan, planOf } from '../controller.ts';
import { deletionOf, isDeleting, withFinalizer, withoutFinalizer } from '../ownership.ts';
import type { PlannedEvent } from '../planned-event.ts';
import { eventOf } from './binder-events.ts';
import { volumePhase } from './volume-phase.ts';

export interface VolumeView {
  readonly type: 'volume';
  readonly volume: PersistentVolume;
  /** The claim that the volume refers to, with its uid; undefined: it is gone. */
  readonly claim: PersistentVolumeClaim | undefined;
  /** Whether the node that the volume is labelled with exists. */
  readonly hasNode: boolean;
  /** Ready nodes, by name: one of them removes what lies on a server. */
  readonly readyNodes: readonly string[];
  /** Another volume whose data is in the directory of this one, on the same export. */
  readonly sharedWith: string | undefined;
}

export function planVolume(view: VolumeView): Plan | undefined {
  const { volume, claim } = view;
  const kept = planFinalizer(view);
  if (kept) return kept;
  const { claimRef } = volume.spec;
  if (!claimRef || (claimRef.uid ?? '') === '') return planOf(volumePhase(volume, 'Available'));
  if (!claim) return planReleased(volume);
  const { volumeName: named = '' } = claim.spec;
  if (named === volume.metadata.name) return planOf(volumePhase(volume, 'Bound'));
  if (named !== '') return planMisplaced(volume);
  if (volumeModeOf(volume) !== volumeModeOf(claim)) {
    const why = 'due to incompatible volumeMode.';
    const [volumeName, claimName] = [volume.metadata.name, claim.metadata.name];
    const ofVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claimName}" ${why}`;
    const ofClaim = `Cannot bind PersistentVolume "${volumeName}" to requested PersistentVolumeClaim ${why}`;
    return planOf([], eventOf('VolumeMismatch', volume, ofVolume), eventOf('VolumeMismatch', claim, ofClaim));
  }
  return { writes: [], visit: [objectKey(claim.metadata.namespace, claim.metadata.name)] };
}

/** The finalizer of a volume that the system has made. */
function planFinalizer({ volume, hasNode, readyNodes, sharedWith }: VolumeView): Plan | undefined {
  const driver = driverOfVolume(volume);
  if (driver === undefined) return undefined;
  const { metadata, spec } = volume;
  const isHeld = metadata.finalizers?.includes(VOLUME_FINALIZER) === true;
  const removesData = spec.persistentVolumeReclaimPolicy === 'Delete';
  const release = (...events: readonly PlannedEvent[]): Plan | undefined =>
    planOf([{ verb: 'update', object: withoutFinalizer(volume, VOLUME_FINALIZER) }], ...events);
  if (isHeld && !removesData) return release();
  if (!isHeld && removesData && !isDeleting(volume))
    return planOf([{ verb: 'update', object: withFinalizer(volume, VOLUME_FINALIZER) }]);
  if (!isHeld || !isDeleting(volume) || hasNode) return undefined;
  if (driver === 'local')
    return release(eventOf('DataLeft', volume, metadata.labels?.[VOLUME_NODE_LABEL] ?? ''));
  if (sharedWith !== undefined) return release(eventOf('DataShared', volume, sharedWith));
  const [node] = readyNodes;
  if (node === undefined) return undefined;
  const labels = { ...metadata.labels, [VOLUME_NODE_LABEL]: node };
  return planOf([{ verb: 'update', object: { ...volume, metadata: { ...metadata, labels } } }]);
}

/** The claim is gone. A failure stays to be seen. */
function planReleased(volume: PersistentVolume): Plan | undefined {
  const { phase = '' } = volume.status ?? {};
  if (phase !== 'Released' && phase !== 'Failed') return planOf(volumePhase(volume, 'Released'));
  if (isDeleting(volume)) return undefined;
  switch (volume.spec.persistentVolumeReclaimPolicy) {
    case 'Delete':
      return planDeletion(volume);
    case 'Recycle':
      return failed(
        volume,
        'VolumeFailedRecycle',
        'The reclaim policy Recycle is deprecated and not implemented; use dynamic provisioning',
      );
    default:
      return undefined;
  }
}

/** Upstream's deleter of directories takes no other ones. The directory itself stays here. */
const DELETABLE_PATH = /^\/tmp\/.+/;

function planDeletion(volume: PersistentVolume): Plan | undefined {
  const { name, annotations } = volume.metadata;
  const provisioner = annotations?.[PROVISIONED_BY_ANNOTATION] ?? '';
  const removal = { writes: [deletionOf(volume)] };
  if (driverOfVolume(volume)) return removal;
  if (provisioner.startsWith('kubernetes.io/'))
    return failed(volume, 'VolumeFailedDelete', `no volume plugin matched name: ${provisioner}`);
  // The provisioner that made it deletes it.
  if (provisioner !== '') return undefined;
  const path = volume.spec.hostPath?.path;
  if (path === undefined)
    return failed(
      volume,
      'VolumeFailedDelete',
      `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`,
    );
  if (DELETABLE_PATH.test(path)) return removal;
  const text = `host_path deleter only supports /tmp/.+ but received provided ${path}`;
  return failed(volume, 'VolumeFailedDelete', text);
}

function failed(
  volume: PersistentVolume,
  event: 'VolumeFailedDelete' | 'VolumeFailedRecycle',
  text: string,
): Plan | undefined {
  const writes = volumePhase(volume, 'Failed', text);
  return writes.length === 0 ? undefined : planOf(writes, eventOf(event, volume, text));
}

/** The claim is bound to another volume. */
function planMisplaced(volume: PersistentVolume): Plan | undefined {
  const isMade = hasAnnotation(volume, PROVISIONED_BY_ANNOTATION);
  if (isMade && volume.spec.persistentVolumeReclaimPolicy === 'Delete') return planReleased(volume);
  const { claimRef, ...rest } = volume.spec;
  if (hasAnnotation(volume, BOUND_BY_CONTROLLER)) {
    const free = withoutAnnotation({ ...volume, spec: rest }, BOUND_BY_CONTROLLER);
    return planOf([{ verb: 'update', object: free }]);
  }
  // A reference of the user's stays, by name.
  const reference = { ...claimRef };
  delete reference.uid;
  return planOf([{ verb: 'update', object: { ...volume, spec: { ...rest, claimRef: reference } } }]);
}
