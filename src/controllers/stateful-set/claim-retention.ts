/**
 * The owners of claims by `persistentVolumeClaimRetentionPolicy`, pure. The garbage collector
 * deletes a claim with its owner: the StatefulSet (`whenDeleted`), or the pod that goes when the
 * set is scaled down (`whenScaled`).
 */
import { omit } from '../../schemas/json-access.ts';
import type { OwnerReference } from '../../schemas/object.ts';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../schemas/types.ts';
import { controllerReference } from '../ownership.ts';
import { isInRange, ordinalOf } from './identity.ts';

type Owner = StatefulSet | Pod;

const referencesOf = ({ metadata }: PersistentVolumeClaim): readonly OwnerReference[] =>
  metadata.ownerReferences ?? [];

const names = (reference: OwnerReference, { apiVersion, kind, metadata }: Owner): boolean =>
  reference.apiVersion === apiVersion && reference.kind === kind && reference.name === metadata.name;

const isOf = (reference: OwnerReference, { metadata }: Owner): boolean => reference.uid === metadata.uid;

/** The claim refers to an earlier object of this name: its cleanup is not done yet. */
export function isStale(claim: PersistentVolumeClaim, owner: Owner): boolean {
  const reference = referencesOf(claim).find((one) => names(one, owner));
  return reference !== undefined && !isOf(reference, owner);
}

/** Whether pods of this ordinal wait until the claim of an earlier one is gone. */
export const blocksNewPod = (set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): boolean =>
  policyOf(set).whenScaled === 'Delete' && isStale(claim, pod);

function policyOf({ spec }: StatefulSet): { readonly whenScaled: string; readonly whenDeleted: string } {
  const { whenScaled = 'Retain', whenDeleted = 'Retain' } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  return { whenScaled, whenDeleted };
}

/** The claim with the owners of the policy; undefined where nothing has to change. */
export function withRetention(
  set: StatefulSet,
  pod: Pod,
  claim: PersistentVolumeClaim,
): PersistentVolumeClaim | undefined {
  if (isStale(claim, set) || isStale(claim, pod)) return undefined;
  const own = referencesOf(claim).filter((one) => isOf(one, set) || isOf(one, pod));
  const others = referencesOf(claim).filter((one) => !own.includes(one));
  const wanted = hasForeignController(set, pod, claim) ? [] : wantedOwners(set, pod);
  const isRight =
    own.length === wanted.length &&
    own.every(({ controller }) => controller === true) &&
    wanted.every((owner) => own.some((one) => isOf(one, owner)));
  if (isRight) return undefined;
  const ownerReferences = [...others, ...wanted.map(controllerReference)];
  const metadata = omit(claim.metadata, 'ownerReferences');
  return {
    ...claim,
    metadata: { ...metadata, ...(ownerReferences.length > 0 ? { ownerReferences } : {}) },
  };
}

function wantedOwners(set: StatefulSet, pod: Pod): readonly Owner[] {
  const { whenScaled, whenDeleted } = policyOf(set);
  if (whenScaled === 'Delete' && !isInRange(set, ordinalOf(pod))) return [pod];
  return whenDeleted === 'Delete' ? [set] : [];
}

/** Another controller has the claim: the policy is not applied, and a warning says so. */
export function hasForeignController(set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): boolean {
  const { whenScaled, whenDeleted } = policyOf(set);
  if (whenScaled !== 'Delete' && whenDeleted !== 'Delete') return false;
  return referencesOf(claim).some((one) => one.controller === true && !isOf(one, set) && !isOf(one, pod));
}
