/**
 * Claiming and releasing by a controller (upstream's ControllerRefManager), and writes that
 * controllers share; pure. An object has at most one controller, and nothing is taken from another.
 */
import { omit } from '../schemas/json-access.ts';
import { controllerOf, type KubeObject, type ObjectMeta, type OwnerReference } from '../schemas/object.ts';
import type { DeleteOptions } from '../schemas/strategy/index.ts';
import type { Write } from '../resources/writing/write-plan.ts';
import { type Labels, labelSelectorRequirements, matchesRequirements } from '../schemas/values/selectors.ts';

export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

export interface Claims<T> {
  /** The objects of the owner, adopted ones included, as they are now. */
  readonly owned: readonly T[];
  /** Orphans to take, with the reference added. */
  readonly adopt: readonly T[];
  /** Objects that no longer match, with the reference removed. */
  readonly release: readonly T[];
}

/** Sorts the objects of the owner's namespace into what it owns, may adopt and must let go. */
export function planClaims<T extends KubeObject>(
  owner: KubeObject,
  selector: unknown,
  candidates: readonly T[],
): Claims<T> {
  const requirements = labelSelectorRequirements(selector);
  const matches = (labels: Labels | undefined): boolean =>
    requirements !== undefined && requirements.length > 0 && matchesRequirements(requirements, labels);
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  for (const object of candidates) {
    const controller = controllerOf(object);
    if (controller) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches(object.metadata.labels) || isDeleting(owner)) owned.push(object);
      else release.push(withoutOwner(object, controller.uid));
    } else if (!isDeleting(owner) && !isDeleting(object) && matches(object.metadata.labels)) {
      owned.push(object);
      const references = [...(object.metadata.ownerReferences ?? []), controllerReference(owner)];
      adopt.push({ ...object, metadata: { ...object.metadata, ownerReferences: references } });
    }
  }
  return { owned, adopt, release };
}

export function withoutOwner<T extends KubeObject>(object: T, uid: string): T {
  const references = (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
  const metadata: ObjectMeta = { ...object.metadata, ownerReferences: references };
  if (references.length === 0) delete metadata.ownerReferences;
  return { ...object, metadata };
}

export function withFinalizer<T extends KubeObject>(object: T, finalizer: string): T {
  const { finalizers = [] } = object.metadata;
  if (finalizers.includes(finalizer)) return object;
  return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
}

export function withoutFinalizer<T extends KubeObject>(object: T, finalizer: string): T {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const others: ObjectMeta = omit(object.metadata, 'finalizers');
  return { ...object, metadata: finalizers.length === 0 ? others : { ...others, finalizers } };
}

/** Deletes this very object, and no other of its name. */
export function deletionOf(object: KubeObject, options: DeleteOptions = {}): Write & { verb: 'delete' } {
  const { uid } = object.metadata;
  const preconditions = { ...(uid ? { uid } : {}), ...options.preconditions };
  return { verb: 'delete', object, options: { ...options, preconditions } };
}

export const statusUpdate = (object: KubeObject): Write => ({
  verb: 'update',
  object,
  subresource: 'status',
});
