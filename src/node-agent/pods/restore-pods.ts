/** Tells a control plane that lost its data what is here, pods and volumes, once for each epoch. */
import type { Logger } from '../../base/logger.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { ApiClient } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import type { PersistentVolume, Pod } from '../../schemas/types.ts';
import { planRestore } from './plan-restore.ts';

export interface PodRestorerOptions {
  readonly client: Pick<ApiClient, 'restorePods'>;
  readonly logger: Logger;
  readonly nodeName: string;
  /** The pods that are here, with their status. */
  localPods(): readonly Pod[];
  /** The recorded volumes of this node. */
  localVolumes(): Promise<readonly PersistentVolume[]>;
}

export interface PodRestorer {
  /** Resolves when the control plane of this epoch was told; false if it was told before. */
  restore(epoch: string): Promise<boolean>;
  /** The epoch is over. */
  forget(): void;
}

export function createPodRestorer(options: PodRestorerOptions): PodRestorer {
  const { client, logger, nodeName } = options;
  const shared = createSharedReads();
  let restoredEpoch: string | undefined;

  async function restoreAll(epoch: string): Promise<void> {
    const [pods, volumes] = [options.localPods(), await options.localVolumes()];
    const counts = { epoch, pods: pods.length, volumes: volumes.length };
    logger.warn(counts, 'Restoring pods and volumes at the control plane');
    for (const batch of planRestore([...volumes, ...pods])) await restoreBatch(batch);
    restoredEpoch = epoch;
  }

  /** A pod that is too large for the server must not keep the others out. */
  async function restoreBatch(batch: readonly KubeObject[]): Promise<void> {
    const told = 'The control plane does not restore an object; it waits for Git';
    try {
      const waiting = await client.restorePods(nodeName, batch);
      for (const { pod, reason } of waiting) logger.warn({ pod, reason }, told);
    } catch (error) {
      if (!isStatusError(error, 'RequestEntityTooLarge')) throw error;
      for (const { metadata } of batch)
        logger.warn({ pod: objectKey(metadata.namespace, metadata.name), reason: error.message }, told);
    }
  }

  return {
    async restore(epoch) {
      if (restoredEpoch === epoch) return false;
      await shared.join(epoch, () => restoreAll(epoch));
      return true;
    },
    forget() {
      restoredEpoch = undefined;
    },
  };
}
