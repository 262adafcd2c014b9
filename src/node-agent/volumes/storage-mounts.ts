/** Carries out plans of storage: makes, checks and mounts what a pod's claims lead to. */
import { stat } from 'node:fs/promises';
import { makeDirectory } from '../../base/make-directory.ts';
import { isCode } from '../files/held-directory.ts';
import { checkHostPath } from './host-path.ts';
import type { MountAbility } from './mount-ability.ts';
import { bindWithOptions, listMountsBelow } from './mounts.ts';
import type { NfsMounts } from './nfs-mounts.ts';
import type { LocalPlan, StoragePlan } from './plan-claim-volume.ts';
import type { MountedStorage } from './pod-storage.ts';
import type { VolumeDirectories } from './volume-directories.ts';
import { giveToGroup } from './volume-ownership.ts';

export interface StorageMountsOptions {
  readonly directories: VolumeDirectories;
  readonly nfs: NfsMounts;
  ability(): Promise<MountAbility>;
}

export interface StorageMounts {
  /** Idempotent. `isMounted`: the pod has it already; its content and owners are the pod's. */
  setUp(plan: StoragePlan, isMounted: boolean): Promise<void>;
  /** The pod is over. `isUsed`: whether another pod has the same mount. */
  release(plans: MountedStorage, isUsed: (path: string) => Promise<boolean>): Promise<void>;
}

export function createStorageMounts({ directories, nfs, ability }: StorageMountsOptions): StorageMounts {
  async function setUpLocal(plan: LocalPlan, isMounted: boolean): Promise<void> {
    const { path, target, made, groupId, onlyOnMismatch = false } = plan;
    if (made) await directories.ensure(made);
    else await checkLocalPath(path);
    if (groupId !== undefined && !isMounted) await giveToGroup(path, { groupId, onlyOnMismatch });
    if (target === undefined) return;
    const can = await ability();
    if (!can.ok) throw new Error(`mount options need an agent that can mount: ${can.why}`);
    await makeDirectory(target, 0o750);
    if (!(await listMountsBelow(target)).includes(target))
      await bindWithOptions(path, target, plan.mountOptions);
  }

  return {
    async setUp(plan, isMounted) {
      switch (plan.kind) {
        case 'host':
          return checkHostPath(plan.path, plan.type);
        case 'nfs':
          return nfs.ensure(plan);
        case 'local':
          return setUpLocal(plan, isMounted);
      }
    },
    async release(plans, isUsed) {
      for (const { kind, path } of plans.values())
        if (kind === 'nfs') await nfs.release(path, () => isUsed(path));
    },
  };
}

/** Upstream's words. A volume that was made by hand is never made here. */
async function checkLocalPath(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) throw new Error(`path "${path}" does not exist`);
    throw error;
  });
  if (found.isBlockDevice())
    throw new Error(
      `"${path}" is a block device: mount its file system on the host, and name the directory in local.path`,
    );
  if (!found.isDirectory()) throw new Error(`only directory and block device are supported: "${path}"`);
}
