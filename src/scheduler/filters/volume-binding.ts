/** Claims: bound ones where their volumes can be reached, others where they can get a volume. */
import { chooseVolumes, readVolumes } from '../pod-volumes.ts';
import type { FilterPlugin } from '../types.ts';

export const volumeBinding: FilterPlugin = {
  name: 'VolumeBinding',
  prepare: (pod, { storage }) => {
    if (pod.claims.length === 0) return undefined;
    const volumes = readVolumes(pod, storage);
    if ('whole' in volumes) return volumes;
    return {
      refuse: (node) => {
        const choice = chooseVolumes(volumes, node, storage);
        return 'refused' in choice ? choice.refused : undefined;
      },
    };
  },
};
