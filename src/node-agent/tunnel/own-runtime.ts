/** The runtime with the statistics of this node's own containers only, as labels can be copied. */
import { type ContainerRuntime, labelKeys } from '../runtime/types.ts';

export function ownRuntime(
  runtime: ContainerRuntime,
  owns: (podUid: string, containerId: string) => boolean,
): ContainerRuntime {
  return {
    ...runtime,
    async stats() {
      const all = await runtime.stats();
      return all.filter(({ id, labels }) => owns(labels[labelKeys.podUid] ?? '', id));
    },
  };
}
