/**
 * The pods of this node, one worker each. They come from the local record, from the API and, if
 * both have lost them, from the labels of running containers. Unwanted containers are ended.
 */
import type { Logger } from '../../base/logger.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import type { PodWorker } from '../pod/types.ts';
import type { PodRecord } from '../ports.ts';
import type { ContainerRecord } from '../runtime/types.ts';
import { addressOf, manifestOf, podOf, uidOf } from './pod-of-containers.ts';
import { createStrayContainers, type StrayContainers } from './stray-containers.ts';

export interface PodRegistryOptions {
  readonly logger: Logger;
  createWorker(record: PodRecord): PodWorker;
  /** Checks a pod that is new here against what the node can hold. */
  admit(pod: Pod, others: readonly Pod[]): PodRecord;
  claimAddress(uid: string, ip: string): void;
  /** The control plane has said which pods it wants here. */
  wantedAreKnown(): boolean;
}

/** The pods that have a worker. */
export interface PodIndex {
  workers(): readonly PodWorker[];
  /** The pods that the API should have, with their status. */
  pods(): readonly Pod[];
  /** A pod that is not finished has an address of this node. */
  holdsAddresses(): boolean;
  get(uid: string): PodWorker | undefined;
  find(namespace: string, name: string): PodWorker | undefined;
  /** The pod is here and is not over, or containers of it are that have no worker yet. */
  isActive(uid: string): boolean;
  /** The worker of this pod has made the container, or is starting it. */
  owns(uid: string, containerId: string): boolean;
}

export interface PodRegistry extends PodIndex, AsyncDisposable {
  /** The engine has been listed: "no container" is known and not merely unseen. */
  readonly listed: boolean;
  /** Addresses of containers that no worker has. */
  strayAddresses(): readonly string[];
  /** A pod of the local record. */
  add(record: PodRecord): void;
  /** A pod as the API has it now. */
  want(pod: Pod): void;
  forget(uid: string): void;
  /** The cause that kept pods waiting may be over. */
  retryAll(): void;
  refreshVolumes(): void;
  observe(record: ContainerRecord): void;
  observeGone(uid: string, containerId: string): void;
  /** All containers, by a list that began at `listedAtMs`. */
  observeAll(all: readonly ContainerRecord[], listedAtMs: number): void;
  /** Ends pods that the control plane does not know, as soon as that is sure. */
  endStrays(): void;
}

export function createPodRegistry(options: PodRegistryOptions): PodRegistry {
  const workers = new Map<string, PodWorker>();
  const strays = createStrayContainers(options.logger);
  const index = indexOf(workers, strays);
  let listed = false;

  function add(record: PodRecord): PodWorker {
    const uid = record.pod.metadata.uid ?? '';
    const known = strays.take(uid);
    const ip = record.ip ?? addressOf(known);
    const worker = options.createWorker({ ...record, ...(ip === undefined ? {} : { ip }) });
    workers.set(uid, worker);
    if (ip !== undefined) options.claimAddress(uid, ip);
    for (const container of known) worker.observe(container);
    worker.wake();
    return worker;
  }

  function observe(record: ContainerRecord): void {
    const worker = workers.get(uidOf(record));
    if (worker) worker.observe(record);
    else if (strays.add(record)) endStrays();
  }

  function endStrays(): void {
    if (!listed || !options.wantedAreKnown()) return;
    for (const uid of strays.uids) {
      const pod = podOf(uid, strays.of(uid));
      options.logger.info({ uid, pod: keyOf(pod) }, 'Ending containers of a pod that is not wanted');
      add({ pod }).end();
    }
  }

  /** A pod that the record has lost goes on if its containers carry its manifest. */
  function adopt(): void {
    if (options.wantedAreKnown()) return endStrays();
    for (const uid of strays.uids) {
      const manifest = manifestOf(strays.of(uid));
      if (manifest?.metadata.uid === uid) add({ pod: manifest });
    }
  }

  return {
    ...index,
    get listed() {
      return listed;
    },
    strayAddresses: () => strays.addresses,
    add: (record) => void add(record),
    want(pod) {
      const worker = workers.get(pod.metadata.uid ?? '');
      if (worker) {
        if (!(versionOf(pod) < versionOf(worker.pod))) worker.update(pod);
      } else if (isNewHere(pod) && !strays.has(pod.metadata.uid ?? '')) {
        const others = index.workers().flatMap((other) => (other.finished ? [] : [other.pod]));
        add(options.admit(pod, others));
      } else add({ pod });
    },
    forget: (uid) => void workers.delete(uid),
    retryAll() {
      for (const worker of workers.values()) worker.retry();
    },
    refreshVolumes() {
      for (const worker of workers.values()) if (!worker.finished) worker.refreshVolumes();
    },
    observe,
    observeGone(uid, containerId) {
      strays.remove(uid, containerId);
      workers.get(uid)?.observeGone(containerId);
    },
    observeAll(records, listedAtMs) {
      const byUid = byPod(records);
      const first = !listed;
      listed = true;
      strays.clear();
      for (const [uid, worker] of workers) worker.observeAll(byUid.get(uid) ?? [], listedAtMs);
      for (const record of records) if (!workers.has(uidOf(record))) observe(record);
      if (first) adopt();
    },
    endStrays,
    async [Symbol.asyncDispose]() {
      await Promise.all(index.workers().map((worker) => worker[Symbol.asyncDispose]()));
    },
  };
}

const versionOf = ({ metadata }: Pod): number => Number(metadata.resourceVersion ?? 0);

/** Nothing of the pod has run yet, as far as the API knows. */
const isNewHere = ({ metadata, status }: Pod): boolean =>
  (status?.phase ?? 'Pending') === 'Pending' && metadata.deletionTimestamp === undefined;

function byPod(records: readonly ContainerRecord[]): ReadonlyMap<string, readonly ContainerRecord[]> {
  const byUid = new Map<string, ContainerRecord[]>();
  for (const record of records) {
    const known = byUid.get(uidOf(record)) ?? [];
    byUid.set(uidOf(record), known);
    known.push(record);
  }
  return byUid;
}

function indexOf(workers: ReadonlyMap<string, PodWorker>, strays: StrayContainers): PodIndex {
  const all = (): readonly PodWorker[] => [...workers.values()];
  return {
    workers: all,
    pods: () =>
      all()
        .filter(({ removed }) => !removed)
        .map(({ pod, status }) => ({ ...pod, ...(status ? { status } : {}) })),
    holdsAddresses: () => all().some(({ finished, ip }) => !finished && ip !== undefined),
    get: (uid) => workers.get(uid),
    isActive: (uid) => workers.get(uid)?.finished === false || strays.has(uid),
    find: (namespace, name) =>
      all().find(({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name),
    owns(uid, containerId) {
      const worker = workers.get(uid);
      if (!worker) return false;
      return worker.isStarting(containerId) || worker.records.some(({ id }) => id === containerId);
    },
  };
}
