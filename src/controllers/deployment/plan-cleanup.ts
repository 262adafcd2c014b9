/** Which old ReplicaSets are beyond the revision history limit; pure. */
import type { Write } from '../../resources/writing/write-plan.ts';
import { deletionOf, isDeleting } from '../ownership.ts';
import type { Family } from './deployment-status.ts';
import { byRevision } from './revisions.ts';
import { sizeOf } from './rollout-math.ts';

/** 2^31 - 1 means "keep all". */
const KEEP_ALL = 2_147_483_647;

export function planCleanup({ deployment, oldReplicaSets }: Family): readonly Write[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  if (limit === KEEP_ALL) return [];
  const alive = oldReplicaSets.filter((set) => !isDeleting(set));
  const excess = alive.length - limit;
  if (excess <= 0) return [];
  return [...alive]
    .sort(byRevision)
    .slice(0, excess)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        sizeOf(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    )
    .map((set) => deletionOf(set, { propagationPolicy: 'Background' }));
}
