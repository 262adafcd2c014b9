/** The counts of a DaemonSet; upstream's updateDaemonSetStatus, pure. */
import type { DaemonSet, Pod } from '../../schemas/types.ts';
import { isReady } from '../pod-facts.ts';
import { isAvailable, isUpdated, podsByNode } from './daemon-pods.ts';
import { fitOf } from './node-fit.ts';
import type { PodsInput } from './plan-pods.ts';

export type DaemonSetStatus = NonNullable<DaemonSet['status']>;

/** If a node has several pods, the oldest bound one counts. */
export function statusOf(input: PodsInput, nowMs: number): DaemonSetStatus {
  const { daemonSet, nodes, pods } = input;
  const byNode = podsByNode(pods);
  const fit = fitOf(daemonSet);
  const wanted = nodes.filter((node) => fit(node) === 'run');
  const first = ({ metadata }: (typeof nodes)[number]): Pod | undefined => byNode.get(metadata.name)?.[0];
  const current = wanted.flatMap((node) => first(node) ?? []);
  const available = current.filter((pod) => isAvailable(daemonSet, pod, nowMs)).length;
  const { observedGeneration, collisionCount, conditions } = daemonSet.status ?? {};
  const counts = {
    updatedNumberScheduled: current.filter((pod) => isUpdated(input, pod)).length,
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
  };
  return {
    currentNumberScheduled: current.length,
    desiredNumberScheduled: wanted.length,
    numberMisscheduled: nodes.filter((node) => first(node) && fit(node) !== 'run').length,
    numberReady: current.filter(isReady).length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}
