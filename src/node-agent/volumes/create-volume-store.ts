/**
 * Puts planned volumes on the disk, brings them up to date, and takes them down again. Idempotent.
 * It never follows a symbolic link inside a volume and never removes anything outside the pod's own
 * directory; what is mounted there is unmounted first, and nothing is removed through a mount.
 */
import { constants, type Stats } from 'node:fs';
import { chmod, chown, open, realpath, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { goWords } from '../../base/go-words.ts';
import { ownMember } from '../../base/json.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { Logger } from '../../base/logger.ts';
import { removeTree } from '../files/remove-tree.ts';
import { writeFilesAtomically } from './atomic-files.ts';
import { diskCalls, memoryCalls } from './file-calls.ts';
import { listMountsBelow, mountMemory, unmountBelow } from './mounts.ts';
import { memoryDirOf, podDirectory, type VolumePlan } from './plan-volumes.ts';

export interface VolumeStoreOptions {
  /** `<agentDir>/pods`. */
  readonly podsDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the engine sees what is mounted here: as root, beside an engine on this machine. */
  canMount(): Promise<boolean>;
}

export type ApplyResult =
  | { readonly ok: true; readonly changed: readonly string[] }
  | { readonly ok: false; readonly reason: 'FailedMount'; readonly volume: string; readonly message: string };

export interface VolumeStore {
  /** First set-up and later updates alike; `changed` names the volumes whose files are new. */
  apply(volumes: readonly VolumePlan[]): Promise<ApplyResult>;
  /** Unmounts and removes everything of the pod. */
  tearDown(podUid: string): Promise<void>;
}

/** For the Secrets (at most 1 MiB each) of all pods. Only filled memory is used. */
const SENSITIVE_SIZE_BYTES = 1024 * 1024 * 1024;
const SHARED_MODE = 0o777;
const GROUP_MODE = 0o2777;
/** The file was missing a moment ago: a link or a pipe that is there now is not ours. */
const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

export function createVolumeStore({ podsDir, clock, logger, canMount }: VolumeStoreOptions): VolumeStore {
  const memoryDir = memoryDirOf(podsDir);

  const shared = createSharedReads();
  /** Checked each time: somebody may unmount it, and the files must not end on the disk. */
  const ensureSharedMemory = (): Promise<void> =>
    shared.read(memoryDir, async () => {
      await makeDirectory(memoryDir, 0o755);
      const [here, around] = await Promise.all([stat(memoryDir), stat(dirname(memoryDir))]);
      if (here.dev === around.dev) await ensureMemory(memoryDir, SENSITIVE_SIZE_BYTES, 0o755);
    });

  async function applyOne(volume: VolumePlan): Promise<boolean> {
    switch (volume.kind) {
      case 'directory':
        await ensureDirectory(volume.path, volume.groupId);
        return false;
      case 'memory':
        if (!(await canMount()))
          throw new Error('emptyDir with medium Memory needs an agent whose mounts the engine sees');
        await ensureMemory(volume.path, volume.sizeBytes, modeFor(volume.groupId), volume.groupId);
        return false;
      case 'host':
        await checkHostPath(volume.path, volume.type);
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
    async apply(volumes) {
      const changed: string[] = [];
      for (const volume of volumes) {
        try {
          if (await applyOne(volume)) changed.push(volume.name);
        } catch (error) {
          const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${goWords(error)}`;
          return { ok: false, reason: 'FailedMount', volume: volume.name, message };
        }
      }
      return { ok: true, changed };
    },
    async tearDown(podUid) {
      const directory = podDirectory(podsDir, podUid);
      await unmountBelow(directory);
      await removeTree(directory);
      await removeTree(podDirectory(memoryDir, podUid));
      logger.debug({ podUid }, 'volumes removed');
    },
  };
}

/** An emptyDir is everybody's; with fsGroup new files belong to the group as well. */
const modeFor = (groupId: number | undefined): number => (groupId === undefined ? SHARED_MODE : GROUP_MODE);

/** One that is there is the pod's: it may have changed its mode. So a new one appears complete. */
async function ensureDirectory(path: string, groupId: number | undefined): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  // No volume can be called so.
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

/** By hostPath's `type` (kubernetes.io, "Volumes"). */
const HOST_PATHS: Readonly<Record<string, readonly [what: string, holds: (found: Stats) => boolean]>> = {
  '': ['there', () => true],
  DirectoryOrCreate: ['a directory', (found) => found.isDirectory()],
  Directory: ['a directory', (found) => found.isDirectory()],
  FileOrCreate: ['a file', (found) => found.isFile()],
  File: ['a file', (found) => found.isFile()],
  Socket: ['a socket', (found) => found.isSocket()],
  CharDevice: ['a character device', (found) => found.isCharacterDevice()],
  BlockDevice: ['a block device', (found) => found.isBlockDevice()],
};

export async function checkHostPath(path: string, type: string): Promise<void> {
  const existing = await stat(path).catch(() => undefined);
  if (!existing) {
    // The engine needs a source to bind; without a type a missing one becomes a directory.
    if (type === '' || type === 'DirectoryOrCreate') return makeDirectory(path, 0o755);
    if (type === 'FileOrCreate') return (await open(path, CREATE_FILE, 0o644)).close();
  }
  const [what, holds] = ownMember(HOST_PATHS, type) ?? [`of a known type ("${type}")`, () => false];
  if (!existing || !holds(existing)) throw new Error(`hostPath type check failed: ${path} is not ${what}`);
}
