/**
 * Rebuild before destroy: wait for the agents, apply Git without pruning, then let controllers act.
 * No pod is created, stopped or collected before; restored ones are adopted afterwards.
 */
import { type Clock, sleep, toRfc3339 } from '../../base/clock.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import { unreportedList } from '../../schemas/unreported-nodes.ts';
import type { Store } from '../../store/types.ts';
import type { ApplicationController } from '../../sync/application-controller.ts';
import type { ClusterCondition } from './cluster-condition.ts';
import { keepScales, type KeepScalesParts } from './keep-scales.ts';
import { planRebuild, type RebuildObservation } from './plan-rebuild.ts';

export interface RebuildParts extends KeepScalesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly condition: ClusterCondition;
  /** Nodes that were there before history was lost; undefined where nobody remembers. */
  readonly expectedNodes: RebuildObservation['expectedNodes'];
}

const REBUILD_POLL_MS = 200;

export async function rebuild(
  parts: RebuildParts,
  applications: Pick<ApplicationController, 'syncAllOnce'>,
  signal: AbortSignal,
): Promise<void> {
  const { store, caches, clock, condition, expectedNodes } = parts;
  const logger = parts.logger.child({ component: 'rebuild' });
  const startedAtMs = clock.now();
  let lastChangeMs = startedAtMs;
  const [nodes, pods] = await Promise.all([caches.open('nodes'), caches.open<Pod>('pods')]);
  const noteChange = (): void => {
    lastChangeMs = clock.now();
  };
  const subscriptions = [
    nodes.subscribe((event) => event.type === 'ADDED' && noteChange()),
    pods.subscribe(noteChange),
  ];
  try {
    logger.warn({ expectedNodes }, 'Rebuilding the store: waiting for the agents');
    let verdict = { done: false, missing: expectedNodes ?? [] };
    while (!verdict.done && !signal.aborted) {
      const presentNodes = new Set(nodes.list().map((node) => node.metadata.name));
      const observed = { nowMs: clock.now(), startedAtMs, expectedNodes, presentNodes, lastChangeMs };
      verdict = planRebuild(observed);
      if (!verdict.done) await sleep(clock, REBUILD_POLL_MS, signal);
    }
    const summary = await applications.syncAllOnce(signal);
    if (signal.aborted) return;
    await keepScales({ ...parts, logger }, signal);
    await listUnreported(parts, verdict.missing);
    const state = await store.clusterState();
    if (!state || !(await store.setClusterState({ ...state, phase: 'normal' }, state))) {
      throw new Error('The state of the cluster changed under the rebuild');
    }
    logger.warn({ ...summary, missing: verdict.missing, pods: pods.list().length }, 'The store is rebuilt');
    condition.set('normal');
  } finally {
    for (const subscription of subscriptions) subscription[Symbol.dispose]();
  }
}

/** Written after what Git brought back: what is older than the list may have pods on these nodes. */
async function listUnreported({ writer, clock }: RebuildParts, missing: readonly string[]): Promise<void> {
  if (missing.length === 0) return;
  const object = unreportedList(missing, toRfc3339(clock.now()));
  try {
    await writer.write({ writes: [{ verb: 'create', object }] });
  } catch (error) {
    // Written by an attempt before this one.
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}
