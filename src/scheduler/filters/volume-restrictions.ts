/** A claim with the mode ReadWriteOncePod belongs to one pod of the cluster. */
import { objectKey } from '../../schemas/object.ts';
import type { FilterPlugin } from '../types.ts';

const MODE = 'ReadWriteOncePod';
const REFUSAL = {
  reasons: ['node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'],
  resolvable: true,
};

export const volumeRestrictions: FilterPlugin = {
  name: 'VolumeRestrictions',
  prepare: (pod, { nodes, storage }) => {
    if (pod.claims.length === 0) return undefined;
    const alone = pod.claims
      .map(({ name }) => name)
      .filter((name) => storage.claim(objectKey(pod.namespace, name))?.spec.accessModes?.includes(MODE));
    if (alone.length === 0) return undefined;
    const users = nodes.flatMap(({ pods }) =>
      pods.filter(
        ({ namespace, claims }) =>
          namespace === pod.namespace && claims.some(({ name }) => alone.includes(name)),
      ),
    );
    if (users.length === 0) return undefined;
    return {
      refuse: () => REFUSAL,
      refuseEmptied(node, emptied) {
        const left = new Set(emptied.pods);
        const gone = new Set(node.pods.filter((other) => !left.has(other)));
        return users.every((user) => gone.has(user)) ? undefined : REFUSAL;
      },
    };
  },
};
