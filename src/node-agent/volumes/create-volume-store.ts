/**
 * Puts planned volumes on the disk, brings them up to date, and takes them down again. Idempotent.
 * It never follows a symbolic link inside a volume and never removes anything outside the pod's own
 * directory; what is mounted there is unmounted first, and nothing is removed through a mount.
 */
import { chmod, chown, realpath, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { goWords } from '../../base/go-words.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { Logger } from '../../base/logger.ts';
import { removeTree } from '../files/remove-tree.ts';
import { writeFilesAtomically } from './atomic-files.ts';
import { diskCalls, memoryCalls } from './file-calls.ts';
import { listMountsBelow, mountMemory, unmountBelow } from './mounts.ts';
import { isStorage, memoryDirOf, podDirectory, type VolumePlan } from './plan-volumes.ts';
import type { MountedStorage, PodStorage } from './pod-storage.ts';
import type { StorageMounts } from './storage-mounts.ts';

export interface VolumeStoreOptions {
  /** `<agentDir>/pods`. */
  readonly podsDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the engine sees what is mounted here: as root, beside an engine on this machine. */
  canMount(): Promise<boolean>;
  readonly storage: StorageMounts;
  readonly podStorage: PodStorage;
}

export type ApplyResult =
  | { readonly ok: true; readonly changed: readonly string[] }
  | { readonly ok: false; readonly reason: 'FailedMount'; readonly volume: string; readonly message: string };

export interface VolumeStore {
  /** First set-up and later updates alike; `changed` names the volumes whose files are new. */
  apply(volumes: readonly VolumePlan[], mounted?: MountedStorage): Promise<ApplyResult>;
  /** Unmounts and removes everything of the pod. */
  tearDown(podUid: string): Promise<void>;
}

/** For the Secrets (at most 1 MiB each) of all pods. Only filled memory is used. */
const SENSITIVE_SIZE_BYTES = 1024 * 1024 * 1024;
const SHARED_MODE = 0o777;
const GROUP_MODE = 0o2777;

export function createVolumeStore(options: VolumeStoreOptions): VolumeStore {
  const { podsDir, clock, logger, canMount, storage, podStorage } = options;
  const memoryDir = memoryDirOf(podsDir);

  const shared = createSharedReads();
  /** Checked each time: without the mount, the files would end on the disk. */
  const ensureSharedMemory = (): Promise<void> =>
    shared.read(memoryDir, async () => {
      await makeDirectory(memoryDir, 0o755);
      const [here, around] = await Promise.all([stat(memoryDir), stat(dirname(memoryDir))]);
      if (here.dev === around.dev) await ensureMemory(memoryDir, SENSITIVE_SIZE_BYTES, 0o755);
    });

  async function applyOne(volume: VolumePlan, mounted: MountedStorage): Promise<boolean> {
    if (isStorage(volume)) {
      await storage.setUp(volume, mounted.has(volume.name));
      return false;
    }
    switch (volume.kind) {
      case 'directory':
        await ensureDirectory(volume.path, volume.groupId);
        return false;
      case 'memory':
        if (!(await canMount()))
          throw new Error('emptyDir with medium Memory needs an agent whose mounts the engine sees');
        await ensureMemory(volume.path, volume.sizeBytes, modeFor(volume.groupId), volume.groupId);
        return false;
      case 'files': {
        const inMemory = volume.sensitive && (await canMount());
        if (inMemory) await ensureSharedMemory();
        const calls = inMemory ? memoryCalls : diskCalls;
        return writeFilesAtomically(volume.path, volume.files, { ...volume, clock, calls });
      }
    }
  }

  return {
    async apply(volumes, mounted = new Map()) {
      const changed: string[] = [];
      for (const volume of volumes) {
        try {
          if (await applyOne(volume, mounted)) changed.push(volume.name);
        } catch (error) {
          const told = isStorage(volume) ? (volume.volumeName ?? volume.name) : volume.name;
          const message = `MountVolume.SetUp failed for volume "${told}" : ${goWords(error)}`;
          return { ok: false, reason: 'FailedMount', volume: volume.name, message };
        }
      }
      return { ok: true, changed };
    },
    async tearDown(podUid) {
      const directory = podDirectory(podsDir, podUid);
      const plans = await podStorage.of(podUid);
      const isOther = async (path: string): Promise<boolean> =>
        (await podStorage.users((plan) => plan.path === path)).some((user) => user !== podUid);
      await storage.release(plans, isOther);
      await unmountBelow(directory);
      await removeTree(directory);
      await removeTree(podDirectory(memoryDir, podUid));
      podStorage.forget(podUid);
      logger.debug({ podUid }, 'volumes removed');
    },
  };
}

/** An emptyDir is everybody's; with fsGroup new files belong to the group as well. */
const modeFor = (groupId: number | undefined): number => (groupId === undefined ? SHARED_MODE : GROUP_MODE);

/** One that is there is the pod's: it may have changed its mode. So a new one appears complete. */
async function ensureDirectory(path: string, groupId: number | undefined): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  // No volume can have this name.
  const fresh = `${path}.new`;
  await makeDirectory(fresh, 0o777);
  if (groupId !== undefined) await chown(fresh, 0, groupId);
  await chmod(fresh, modeFor(groupId));
  await rename(fresh, path);
}

async function ensureMemory(
  path: string,
  sizeBytes: number | undefined,
  mode: number,
  groupId?: number,
): Promise<void> {
  await makeDirectory(path, 0o777);
  const real = await realpath(path);
  if ((await listMountsBelow(real)).includes(real)) return;
  await mountMemory(real, sizeBytes, mode, groupId);
}
