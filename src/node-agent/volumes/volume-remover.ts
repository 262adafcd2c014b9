/**
 * Follows the PersistentVolumes of this node: keeps their records, and removes the data of deleted
 * ones (plan-volume-removal.ts). The finalizer goes last, so that a removal that was broken off is
 * done again. A failure is an event of the volume and is tried again.
 */
import { goWords } from '../../base/go-words.ts';
import { createWorkQueue, type Requeue } from '../../base/work-queue.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { createReflector } from '../../client/reflector.ts';
import { resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { PersistentVolume } from '../../schemas/types.ts';
import { VOLUME_FINALIZER, VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import type { PartOptions } from '../agent-options.ts';
import { failureWords } from '../pod/failure-words.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { planVolumeRemoval } from './plan-volume-removal.ts';
import type { PodVolumes } from './pod-volumes.ts';

export interface VolumeRemoverOptions extends PartOptions {
  readonly runtime: Pick<ContainerRuntime, 'usersOfPath'>;
  readonly volumes: Pick<PodVolumes, 'directories' | 'usersOf' | 'removeFromExport'>;
  readonly events: Pick<EventRecorder, 'record'>;
  /** The pod is here and is not over, or containers of it are. */
  isActive(podUid: string): boolean;
}

export interface VolumeRemover extends AsyncDisposable {
  start(): void;
}

/** A volume that is used, or whose directory does not go, is looked at this often. */
const WAIT_MS = 10_000;
const BACKOFF = { initialMs: 1_000, maxMs: 60_000, factor: 2 };
/** Removals at once: each may have millions of files to unlink. */
const CONCURRENCY = 2;

export function createVolumeRemover(options: VolumeRemoverOptions): VolumeRemover {
  const { client, clock, rng, nodeName, runtime, volumes, events } = options;
  const { directories } = volumes;
  const logger = options.logger.child({ component: 'volume-remover' });
  const known = new Map<string, PersistentVolume>();

  const warn = (volume: PersistentVolume, message: string): void =>
    events.record({ about: volume, type: 'Warning', reason: 'VolumeFailedDelete', message });

  async function usersOf(volume: PersistentVolume): Promise<readonly string[]> {
    const pods = (await volumes.usersOf(volume.metadata.name)).filter(options.isActive);
    const path = volume.spec.local?.path;
    const containers = path === undefined ? [] : await runtime.usersOfPath(path);
    return [...pods.map((uid) => `pod ${uid}`), ...containers.map((name) => `container ${name}`)];
  }

  async function process(name: string): Promise<Requeue | undefined> {
    const seen = known.get(name);
    if (!seen) return undefined;
    const isDeleted = seen.metadata.deletionTimestamp !== undefined;
    const users = isDeleted ? await usersOf(seen) : [];
    const volume = isDeleted ? await current(name) : seen;
    if (!volume) return undefined;
    const plan = planVolumeRemoval({ volume, nodeName, volumesDir: directories.root, users });
    switch (plan.type) {
      case 'none':
        return undefined;
      case 'note':
        await directories.note(volume);
        return undefined;
      case 'wait':
        warn(volume, plan.why);
        return { requeueAfterMs: WAIT_MS };
      case 'remove':
        if (plan.what === 'directory') await directories.remove(volume);
        else if (plan.what === 'export') await volumes.removeFromExport(volume);
        else await directories.forget(volume);
        logger.info({ volume: name, what: plan.what }, 'Removed what a deleted volume had here');
        await removeFinalizer(volume);
        return undefined;
    }
  }

  /** The watch may be behind: somebody may have saved the data by another policy since. */
  async function current(name: string): Promise<PersistentVolume | undefined> {
    return client
      .get<PersistentVolume>(resources.persistentVolumes, undefined, name)
      .catch((error: unknown) => {
        if (isStatusError(error, 'NotFound')) return undefined;
        throw error;
      });
  }

  async function removeFinalizer(volume: PersistentVolume): Promise<void> {
    const { name, uid, resourceVersion, finalizers = [] } = volume.metadata;
    const left = finalizers.filter((finalizer) => finalizer !== VOLUME_FINALIZER);
    const metadata = { uid, resourceVersion, finalizers: left };
    try {
      await client.patch(resources.persistentVolumes, undefined, name, { metadata });
    } catch (error) {
      // A change comes through the watch, and is followed by another look.
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
  }

  const queue = createWorkQueue({
    ...{ clock, process, concurrency: CONCURRENCY, backoff: BACKOFF },
    onError(name, error, retryInMs) {
      const volume = known.get(name);
      logger.warn({ volume: name, error: failureWords(error), retryInMs }, 'Cannot handle a volume');
      if (volume?.metadata.deletionTimestamp !== undefined) warn(volume, failureWords(error));
    },
  });

  /** Volumes that only this node remembers. Nothing is removed: somebody may need the data. */
  async function tellForgotten(): Promise<void> {
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

  const reflector = createReflector<PersistentVolume>({
    ...{ client, clock, logger, rng, resource: resources.persistentVolumes },
    selection: { labelSelector: `${VOLUME_NODE_LABEL}=${nodeName}` },
    async onList(items) {
      known.clear();
      for (const volume of items) {
        known.set(volume.metadata.name, volume);
        queue.add(volume.metadata.name);
      }
      await tellForgotten().catch((error: unknown) =>
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
