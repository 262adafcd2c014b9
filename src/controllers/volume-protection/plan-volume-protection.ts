/**
 * Whether a volume or a claim has its protection: pure. Upstream's controllers pvc-protection and pv-protection: what is
 * there has the finalizer; what is deleted loses it as soon as nobody uses it.
 */
import { ownMember } from '../../base/json.ts';
import { getPath } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { PROTECTION_FINALIZERS, withProtection } from '../../schemas/pods/volume-protection.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { isDeleting } from '../ownership.ts';

/** `pods` of the claim's namespace; of a volume none are needed. */
export function planVolumeProtection(object: KubeObject, pods: readonly Pod[]): Write | undefined {
  const finalizer = ownMember(PROTECTION_FINALIZERS, object.kind) ?? '';
  const { finalizers = [], ...metadata } = object.metadata;
  if (!isDeleting(object)) {
    const kept = withProtection(object);
    return kept === object ? undefined : { verb: 'update', object: kept };
  }
  if (!finalizers.includes(finalizer) || isUsed(object, pods)) return undefined;
  const others = finalizers.filter((name) => name !== finalizer);
  return {
    verb: 'update',
    object: { ...object, metadata: others.length > 0 ? { ...metadata, finalizers: others } : metadata },
  };
}

function isUsed(object: KubeObject, pods: readonly Pod[]): boolean {
  if (object.kind === 'PersistentVolume') return getPath(object, 'status', 'phase') === 'Bound';
  return pods.some((pod) => uses(pod, object.metadata.name));
}

/** A pod that no node has got yet will not be started with a claim that is being deleted. */
function uses({ spec }: Pod, claim: string): boolean {
  if (!spec.nodeName) return false;
  return claimsOf(spec).includes(claim);
}

export function claimsOf({ volumes = [] }: Pod['spec']): readonly string[] {
  return volumes.flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
}
