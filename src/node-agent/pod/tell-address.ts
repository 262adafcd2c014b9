/** Tells the network of the host which pod has an address, with the labels that it has now. */
import type { PodState } from './pod-state.ts';
import type { PodWorkerContext } from './types.ts';

export function tellAddress({ hostPods }: PodWorkerContext, { pod, ip, holdsIp }: PodState): void {
  if (holdsIp && ip !== undefined && pod.spec.hostNetwork !== true) hostPods()?.set(pod, ip);
}
