/**
 * The pods that this node should have. The API is the source. The agent's own record stands in
 * while the API cannot be asked.
 *
 * A pod is given up only when a complete list of a healthy control plane of the same epoch lacks it
 * (docs/INVARIANTS.md, "rebuild before destroy"). An error, an empty cache, another epoch or a
 * rebuilding control plane never stop anything.
 */
import type { Timer } from '../../base/clock.ts';
import { createReflector } from '../../client/reflector.ts';
import { resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { PersistentVolume, Pod } from '../../schemas/types.ts';
import type { PartOptions } from '../agent-options.ts';
import { createDeletionChecks } from './deletion-checks.ts';
import { planTrust } from './plan-trust.ts';
import { createPodRestorer } from './restore-pods.ts';

export interface PodSourceOptions extends PartOptions {
  epoch(): string | undefined;
  setEpoch(epoch: string): void;
  /** The pods that are here, with their status. */
  localPods(): readonly Pod[];
  /** The recorded volumes of this node. */
  localVolumes(): Promise<readonly PersistentVolume[]>;
  onPod(pod: Pod): void;
  /** The pod with this uid is not wanted any more. */
  onGone(uid: string): void;
  /** The control plane was rebuilt: it must be told the state of pods and node again. */
  onRebuilt(): void;
  /** A complete list has been accepted for the first time. */
  onSynced(): void;
}

export interface PodSource extends AsyncDisposable {
  start(): void;
  /**
   * Tells a rebuilding control plane what runs here. The node is registered only after that: to the
   * control plane, a registered node is one whose pods are known.
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
  const restorer = createPodRestorer({ ...options, logger });
  const selection = { fieldSelector: `spec.nodeName=${nodeName}` };
  let synced = false;
  let timer: Timer | undefined;
  let stopped = false;

  const reflector = createReflector<Pod>({
    ...{ client, clock, logger, rng: options.rng },
    resource: resources.pods,
    selection,
    onList: accept,
    onChange(change) {
      if (change.type === 'DELETED') deletions.confirm(change.object);
      else options.onPod(change.object);
    },
  });

  const deletions = createDeletionChecks({ ...options, logger, selection, relist: reflector.relist });

  /** Listed pods are always wanted. Others end only when the list is beyond doubt. */
  async function accept(items: readonly Pod[]): Promise<void> {
    for (const pod of items) options.onPod(pod);
    const trusted = await isTrusted();
    timer?.cancel();
    if (!stopped) timer = clock.setTimer(reflector.relist, trusted ? RELIST_MS : REBUILD_POLL_MS);
    if (!trusted) return;
    const wanted = new Set(items.map((pod) => pod.metadata.uid));
    for (const { metadata } of options.localPods())
      if (!wanted.has(metadata.uid)) options.onGone(metadata.uid ?? '');
    if (synced) return;
    synced = true;
    options.onSynced();
  }

  /** Asked after the list was read: the old, healthy epoch never follows a list of lost data. */
  async function isTrusted(): Promise<boolean> {
    const state = await client.clusterState();
    switch (planTrust(options.epoch(), state)) {
      case 'trusted':
        if (options.epoch() === undefined) options.setEpoch(state.epoch);
        return true;
      case 'rebuilding':
        if (await restorer.restore(state.epoch)) options.onRebuilt();
        return false;
      case 'rebuilt':
        await reportLate(state.epoch);
        options.setEpoch(state.epoch);
        restorer.forget();
        options.onRebuilt();
        return false;
    }
  }

  /** The control plane may still wait for the pods of this node. If it does not, it refuses. */
  async function reportLate(epoch: string): Promise<void> {
    try {
      await restorer.restore(epoch);
    } catch (error) {
      if (!isStatusError(error, 'Conflict')) throw error;
    }
  }

  return {
    start: reflector.start,
    async restore() {
      const state = await client.clusterState();
      const trust = planTrust(options.epoch(), state);
      if (trust === 'rebuilding') await restorer.restore(state.epoch);
      if (trust === 'rebuilt') await reportLate(state.epoch);
    },
    get synced() {
      return synced;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      timer?.cancel();
      await reflector[Symbol.asyncDispose]();
      await deletions[Symbol.asyncDispose]();
    },
  };
}
