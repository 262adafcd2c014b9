/** A store of volumes with its parts, for tests that need no whole agent. */
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createVolumeStore, type VolumeStore } from '../../src/node-agent/volumes/create-volume-store.ts';
import { type NetworkMounter, nfsMounter } from '../../src/node-agent/volumes/nfs-mounter.ts';
import { createNfsMounts } from '../../src/node-agent/volumes/nfs-mounts.ts';
import { createPodStorage, type PodStorage } from '../../src/node-agent/volumes/pod-storage.ts';
import { createStorageMounts } from '../../src/node-agent/volumes/storage-mounts.ts';
import {
  createVolumeDirectories,
  type VolumeDirectories,
} from '../../src/node-agent/volumes/volume-directories.ts';

export interface TestVolumeStore extends VolumeStore {
  readonly directories: VolumeDirectories;
  readonly podStorage: PodStorage;
}

export function aVolumeStore(options: {
  readonly podsDir: string;
  readonly clock: Clock;
  readonly canMount: () => Promise<boolean>;
  readonly mounter?: NetworkMounter;
}): TestVolumeStore {
  const { podsDir, canMount, mounter = nfsMounter } = options;
  const ability = async () =>
    (await canMount()) ? ({ ok: true } as const) : ({ ok: false, why: 'it may not' } as const);
  const directories = createVolumeDirectories({ root: join(podsDir, '..', 'volumes'), logger: silentLogger });
  const podStorage = createPodStorage(podsDir);
  const nfs = createNfsMounts({ mounter, workDir: `${podsDir}-nfs/work`, ability });
  const storage = createStorageMounts({ directories, nfs, ability });
  const store = createVolumeStore({ ...options, logger: silentLogger, storage, podStorage });
  return { ...store, directories, podStorage };
}
