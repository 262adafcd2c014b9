/** Keeps the protection of volumes and claims, and ends it; see plan-volume-protection.ts. */
import { keyOf, objectKey } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { claimsOfPod } from '../../schemas/volumes/pod-claims.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { planVolumeProtection, type VolumeProtectionInput } from './plan-volume-protection.ts';

export const volumeProtection: Controller = {
  name: 'volume-protection',
  async open({ caches }, scope): Promise<Reconciler<VolumeProtectionInput>> {
    const claims = await caches.open('persistentvolumeclaims');
    const volumes = await caches.open('persistentvolumes');
    const pods = await caches.open<Pod>('pods');
    scope.on(claims, itself);
    scope.on(volumes, itself);
    scope.on(pods, ({ type, object: pod }) =>
      type === 'DELETED' ? claimsOfPod(pod).map(({ name }) => objectKey(pod.metadata.namespace, name)) : [],
    );
    return {
      // While the store is rebuilt, the pods that use a claim may not be there yet.
      pausesForRebuild: true,
      keys: () => [...claims.list(), ...volumes.list()].map(keyOf),
      async observe(key, signal) {
        // A claim's key has a namespace, a volume's has none.
        const object = claims.get(key) ?? volumes.get(key);
        if (!object) return undefined;
        const { namespace } = object.metadata;
        if (namespace === undefined) return { object, pods: [] };
        const seen = { object, pods: pods.list(namespace) };
        if (!planVolumeProtection(seen)) return undefined;
        await pods.refresh(signal);
        return { object, pods: pods.list(namespace) };
      },
      plan: planVolumeProtection,
    };
  },
};
