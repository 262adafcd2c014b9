/**
 * Carries out what plan-volume-removal.ts decides about one PersistentVolume. The finalizer goes
 * last, so that a removal that was broken off is done again.
 */
import type { Requeue } from '../../base/work-queue.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { PersistentVolume } from '../../schemas/types.ts';
import { VOLUME_FINALIZER } from '../../schemas/volumes/drivers.ts';
import type { PartOptions } from '../agent-options.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { planVolumeRemoval, type VolumeRemoval } from './plan-volume-removal.ts';
import type { PodVolumes } from './pod-volumes.ts';

export interface VolumeRemovalOptions extends PartOptions {
  readonly runtime: Pick<ContainerRuntime, 'usersOfPath'>;
  readonly volumes: Pick<PodVolumes, 'directories' | 'usersOf' | 'removeFromExport'>;
  readonly events: Pick<EventRecorder, 'record'>;
  /** The pod is here and is not over, or containers of it are. */
  isActive(podUid: string): boolean;
}

/** A volume that is used, or whose directory does not go, is tried again this often. */
const WAIT_MS = 10_000;

/** Removes the data of a deleted volume, or brings the record of a living one up to date. */
export async function removeVolume(
  options: VolumeRemovalOptions,
  seen: PersistentVolume,
): Promise<Requeue | undefined> {
  const { logger, nodeName } = options;
  const { directories } = options.volumes;
  const isDeleted = seen.metadata.deletionTimestamp !== undefined;
  const users = isDeleted ? await usersOf(options, seen) : [];
  const volume = isDeleted ? await current(options, seen.metadata.name) : seen;
  if (!volume) return undefined;
  const plan = planVolumeRemoval({ volume, nodeName, volumesDir: directories.root, users });
  switch (plan.type) {
    case 'none':
      return undefined;
    case 'note':
      await directories.note(volume);
      return undefined;
    case 'wait':
      recordFailure(options, volume, plan.why);
      return { requeueAfterMs: WAIT_MS };
    case 'remove': {
      const { what } = plan;
      await removeData(options, volume, what);
      logger.info({ volume: volume.metadata.name, what }, 'Removed what a deleted volume had here');
      await removeFinalizer(options, volume);
      return undefined;
    }
  }
}

export const recordFailure = (
  { events }: VolumeRemovalOptions,
  volume: PersistentVolume,
  message: string,
): void => events.record({ about: volume, type: 'Warning', reason: 'VolumeFailedDelete', message });

async function usersOf(
  { isActive, runtime, volumes }: VolumeRemovalOptions,
  volume: PersistentVolume,
): Promise<readonly string[]> {
  const pods = (await volumes.usersOf(volume.metadata.name)).filter(isActive);
  const path = volume.spec.local?.path;
  const containers = path === undefined ? [] : await runtime.usersOfPath(path);
  return [...pods.map((uid) => `pod ${uid}`), ...containers.map((name) => `container ${name}`)];
}

/** The watch may be behind: another reclaim policy may have saved the data since. */
async function current(
  { client }: VolumeRemovalOptions,
  name: string,
): Promise<PersistentVolume | undefined> {
  try {
    return await client.get<PersistentVolume>(resources.persistentVolumes, undefined, name);
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function removeData(
  { volumes }: VolumeRemovalOptions,
  volume: PersistentVolume,
  what: Extract<VolumeRemoval, { readonly type: 'remove' }>['what'],
): Promise<void> {
  switch (what) {
    case 'directory':
      return volumes.directories.remove(volume);
    case 'export':
      return volumes.removeFromExport(volume);
    case 'record':
      return volumes.directories.forget(volume);
  }
}

async function removeFinalizer({ client }: VolumeRemovalOptions, volume: PersistentVolume): Promise<void> {
  const { name, uid, resourceVersion, finalizers = [] } = volume.metadata;
  const left = finalizers.filter((finalizer) => finalizer !== VOLUME_FINALIZER);
  const metadata = { uid, resourceVersion, finalizers: left };
  try {
    await client.patch(resources.persistentVolumes, undefined, name, { metadata });
  } catch (error) {
    // A change arrives through the watch, and the volume is reconciled again.
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
  }
}
