/**
 * 20. Volumes. A node removes the directory of a volume only when no pod uses it, at the API or at
 *     any engine. A claim keeps its volume, a volume its claim, and none has two.
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../src/schemas/types.ts';
import { isFinished } from './facts.ts';
import type { Checker } from './types.ts';
import { runningContainers } from './workload-facts.ts';

export const volumes: Checker = {
  invariant: 20,
  attach({ world, report }) {
    const { ledger } = world;
    world.onVolumeRemoval((node, { metadata: { name } }) => {
      const user = runningContainers(world).find(({ mounts }) =>
        mounts.some((source) => source.split('/').includes(name)),
      );
      if (user) report(20, `node ${node} removes volume ${name}, which ${user.podName} uses`);
      const claims = [...ledger.objects<PersistentVolumeClaim>('persistentvolumeclaims').values()];
      const claim = claims.find(({ spec }) => spec.volumeName === name)?.metadata.name;
      const pod = [...ledger.objects<Pod>('pods').values()].find(
        ({ spec, ...rest }) =>
          spec.nodeName === node &&
          !isFinished({ spec, ...rest }) &&
          spec.volumes?.some(({ persistentVolumeClaim: source }) => source?.claimName === claim),
      );
      if (claim !== undefined && pod)
        report(20, `node ${node} removes volume ${name} of pod ${pod.metadata.name}`);
    });
    ledger.onEvent(({ type, resource, key, object, previous }) => {
      if (type !== 'MODIFIED' || previous?.metadata.uid !== object.metadata.uid) return;
      const [before, after] =
        resource === 'persistentvolumeclaims'
          ? [previous, object].map((state) => (state as PersistentVolumeClaim).spec.volumeName)
          : resource === 'persistentvolumes'
            ? [previous, object].map((state) => (state as PersistentVolume).spec.claimRef?.uid)
            : [];
      if (before && after && before !== after)
        report(20, `${resource} ${key} passed from ${before} to ${after}`);
    });
    return () => {
      const byClaim = new Map<string, string>();
      for (const [name, { spec, status }] of ledger.objects<PersistentVolume>('persistentvolumes')) {
        const uid = spec.claimRef?.uid;
        if (!uid || status?.phase !== 'Bound') continue;
        const other = byClaim.get(uid);
        if (other !== undefined) report(20, `volumes ${other} and ${name} are bound to claim ${uid}`);
        byClaim.set(uid, name);
      }
      const byVolume = new Map<string, string>();
      for (const [key, { spec, status }] of ledger.objects<PersistentVolumeClaim>('persistentvolumeclaims')) {
        const { volumeName } = spec;
        if (!volumeName || status?.phase !== 'Bound') continue;
        const other = byVolume.get(volumeName);
        if (other !== undefined) report(20, `claims ${other} and ${key} are bound to volume ${volumeName}`);
        byVolume.set(volumeName, key);
      }
    };
  },
};
