/**
 * The pods that this node should have. The API is the source. The agent's own record stands in
 * while the API cannot be asked.
 *
 * A pod is given up only when a complete list of a healthy control plane of the same epoch lacks it
 * (docs/INVARIANTS.md, "rebuild before destroy"). An error, an empty cache, another epoch or a
 * rebuilding control plane never stop anything.
 */
import { createAbort } from '../../base/abort.ts';
import { sleep, type Timer } from '../../base/clock.ts';
import { errorMessage, levelOf } from '../../base/errors.ts';
import { listAll } from '../../client/list-all.ts';
import { createReflector } from '../../client/reflector.ts';
import { resources } from '../../client/types.ts';
import { keyOf } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { PersistentVolume, Pod } from '../../schemas/types.ts';
import type { PartOptions } from '../agent-options.ts';
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
/** Deletions of this time are confirmed with the same two requests. */
const GATHER_MS = 20;

export function createPodSource(options: PodSourceOptions): PodSource {
  const { client, clock, nodeName } = options;
  const logger = options.logger.child({ component: 'pod-source' });
  const restorer = createPodRestorer({ ...options, logger });
  const selection = { fieldSelector: `spec.nodeName=${nodeName}` };
  const unconfirmed: Pod[] = [];
  let confirming: Promise<void> | undefined;
  let synced = false;
  let timer: Timer | undefined;
  const stop = createAbort();

  const reflector = createReflector<Pod>({
    ...{ client, clock, logger, rng: options.rng },
    resource: resources.pods,
    selection,
    onList: accept,
    onChange(change) {
      if (change.type === 'DELETED') confirm(change.object);
      else options.onPod(change.object);
    },
  });

  /** Listed pods are always wanted. Others end only when the list is beyond doubt. */
  async function accept(items: readonly Pod[]): Promise<void> {
    for (const pod of items) options.onPod(pod);
    const trusted = await isTrusted();
    timer?.cancel();
    if (!stop.signal.aborted) timer = clock.setTimer(reflector.relist, trusted ? RELIST_MS : REBUILD_POLL_MS);
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

  /** A deletion seen in a watch may be the echo of lost data: ask before believing it. */
  function confirm(pod: Pod): void {
    unconfirmed.push(pod);
    confirming ??= confirmAll().finally(() => {
      confirming = undefined;
    });
  }

  /** Deletions seldom come alone: they are confirmed together. */
  async function confirmAll(): Promise<void> {
    while (unconfirmed.length > 0) {
      await sleep(clock, GATHER_MS, stop.signal);
      if (stop.signal.aborted) return;
      const pods = unconfirmed.splice(0);
      try {
        await confirmNow(pods);
      } catch (error) {
        const fields = { pods: pods.map(keyOf), error: errorMessage(error) };
        logger[levelOf(error, 'info')](fields, 'Cannot confirm deletions');
        reflector.relist();
      }
    }
  }

  async function confirmNow(pods: readonly Pod[]): Promise<void> {
    const there = await existing(pods);
    const gone = pods.map(({ metadata }) => metadata.uid ?? '').filter((uid) => !there.has(uid));
    if (gone.length === 0) return;
    const state = await client.clusterState();
    if (state.phase !== 'normal' || state.epoch !== options.epoch()) return reflector.relist();
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
      stop.abort();
      timer?.cancel();
      await reflector[Symbol.asyncDispose]();
      await confirming;
    },
  };
}
