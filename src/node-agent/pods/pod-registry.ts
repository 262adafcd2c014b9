/**
 * The pods of this node: one worker each, and the containers that no worker has (yet). Pods come from the local record, from
 * the API and, where both have lost them, out of the labels of containers that run. What nobody wants is ended.
 */
import type { Logger } from '../../base/logger.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { hasOwnName } from '../container-spec/identity.ts';
import { addressOf, manifestOf, podOf, uidOf } from './pod-of-containers.ts';
import type { PodWorker } from '../pod/types.ts';
import type { PodRecord } from '../ports.ts';
import type { ContainerRecord } from '../runtime/types.ts';

export interface PodRegistryOptions {
  readonly logger: Logger;
  createWorker(record: PodRecord): PodWorker;
  /** Checks a pod that is new here against what the node can hold. */
  admit(pod: Pod, others: readonly Pod[]): PodRecord;
  claimAddress(uid: string, ip: string): void;
  /** The control plane has said which pods it wants here. */
  wantedAreKnown(): boolean;
}

export interface PodRegistry extends AsyncDisposable {
  readonly workers: readonly PodWorker[];
  /** The engine has been listed: "no container" is known and not merely unseen. */
  readonly listed: boolean;
  get(uid: string): PodWorker | undefined;
  find(namespace: string, name: string): PodWorker | undefined;
  /** A pod of the local record. */
  add(record: PodRecord): void;
  /** A pod as the API has it now. */
  want(pod: Pod): void;
  forget(uid: string): void;
  observe(record: ContainerRecord): void;
  observeGone(uid: string, containerId: string): void;
  /** All containers, by a list that began at `listedAtMs`. */
  observeAll(all: readonly ContainerRecord[], listedAtMs: number): void;
  /** Ends what the control plane knows nothing of, as soon as that is sure. */
  endStrays(): void;
}

export function createPodRegistry(options: PodRegistryOptions): PodRegistry {
  const workers = new Map<string, PodWorker>();
  /** Containers of pods that no worker has (yet), by uid. */
  const strays = new Map<string, Map<string, ContainerRecord>>();
  let listed = false;

  function add(record: PodRecord): PodWorker {
    const uid = record.pod.metadata.uid ?? '';
    const known = [...(strays.get(uid)?.values() ?? [])];
    const ip = record.ip ?? addressOf(known);
    const worker = options.createWorker({ ...record, ...(ip === undefined ? {} : { ip }) });
    workers.set(uid, worker);
    if (ip !== undefined) options.claimAddress(uid, ip);
    strays.delete(uid);
    for (const container of known) worker.observe(container);
    worker.wake();
    return worker;
  }

  function admitted(pod: Pod): PodRecord {
    const isNew = (pod.status?.phase ?? 'Pending') === 'Pending' && !strays.has(pod.metadata.uid ?? '');
    if (!isNew || pod.metadata.deletionTimestamp !== undefined) return { pod };
    return options.admit(
      pod,
      [...workers.values()].filter((worker) => !worker.finished).map((worker) => worker.pod),
    );
  }

  function observe(record: ContainerRecord): void {
    const uid = uidOf(record);
    const worker = workers.get(uid);
    if (worker) return worker.observe(record);
    if (!hasOwnName(record)) {
      options.logger.info(
        { container: record.id, name: record.name, uid },
        'Leaving a container alone that has the labels of a pod but not the name that goes with them',
      );
      return;
    }
    const known = strays.get(uid) ?? new Map<string, ContainerRecord>();
    known.set(record.id, record);
    strays.set(uid, known);
    if (options.wantedAreKnown()) endStrays();
  }

  function endStrays(): void {
    if (!listed || !options.wantedAreKnown()) return;
    for (const [uid, containers] of [...strays]) {
      const pod = podOf(uid, [...containers.values()]);
      options.logger.info({ uid, pod: keyOf(pod) }, 'Ending containers of a pod that is not wanted');
      add({ pod }).end();
    }
  }

  /** Pods that the record has lost but whose containers carry their manifest go on as if nothing had happened. */
  function adopt(): void {
    if (options.wantedAreKnown()) return endStrays();
    for (const [uid, containers] of [...strays]) {
      const manifest = manifestOf([...containers.values()]);
      if (manifest?.metadata.uid === uid) add({ pod: manifest });
    }
  }

  return {
    get workers() {
      return [...workers.values()];
    },
    get listed() {
      return listed;
    },
    get: (uid) => workers.get(uid),
    find: (namespace, name) =>
      [...workers.values()].find(
        ({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name,
      ),
    add: (record) => void add(record),
    want(pod) {
      const worker = workers.get(pod.metadata.uid ?? '');
      if (!worker) return void add(admitted(pod));
      const isOlder =
        Number(pod.metadata.resourceVersion ?? 0) < Number(worker.pod.metadata.resourceVersion ?? 0);
      if (!isOlder) worker.update(pod);
    },
    forget: (uid) => void workers.delete(uid),
    observe,
    observeGone(uid, containerId) {
      strays.get(uid)?.delete(containerId);
      workers.get(uid)?.observeGone(containerId);
    },
    observeAll(all, listedAtMs) {
      const byUid = new Map<string, ContainerRecord[]>();
      for (const record of all) byUid.set(uidOf(record), [...(byUid.get(uidOf(record)) ?? []), record]);
      const first = !listed;
      listed = true;
      strays.clear();
      for (const [uid, worker] of workers) worker.observeAll(byUid.get(uid) ?? [], listedAtMs);
      for (const record of all) if (!workers.has(uidOf(record))) observe(record);
      if (first) adopt();
    },
    endStrays,
    async [Symbol.asyncDispose]() {
      await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
    },
  };
}
