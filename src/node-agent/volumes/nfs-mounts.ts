/**
 * The exports that this node has mounted. Pods with the same export and options share one mount.
 */
import { randomBytes } from 'node:crypto';
import { chmod, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import { makeDirectory } from '../../base/make-directory.ts';
import { createSlots, type Slots } from '../../base/slots.ts';
import { openInVolume } from '../files/held-directory.ts';
import { removeTree } from '../files/remove-tree.ts';
import type { MountAbility } from './mount-ability.ts';
import { isMissingDirectory, type NetworkMounter } from './nfs-mounter.ts';
import type { NfsPlan } from './plan-claim-volume.ts';

type Export = Pick<NfsPlan, 'server' | 'share' | 'mountOptions'> & { readonly readOnly?: boolean };

export interface NfsMounts {
  /** Mounts the export, unless it is mounted; one that is stale is mounted again. */
  ensure(plan: NfsPlan): Promise<void>;
  /** Unmounts it, unless another pod needs it (`isUsed`). */
  release(path: string, isUsed: () => Promise<boolean>): Promise<void>;
  /** Removes a directory on an export with all that is in it. */
  removeDirectory(of: Export): Promise<void>;
}

/** A path on an export has at most this many levels; each missing one is a mount of its own. */
const MAX_LEVELS = 32;
const SHARED_MODE = 0o777;

export function createNfsMounts(options: {
  readonly mounter: NetworkMounter;
  /** Where exports are mounted for work of the agent itself. */
  readonly workDir: string;
  ability(): Promise<MountAbility>;
}): NfsMounts {
  const { mounter, workDir } = options;
  const locks = new Map<string, Slots>();
  function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
    const slots = locks.get(path) ?? createSlots(1);
    locks.set(path, slots);
    return slots.run(work).finally(() => {
      if (slots.taken === 0) locks.delete(path);
    });
  }
  const sourceOf = (server: string, share: string): string => `${server}:${share}`;

  async function mount(plan: NfsPlan, target: string): Promise<void> {
    const given = [...(plan.readOnly === true ? ['ro'] : []), ...plan.mountOptions];
    const attempt = (): Promise<void> => mounter.mount(sourceOf(plan.server, plan.share), target, given);
    try {
      await attempt();
    } catch (error) {
      if (!plan.isProvisioned || !isMissingDirectory(error)) throw error;
      await makeOnExport(plan);
      await attempt();
    }
  }

  /** Mounts an export for a moment. */
  async function during<T>(
    { server, share, mountOptions }: Export,
    work: (root: string) => Promise<T>,
  ): Promise<T> {
    const target = join(workDir, randomBytes(8).toString('hex'));
    await makeDirectory(target, 0o700);
    try {
      await mounter.mount(sourceOf(server, share), target, mountOptions);
      try {
        return await work(target);
      } finally {
        await mounter.unmount(target);
      }
    } finally {
      await rmdir(target);
    }
  }

  /** Makes the missing directories below the deepest one that the server knows. */
  async function makeOnExport(plan: Export): Promise<void> {
    const missing: string[] = [];
    for (let share = plan.share; share !== '/' && missing.length < MAX_LEVELS; share = dirname(share)) {
      missing.unshift(share.slice(share.lastIndexOf('/') + 1));
      try {
        return await during({ ...plan, share: dirname(share) }, (root) => makeBelow(root, missing));
      } catch (error) {
        if (!isMissingDirectory(error)) throw error;
      }
    }
    throw new Error(`no directory of "${plan.share}" exists on ${plan.server}`);
  }

  return {
    ensure: (plan) =>
      locked(plan.path, async () => {
        const can = await options.ability();
        if (!can.ok) throw new Error(`nfs needs an agent that can mount: ${can.why}`);
        await makeDirectory(dirname(plan.path), 0o711);
        const target = join(
          await realpath(dirname(plan.path)),
          plan.path.slice(plan.path.lastIndexOf('/') + 1),
        );
        const state = await mounter.state(target);
        if (state === 'mounted') return;
        if (state === 'stale') await mounter.unmount(target);
        await makeDirectory(target, 0o755);
        await mount(plan, target);
      }),
    release: (path, isUsed) =>
      locked(path, async () => {
        if (await isUsed()) return;
        if ((await mounter.state(path)) !== 'absent') await mounter.unmount(path);
        await rmdir(path).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        });
      }),
    removeDirectory: ({ share, ...of }) =>
      during({ ...of, share: dirname(share) }, (root) =>
        removeTree(join(root, share.slice(share.lastIndexOf('/') + 1))),
      ),
  };
}

async function makeBelow(root: string, names: readonly string[]): Promise<void> {
  const { handle } = await openInVolume(root, names.join('/'));
  try {
    await chmod(`/proc/self/fd/${handle.fd}`, SHARED_MODE);
  } finally {
    await handle.close();
  }
}
