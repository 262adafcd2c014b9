/** Puts together the view of one pod at this instant. */
import { sandboxShapeOf } from '../container-spec/plan-sandbox-spec.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import type { PodContainers } from './pod-containers.ts';
import type { PodState } from './pod-state.ts';
import { containersOf, type PodView } from './pod-view.ts';

export function observePod(
  { sandboxesOf }: Pick<ContainerRuntime, 'sandboxesOf'>,
  state: PodState,
  containers: PodContainers,
  now: Pick<PodView, 'nowMs' | 'problems' | 'busy'>,
): PodView {
  const { pod, status } = state;
  const { images, postStart, probes, stops } = containers;
  const planned = containersOf(pod);
  const records = containers.records.all;
  probes.follow(planned, records, postStart.all);
  return {
    ...state,
    ...now,
    pod: { ...pod, status: { ...pod.status, ...status } },
    records,
    sandboxes: sandboxesOf(records, sandboxShapeOf(pod)),
    planned,
    needsIp: pod.spec.hostNetwork !== true,
    images: images.ready(planned),
    probes: probes.verdicts(),
    postStart: postStart.all,
    stopping: stops.all,
  };
}
