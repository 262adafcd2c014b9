/**
 * Proof that the control plane bound a pod to its node, carried by the pod itself: an HMAC over all
 * that the pod is and may do. After the store lost its history, what an agent reports counts only
 * with it (resources/restore.ts, ADR 13).
 *
 * Covered are the spec and the whole metadata but for the version and the record of field owners;
 * the status is the node's own word. Every write renews the proof, so that the pod an agent saw
 * last is proven as it saw it.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { stableStringify } from '../../base/json.ts';
import { getPath, omit } from '../../schemas/json-access.ts';
import { controllerOf, type KubeObject } from '../../schemas/object.ts';
import { PLACEMENT_PROOF, RESTORED_OWNER, withMark } from '../../schemas/pods/pod-marks.ts';

export interface PlacementProofs {
  /** The pod as it is to be stored: with its proof when it is bound, without one when it is not. */
  seal<T extends KubeObject>(pod: T): T;
  isProven(pod: KubeObject): boolean;
}

/** Names the algorithm and what is covered; another one gets another prefix. */
const PREFIX = 'v1.';
const KEY_BYTES = 32;
/** Fields of the metadata that change without any change of the pod. */
export const UNPROVEN_METADATA = ['resourceVersion', 'managedFields', 'selfLink'] as const;

/** `secret`: the key of the store, which lies outside it. The key of proofs is derived from it. */
export function createPlacementProofs(secret: Uint8Array): PlacementProofs {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'symphony placement proof', KEY_BYTES));

  function proofOf(pod: KubeObject): string {
    const { metadata } = withMark(pod, PLACEMENT_PROOF, undefined);
    const covered = { metadata: omit(metadata, ...UNPROVEN_METADATA), spec: pod['spec'] };
    return `${PREFIX}${createHmac('sha256', key).update(stableStringify(covered)).digest('base64url')}`;
  }

  return {
    seal(pod) {
      const settled = controllerOf(pod) ? withMark(pod, RESTORED_OWNER, undefined) : pod;
      return withMark(settled, PLACEMENT_PROOF, isBound(settled) ? proofOf(settled) : undefined);
    },
    isProven(pod) {
      const given = getPath(pod, 'metadata', 'annotations', PLACEMENT_PROOF);
      if (typeof given !== 'string' || !isBound(pod)) return false;
      const [actual, expected] = [Buffer.from(given), Buffer.from(proofOf(pod))];
      return actual.length === expected.length && timingSafeEqual(actual, expected);
    },
  };
}

/** A pod that nobody has bound has nothing to prove. */
export function isBound(pod: KubeObject): boolean {
  const nodeName = getPath(pod, 'spec', 'nodeName');
  return typeof nodeName === 'string' && nodeName !== '';
}
