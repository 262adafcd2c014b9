/**
 * Which pods this node should have. The API is the source; the agent's own record stands in while it cannot be asked.
 *
 * A pod is given up only when a complete list of the same epoch of a healthy control plane lacks it (docs/INVARIANTS.md,
 * "rebuild before destroy"). An error, an empty cache, another epoch or a rebuilding control plane never stop anything:
 * then we tell the control plane what runs here and wait.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { errorMessage, levelOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rng } from '../../base/rng.ts';
import { type Reflector, createReflector } from '../../client/reflector.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { keyOf, objectKey } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import { planRestore } from './plan-restore.ts';

export interface PodSourceOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly nodeName: string;
  epoch(): string | undefined;
  setEpoch(epoch: string): void;
  /** The pods that are here, as they should be restored: with their status. */
  localPods(): readonly Pod[];
  onPod(pod: Pod): void;
  /** This pod (by uid) is not wanted any more. */
  onGone(uid: string, last: Pod | undefined): void;
  /** The control plane was rebuilt: what it is told of pods and node must be told again. */
  onRebuilt(): void;
  /** A complete list has been accepted for the first time. */
  onSynced(): void;
}

export interface PodSource extends AsyncDisposable {
  start(): void;
  /**
   * Tells a rebuilding control plane what runs here, if it has not been told. A node is registered only after that: to the
   * control plane, a node that is there is one whose pods are known.
   */
  restore(): Promise<void>;
  readonly synced: boolean;
}

/** How often a rebuilding control plane is asked whether it is done. */
const REBUILD_POLL_MS = 2_000;
/** A slow full list corrects whatever a watch may have missed. */
const RELIST_MS = 600_000;

export function createPodSource(options: PodSourceOptions): PodSource {
  const { client, clock, nodeName } = options;
  const logger = options.logger.child({ component: 'pod-source' });
  let synced = false;
  let restoredEpoch: string | undefined;
  let restoring: { readonly epoch: string; readonly done: Promise<void> } | undefined;
  let timer: Timer | undefined;
  let stopped = false;
  const confirmations = new Set<Promise<void>>();

  const reflector: Reflector<Pod> = createReflector<Pod>({
    client,
    resource: resources.pods,
    selection: { fieldSelector: `spec.nodeName=${nodeName}` },
    clock,
    rng: options.rng,
    logger,
    onList: accept,
    onChange(change) {
      if (change.type === 'DELETED') confirm(change.object);
      else options.onPod(change.object);
    },
  });

  function relistAfter(delayMs: number): void {
    timer?.cancel();
    if (!stopped) timer = clock.setTimer(() => reflector.relist(), delayMs);
  }

  /** What is on the list is always wanted; what is not on it goes only when the list is beyond doubt. */
  async function accept(items: readonly Pod[]): Promise<void> {
    for (const pod of items) options.onPod(pod);
    const trusted = await isTrusted();
    relistAfter(trusted ? RELIST_MS : REBUILD_POLL_MS);
    if (!trusted) return;
    const wanted = new Set(items.map((pod) => pod.metadata.uid));
    for (const pod of options.localPods()) {
      const uid = pod.metadata.uid ?? '';
      if (!wanted.has(uid)) options.onGone(uid, undefined);
    }
    if (!synced) {
      synced = true;
      options.onSynced();
    }
  }

  /** Asked after the list was read: a list of lost data cannot be followed by the old, healthy epoch. */
  async function isTrusted(): Promise<boolean> {
    const state = await client.clusterState();
    const known = options.epoch();
    if (known === undefined && state.phase === 'normal') {
      options.setEpoch(state.epoch);
      return true;
    }
    if (known === state.epoch && state.phase === 'normal') return true;
    if (state.phase === 'rebuilding') {
      if (await restoreOnce(state.epoch)) options.onRebuilt();
      return false;
    }
    // The control plane has finished, with us or (we were away for too long) without: from the next list on, its word
    // counts again.
    options.setEpoch(state.epoch);
    restoredEpoch = undefined;
    options.onRebuilt();
    return false;
  }

  /** The registration of the node and the list of its pods both ask for it. It is done once for both. */
  async function restoreOnce(epoch: string): Promise<boolean> {
    if (restoredEpoch === epoch) return false;
    if (restoring?.epoch !== epoch) restoring = { epoch, done: restoreAll(epoch) };
    try {
      await restoring.done;
      return true;
    } finally {
      if (restoring?.epoch === epoch) restoring = undefined;
    }
  }

  async function restoreAll(epoch: string): Promise<void> {
    const pods = options.localPods();
    logger.warn({ epoch, known: options.epoch(), pods: pods.length }, 'Restoring pods at the control plane');
    for (const batch of planRestore(pods)) await restoreBatch(batch);
    restoredEpoch = epoch;
  }

  /** A pod that is too large for the server must not keep the others out. */
  async function restoreBatch(batch: readonly Pod[]): Promise<void> {
    const told = 'The control plane does not restore a pod; it waits for Git';
    try {
      const waiting = await client.restorePods(nodeName, batch);
      for (const { pod, reason } of waiting) logger.warn({ pod, reason }, told);
    } catch (error) {
      if (!isStatusError(error, 'RequestEntityTooLarge')) throw error;
      for (const { metadata } of batch)
        logger.warn({ pod: objectKey(metadata.namespace, metadata.name), reason: error.message }, told);
    }
  }

  /** A deletion seen in a watch may be the echo of lost data: ask before believing it. */
  function confirm(pod: Pod): void {
    const work = confirmNow(pod)
      .catch((error: unknown) => {
        logger[levelOf(error, 'info')](
          { pod: keyOf(pod), error: errorMessage(error) },
          'Cannot confirm a deletion',
        );
        reflector.relist();
      })
      .finally(() => confirmations.delete(work));
    confirmations.add(work);
  }

  async function confirmNow(pod: Pod): Promise<void> {
    const { namespace, name, uid = '' } = pod.metadata;
    try {
      const current = await client.get<Pod>(resources.pods, namespace, name);
      if (current.metadata.uid === uid) return;
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
    const state = await client.clusterState();
    if (state.phase !== 'normal' || state.epoch !== options.epoch()) return reflector.relist();
    options.onGone(uid, pod);
  }

  return {
    start: () => reflector.start(),
    async restore() {
      const state = await client.clusterState();
      if (state.phase === 'rebuilding') await restoreOnce(state.epoch);
    },
    get synced() {
      return synced;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      timer?.cancel();
      await reflector[Symbol.asyncDispose]();
      await Promise.allSettled(confirmations);
    },
  };
}
