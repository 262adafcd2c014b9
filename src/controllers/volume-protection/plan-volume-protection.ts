/**
 * A volume or claim has a finalizer, and loses it once it is deleted and no longer used. Upstream's
 * pvc-protection and pv-protection, pure.
 */
import { ownMember } from '../../base/json.ts';
import { getPath } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { PROTECTION_FINALIZERS, withProtection } from '../../schemas/pods/volume-protection.ts';
import { claimsOfPod } from '../../schemas/volumes/pod-claims.ts';
import type { Plan } from '../controller.ts';
import { isDeleting, withoutFinalizer } from '../ownership.ts';

export interface VolumeProtectionInput {
  /** A volume or a claim. */
  readonly object: KubeObject;
  /** The pods of the claim's namespace; none for a volume. */
  readonly pods: readonly Pod[];
}

export function planVolumeProtection({ object, pods }: VolumeProtectionInput): Plan | undefined {
  const finalizer = ownMember(PROTECTION_FINALIZERS, object.kind) ?? '';
  if (!isDeleting(object)) {
    const kept = withProtection(object);
    return kept === object ? undefined : { writes: [{ verb: 'update', object: kept }] };
  }
  if (object.metadata.finalizers?.includes(finalizer) !== true || isUsed(object, pods)) return undefined;
  return { writes: [{ verb: 'update', object: withoutFinalizer(object, finalizer) }] };
}

function isUsed(object: KubeObject, pods: readonly Pod[]): boolean {
  if (object.kind === 'PersistentVolume') return getPath(object, 'status', 'phase') === 'Bound';
  return pods.some((pod) => uses(pod, object.metadata.name));
}

/** A pod that has no node yet does not start with a claim that is being deleted. */
const uses = (pod: Pod, claim: string): boolean =>
  Boolean(pod.spec.nodeName) && claimsOfPod(pod).some(({ name }) => name === claim);
