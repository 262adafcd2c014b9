/**
 * Follows the PersistentVolumes of this node: keeps their records, and removes the data of deleted
 * ones (remove-volume.ts). A failure is an event of the volume and is tried again.
 */
import { goWords } from '../../base/go-words.ts';
import { createWorkQueue } from '../../base/work-queue.ts';
import { createReflector } from '../../client/reflector.ts';
import { resources } from '../../client/types.ts';
import type { PersistentVolume } from '../../schemas/types.ts';
import { VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import { failureWords } from '../pod/failure-words.ts';
import { recordFailure, removeVolume, type VolumeRemovalOptions } from './remove-volume.ts';

export interface VolumeRemover extends AsyncDisposable {
  start(): void;
}

const BACKOFF = { initialMs: 1_000, maxMs: 60_000, factor: 2 };
/** Removals at once: each may have millions of files to unlink. */
const CONCURRENCY = 2;

export function createVolumeRemover(given: VolumeRemovalOptions): VolumeRemover {
  const logger = given.logger.child({ component: 'volume-remover' });
  const options = { ...given, logger };
  const { client, clock, rng, nodeName } = options;
  const known = new Map<string, PersistentVolume>();

  const queue = createWorkQueue({
    ...{ clock, concurrency: CONCURRENCY, backoff: BACKOFF },
    process: async (name) => {
      const volume = known.get(name);
      return volume && removeVolume(options, volume);
    },
    onError(name, error, retryInMs) {
      const volume = known.get(name);
      logger.warn({ volume: name, error: failureWords(error), retryInMs }, 'Cannot handle a volume');
      if (volume?.metadata.deletionTimestamp !== undefined)
        recordFailure(options, volume, failureWords(error));
    },
  });

  const reflector = createReflector<PersistentVolume>({
    ...{ client, clock, logger, rng, resource: resources.persistentVolumes },
    selection: { labelSelector: `${VOLUME_NODE_LABEL}=${nodeName}` },
    async onList(items) {
      known.clear();
      for (const volume of items) {
        known.set(volume.metadata.name, volume);
        queue.add(volume.metadata.name);
      }
      await reportForgotten(options, known).catch((error: unknown) =>
        logger.info({ error: goWords(error) }, 'Cannot compare the records of volumes'),
      );
    },
    onChange({ type, object }) {
      if (type === 'DELETED') known.delete(object.metadata.name);
      else known.set(object.metadata.name, object);
      queue.add(object.metadata.name);
    },
  });

  return {
    start: reflector.start,
    async [Symbol.asyncDispose]() {
      await reflector[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
}

/** Volumes that only this node remembers. Their data stays: it may still be needed. */
async function reportForgotten(
  { client, events, logger, nodeName, volumes: { directories } }: VolumeRemovalOptions,
  known: ReadonlyMap<string, PersistentVolume>,
): Promise<void> {
  const { phase } = await client.clusterState();
  if (phase !== 'normal') return;
  for (const { metadata } of await directories.recorded()) {
    if (known.has(metadata.name)) continue;
    const message = `The control plane does not know the volume "${metadata.name}"; its directory in "${directories.root}" is kept`;
    logger.warn({ volume: metadata.name }, message);
    const about = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeName };
    events.record({ about, type: 'Warning', reason: 'VolumeKept', message });
  }
}
