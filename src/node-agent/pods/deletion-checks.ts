/** A deletion seen in a watch may be the echo of lost data: the API is asked before it is believed. */
import { errorMessage, levelOf } from '../../base/errors.ts';
import { resources } from '../../client/types.ts';
import { keyOf } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import type { PartOptions } from '../agent-options.ts';

export interface DeletionCheckOptions extends Pick<PartOptions, 'client' | 'logger'> {
  epoch(): string | undefined;
  onGone(uid: string): void;
  /** Lists all pods again: the deletion is in doubt. */
  relist(): void;
}

/** Its end waits for the checks under way. */
export interface DeletionChecks extends AsyncDisposable {
  confirm(pod: Pod): void;
}

export function createDeletionChecks(options: DeletionCheckOptions): DeletionChecks {
  const { client, logger, relist } = options;
  const running = new Set<Promise<void>>();

  async function check(pod: Pod): Promise<void> {
    const { namespace, name, uid = '' } = pod.metadata;
    try {
      const current = await client.get<Pod>(resources.pods, namespace, name);
      if (current.metadata.uid === uid) return;
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
    const state = await client.clusterState();
    if (state.phase !== 'normal' || state.epoch !== options.epoch()) return relist();
    options.onGone(uid);
  }

  return {
    confirm(pod) {
      const work = check(pod)
        .catch((error: unknown) => {
          const fields = { pod: keyOf(pod), error: errorMessage(error) };
          logger[levelOf(error, 'info')](fields, 'Cannot confirm a deletion');
          relist();
        })
        .finally(() => running.delete(work));
      running.add(work);
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(running);
    },
  };
}
