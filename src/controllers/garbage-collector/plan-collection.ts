/**
 * The plan of the garbage collector for one object, by Kubernetes' rules; pure. INVARIANTS 12:
 * nothing with a live owner vanishes, and an owner has the uid, not only the name. An owner that
 * cannot be looked up (unknown kind, or namespaced for a cluster-scoped object) counts as alive.
 */
import type { KubeObject, OwnerReference } from '../../schemas/object.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from '../../schemas/strategy/index.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { deletionOf, isDeleting, withoutFinalizer, withoutOwner } from '../ownership.ts';

/** An owner as read from the store itself. `unresolvable`: nobody can say. */
export type OwnerState =
  | { readonly state: 'live'; readonly object: KubeObject }
  | { readonly state: 'absent' }
  | { readonly state: 'unresolvable' };

export interface CollectionInput {
  readonly object: KubeObject;
  /** For each owner reference, in order. */
  readonly owners: readonly OwnerState[];
  /** Everything that names the object's uid as an owner. */
  readonly dependents: readonly KubeObject[];
}

export interface CollectionPlan {
  readonly writes: readonly Write[];
  /** Dependents to look at next. */
  readonly visit: readonly KubeObject[];
}

const NOTHING: CollectionPlan = { writes: [], visit: [] };

/** Waits for its dependents to go first. */
export function waitsForDependents(object: KubeObject): boolean {
  return isDeleting(object) && hasFinalizer(object, FOREGROUND_FINALIZER);
}

function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) === true;
}

/** Whether the garbage collector has anything to look at here; cheap, for filtering. */
export function concernsCollector(object: KubeObject): boolean {
  if (!isDeleting(object)) return (object.metadata.ownerReferences ?? []).length > 0;
  return hasFinalizer(object, ORPHAN_FINALIZER) || hasFinalizer(object, FOREGROUND_FINALIZER);
}

export function planCollection(seen: CollectionInput): CollectionPlan {
  const { object } = seen;
  // An object that names itself as an owner neither waits for itself nor is written twice.
  const dependents = seen.dependents.filter(({ metadata }) => metadata.uid !== object.metadata.uid);
  const input = { ...seen, dependents };
  if (isDeleting(object) && hasFinalizer(object, ORPHAN_FINALIZER)) return planOrphaning(input);
  if (waitsForDependents(object)) return planForeground(input);
  if (isDeleting(object)) return NOTHING;
  return planByOwners(input);
}

/** Cuts the dependents loose and lets the owner go, in one commit. */
function planOrphaning({ object, dependents }: CollectionInput): CollectionPlan {
  const uid = object.metadata.uid ?? '';
  const freed = dependents.map(
    (dependent): Write => ({ verb: 'update', object: withoutOwner(dependent, uid) }),
  );
  return {
    writes: [...freed, { verb: 'update', object: withoutFinalizer(object, ORPHAN_FINALIZER) }],
    visit: [],
  };
}

/** Only dependents that block hold the owner back; all are deleted. */
function planForeground({ object, dependents }: CollectionInput): CollectionPlan {
  const uid = object.metadata.uid;
  const blocks = (dependent: KubeObject): boolean =>
    dependent.metadata.ownerReferences?.some(
      (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
    ) === true;
  if (dependents.some(blocks))
    return { writes: [], visit: dependents.filter((item) => !waitsForDependents(item)) };
  return {
    writes: [{ verb: 'update', object: withoutFinalizer(object, FOREGROUND_FINALIZER) }],
    visit: dependents,
  };
}

function planByOwners({ object, owners, dependents }: CollectionInput): CollectionPlan {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length === 0) return NOTHING;
  const classes = references.map((reference, index) => classify(reference, owners[index]));
  if (classes.includes('solid')) {
    const gone = references.filter((_, index) => classes[index] !== 'solid');
    if (gone.length === 0) return NOTHING;
    const kept = gone.reduce((next, { uid }) => withoutOwner(next, uid), object);
    return { writes: [{ verb: 'update', object: kept }], visit: [] };
  }
  if (classes.includes('waiting') && dependents.length > 0) return deleteAfterDependents(object, dependents);
  // Finalizers that say how to go are respected; otherwise the dependents follow on their own.
  const propagationPolicy = hasFinalizer(object, ORPHAN_FINALIZER)
    ? ('Orphan' as const)
    : hasFinalizer(object, FOREGROUND_FINALIZER)
      ? ('Foreground' as const)
      : ('Background' as const);
  return { writes: [deletion(object, propagationPolicy)], visit: [] };
}

/** Its owner waits for it, so it waits for its dependents. Not blocking breaks a cycle. */
function deleteAfterDependents(object: KubeObject, dependents: readonly KubeObject[]): CollectionPlan {
  const inCycle = dependents.some(waitsForDependents);
  if (!inCycle) return { writes: [deletion(object, 'Foreground')], visit: [] };
  const references = (object.metadata.ownerReferences ?? []).map((owner) =>
    owner.blockOwnerDeletion ? { ...owner, blockOwnerDeletion: false } : owner,
  );
  if (references.some((owner, index) => owner !== object.metadata.ownerReferences?.[index])) {
    const unblocked = { ...object, metadata: { ...object.metadata, ownerReferences: references } };
    return { writes: [{ verb: 'update', object: unblocked }], visit: [object] };
  }
  return { writes: [deletion(object, 'Foreground')], visit: [] };
}

function classify(
  reference: OwnerReference,
  owner: OwnerState | undefined,
): 'solid' | 'dangling' | 'waiting' {
  if (!owner || owner.state === 'unresolvable') return 'solid';
  if (owner.state === 'absent' || owner.object.metadata.uid !== reference.uid) return 'dangling';
  return waitsForDependents(owner.object) ? 'waiting' : 'solid';
}

function deletion(object: KubeObject, propagationPolicy: 'Background' | 'Foreground' | 'Orphan'): Write {
  const { resourceVersion } = object.metadata;
  // Decided for this state: an object that changed (adopted, say) is reconciled again.
  return deletionOf(object, { propagationPolicy, preconditions: resourceVersion ? { resourceVersion } : {} });
}
