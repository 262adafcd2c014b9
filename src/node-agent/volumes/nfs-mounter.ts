/**
 * Mounts exports with the system's `mount -t nfs`, in child processes: a server that does not
 * answer must hold up neither the agent nor its threads. Nothing in this process touches an export
 * before a child has found that it answers.
 */
import { runChild } from '../../base/child-processes/child-process.ts';
import { errorMessage } from '../../base/errors.ts';
import { listMountsBelow } from './mounts.ts';

export interface NetworkMounter {
  /** Rejects with the words of `mount`. */
  mount(source: string, target: string, options: readonly string[]): Promise<void>;
  unmount(target: string): Promise<void>;
  /** `stale`: it is mounted, and its server does not know it any more or does not answer. */
  state(target: string): Promise<'absent' | 'mounted' | 'stale'>;
}

/** mount.nfs tries again for two minutes by itself; kubelet waits that long, too. */
const MOUNT_TIMEOUT_MS = 120_000;
/** A server that needs longer for one stat does not answer. */
const PROBE_TIMEOUT_MS = 10_000;
const UNMOUNT_TIMEOUT_MS = 30_000;

export const nfsMounter: NetworkMounter = {
  async mount(source, target, options) {
    const given = options.length === 0 ? [] : ['-o', options.join(',')];
    const args = ['-t', 'nfs', ...given, source, target];
    await runChild('network-mount', 'mount', args, { timeoutMs: MOUNT_TIMEOUT_MS }).catch(
      (error: unknown) => {
        if (!NO_CLIENT.test(errorMessage(error))) throw error;
        const message = `${errorMessage(error)} (install nfs-common or nfs-utils on the host of the agent)`;
        throw new Error(message, { cause: error });
      },
    );
  },
  async unmount(target) {
    const run = (...args: readonly string[]): Promise<void> =>
      runChild('network-mount', 'umount', ['--no-canonicalize', ...args, target], {
        timeoutMs: UNMOUNT_TIMEOUT_MS,
      });
    await run().catch(() => run('-f', '-l'));
  },
  async state(target) {
    if (!(await listMountsBelow(target)).includes(target)) return 'absent';
    const probe = runChild('network-mount', 'stat', ['-f', target], { timeoutMs: PROBE_TIMEOUT_MS });
    return probe.then(
      () => 'mounted',
      () => 'stale',
    );
  },
};

/** The kernel or the system has no client for NFS. */
const NO_CLIENT = /unknown filesystem type|helper program/i;

/** Whether the export lacks the directory, so that it can be made from the one above. */
export const isMissingDirectory = (error: unknown): boolean =>
  /No such file or directory/i.test(errorMessage(error));
