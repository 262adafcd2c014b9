/**
 * A deletion seen in a watch may be the echo of lost data: the API is asked before it is believed.
 * Deletions seldom come alone: they are confirmed together.
 */
import { createAbort } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import { errorMessage, levelOf } from '../../base/errors.ts';
import { listAll } from '../../client/list-all.ts';
import { type ListOptions, resources } from '../../client/types.ts';
import { keyOf } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import type { PartOptions } from '../agent-options.ts';

export interface DeletionCheckOptions extends Pick<PartOptions, 'client' | 'clock' | 'logger'> {
  /** The pods of this node. */
  readonly selection: ListOptions;
  epoch(): string | undefined;
  onGone(uid: string): void;
  /** Lists all pods again: the deletions are in doubt. */
  relist(): void;
}

/** Its end waits for the check under way. */
export interface DeletionChecks extends AsyncDisposable {
  confirm(pod: Pod): void;
}

/** Deletions of this time are confirmed with the same two requests. */
const GATHER_MS = 20;

export function createDeletionChecks(options: DeletionCheckOptions): DeletionChecks {
  const { client, clock, logger, selection, relist } = options;
  const stop = createAbort();
  const unconfirmed: Pod[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (unconfirmed.length > 0) {
      await sleep(clock, GATHER_MS, stop.signal);
      if (stop.signal.aborted) return;
      const pods = unconfirmed.splice(0);
      try {
        await check(pods);
      } catch (error) {
        const fields = { pods: pods.map(keyOf), error: errorMessage(error) };
        logger[levelOf(error, 'info')](fields, 'Cannot confirm deletions');
        relist();
      }
    }
  }

  async function check(pods: readonly Pod[]): Promise<void> {
    const there = await existing(pods);
    const gone = pods.map(({ metadata }) => metadata.uid ?? '').filter((uid) => !there.has(uid));
    if (gone.length === 0) return;
    const state = await client.clusterState();
    if (state.phase !== 'normal' || state.epoch !== options.epoch()) return relist();
    gone.forEach(options.onGone);
  }

  /** The uids of those that are there still. A list of the node's pods is one request for all. */
  async function existing(pods: readonly Pod[]): Promise<ReadonlySet<string | undefined>> {
    const [only] = pods;
    if (!only || pods.length > 1)
      return new Set(
        (await listAll<Pod>(client, resources.pods, selection)).items.map(({ metadata }) => metadata.uid),
      );
    const { namespace, name } = only.metadata;
    try {
      return new Set([(await client.get<Pod>(resources.pods, namespace, name)).metadata.uid]);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      return new Set();
    }
  }

  return {
    confirm(pod) {
      unconfirmed.push(pod);
      running ??= run().finally(() => {
        running = undefined;
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
