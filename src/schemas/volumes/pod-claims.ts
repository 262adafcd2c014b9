/** The claims that a pod uses, by name. */
import { controllerOf, type KubeObject, objectKey } from '../object.ts';
import type { Pod, Volume } from '../types.ts';

export interface PodClaim {
  readonly name: string;
  /** The claim is made for the pod, and only for it. */
  readonly isEphemeral: boolean;
}

/** The claim of a generic ephemeral volume is named after pod and volume. */
export const ephemeralClaimName = (pod: KubeObject, { name }: Volume): string =>
  `${pod.metadata.name}-${name}`;

const NONE: readonly PodClaim[] = [];

/** Cheap for the many pods without claims. */
export function claimsOfPod(pod: Pod): readonly PodClaim[] {
  let claims: PodClaim[] | undefined;
  for (const volume of pod.spec.volumes ?? []) {
    if (volume.persistentVolumeClaim)
      (claims ??= []).push({ name: volume.persistentVolumeClaim.claimName, isEphemeral: false });
    else if (volume.ephemeral)
      (claims ??= []).push({ name: ephemeralClaimName(pod, volume), isEphemeral: true });
  }
  return claims ?? NONE;
}

export const claimKeysOf = (pod: Pod): readonly string[] =>
  claimsOfPod(pod).map(({ name }) => objectKey(pod.metadata.namespace, name));

/** The reason why the claim of an ephemeral volume is not the pod's own; upstream's words. */
export function foreignClaim(pod: KubeObject, claim: KubeObject): string | undefined {
  if (controllerOf(claim)?.uid === pod.metadata.uid) return undefined;
  const key = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
  return `PVC ${key(claim)} was not created for pod ${key(pod)} (pod is not owner)`;
}
