/**
 * Proof that the control plane bound a pod to its node, or wrote a volume of the node, carried by
 * the object itself: an HMAC over all that it is and may do. After the store lost its history, what
 * an agent reports counts only with it (resources/restore.ts, ADR 13).
 *
 * Covered are the spec and the whole metadata but for the version and the record of field owners;
 * the status is the node's own word. Every write renews the proof, so that the object an agent saw
 * last is proven as it saw it.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { createBoundedMap } from '../../base/bounded-map.ts';
import { isRecord, sharesMembers, stableStringify, stableText } from '../../base/json.ts';
import { getPath, omit } from '../../schemas/json-access.ts';
import { controllerOf, type KubeObject } from '../../schemas/object.ts';
import { PLACEMENT_PROOF, RESTORED_OWNER, VOLUME_PROOF, withMark } from '../../schemas/pods/pod-marks.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import { VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';

export interface PlacementProofs {
  /** The object as it is to be stored: with its proof when it has a node, without one otherwise. */
  seal<T extends KubeObject>(object: T): T;
  isProven(object: KubeObject): boolean;
}

/** Names the algorithm and what is covered; another one gets another prefix. */
const PREFIX = 'v1.';
const KEY_BYTES = 32;
/** Parts of specs and metadata whose text is remembered. */
const MAX_TEXTS = 256;
/** Fields of the metadata that change without any change of the object. */
export const UNPROVEN_METADATA = ['resourceVersion', 'managedFields', 'selfLink'] as const;

const isVolume = ({ kind }: KubeObject): boolean => kind === 'PersistentVolume';
const markOf = (object: KubeObject) => (isVolume(object) ? VOLUME_PROOF : PLACEMENT_PROOF);

/** The kinds whose objects carry proofs. */
export const isProvenKind = ({ group, kind }: Pick<ResourceKind, 'group' | 'kind'>): boolean =>
  group === '' && (kind === 'Pod' || kind === 'PersistentVolume');

/** `secret`: the key of the store, which lies outside it. The keys of proofs are derived from it. */
export function createPlacementProofs(secret: Uint8Array): PlacementProofs {
  const derived = (purpose: string): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `symphony ${purpose} proof`, KEY_BYTES)));
  // One each: no pod passes for a volume.
  const [podKey, volumeKey] = [derived('placement'), derived('volume')];

  /** Pods of one template share the parts of their specs, their labels and their owners. */
  const texts = createBoundedMap<object, string>(MAX_TEXTS);
  const partText = (part: unknown): string =>
    typeof part === 'object' && part !== null
      ? texts.remember(part, () => stableStringify(part))
      : stableStringify(part);

  /** The stable text of the metadata and the spec. */
  function coveredText(object: KubeObject): string {
    const { metadata } = withMark(object, markOf(object), undefined);
    const covered = omit(metadata, ...UNPROVEN_METADATA);
    const members = [`"metadata":${stableText(covered, partText)}`];
    if (object['spec'] !== undefined) members.push(`"spec":${stableText(object['spec'], partText)}`);
    return `{${members.join(',')}}`;
  }

  function proofOf(object: KubeObject): string {
    const mac = createHmac('sha256', isVolume(object) ? volumeKey : podKey);
    return `${PREFIX}${mac.update(coveredText(object)).digest('base64url')}`;
  }

  /** The metadata that were sealed with a spec: most writes of a node change neither. */
  const sealedWith = new WeakMap<object, object>();

  function isSealed({ metadata, spec }: KubeObject): boolean {
    const before = isRecord(spec) ? sealedWith.get(spec) : undefined;
    if (!before) return false;
    return sharesMembers(omit(before, ...UNPROVEN_METADATA), omit(metadata, ...UNPROVEN_METADATA));
  }

  function sealed<T extends KubeObject>(object: T): T {
    const isSettled = !isVolume(object) && controllerOf(object) !== undefined;
    const settled = isSettled ? withMark(object, RESTORED_OWNER, undefined) : object;
    return withMark(settled, markOf(object), isBound(settled) ? proofOf(settled) : undefined);
  }

  return {
    seal(object) {
      if (isSealed(object)) return object;
      const next = sealed(object);
      if (isRecord(next['spec'])) sealedWith.set(next['spec'], next.metadata);
      return next;
    },
    isProven(object) {
      const given = getPath(object, 'metadata', 'annotations', markOf(object));
      if (typeof given !== 'string' || !isBound(object)) return false;
      const [actual, expected] = [Buffer.from(given), Buffer.from(proofOf(object))];
      return actual.length === expected.length && timingSafeEqual(actual, expected);
    },
  };
}

/** Whether it has a node. Any other object has nothing to prove. */
export function isBound(object: KubeObject): boolean {
  const node = isVolume(object)
    ? getPath(object, 'metadata', 'labels', VOLUME_NODE_LABEL)
    : getPath(object, 'spec', 'nodeName');
  return typeof node === 'string' && node !== '';
}
