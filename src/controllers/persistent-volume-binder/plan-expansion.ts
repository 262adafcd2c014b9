/**
 * A bound claim asks for more. A volume of our own grows at once: a directory has no size but the
 * one that is kept for it. Admission has checked that the class allows it.
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../schemas/types.ts';
import { capacityOf, isLess, requestOf } from '../../schemas/volumes/binding.ts';
import { driverOfVolume, VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import { toBytes } from '../../schemas/values/quantity.ts';
import type { Plan } from '../controller.ts';
import { statusUpdate } from '../ownership.ts';
import { eventOf } from './binder-events.ts';

/** `room`: the bytes that are left on the node of the volume; undefined: it is not limited. */
export function planExpansion(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  room: number | undefined,
): Plan | undefined {
  const wanted = requestOf(claim);
  const shown = claim.status?.capacity?.['storage'];
  if (claim.metadata.deletionTimestamp !== undefined || !isLess(shown, wanted)) return undefined;
  if (driverOfVolume(volume) === undefined)
    return { writes: [], events: [eventOf('ExternalExpanding', claim)] };
  const capacity = capacityOf(volume);
  const grows = isLess(capacity, wanted);
  if (grows && room !== undefined && toBytes(wanted) - toBytes(capacity) > room) {
    const why = `not enough free storage on node "${volume.metadata.labels?.[VOLUME_NODE_LABEL] ?? ''}"`;
    return { writes: [], events: [eventOf('VolumeResizeFailed', claim, volume.metadata.name, why)] };
  }
  const size = (grows ? wanted : capacity) as string;
  const spec = { ...volume.spec, capacity: { ...volume.spec.capacity, storage: size } };
  const status = { ...claim.status, capacity: { ...claim.status?.capacity, storage: size } };
  return {
    writes: [
      ...(grows ? [{ verb: 'update', object: { ...volume, spec } } as const] : []),
      statusUpdate({ ...claim, status }),
    ],
    events: [eventOf('VolumeResizeSuccessful', claim)],
  };
}
