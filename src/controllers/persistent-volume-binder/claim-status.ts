/** The status of a claim in a phase. Its capacity follows the volume only as it becomes bound. */
import { jsonEqual } from '../../base/json.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../schemas/types.ts';
import { statusUpdate } from '../ownership.ts';

type Phase = 'Pending' | 'Bound' | 'Lost';
type Status = NonNullable<PersistentVolumeClaim['status']>;

/** Makes no write if the status is the same already. */
export function claimStatus(
  claim: PersistentVolumeClaim,
  phase: Phase,
  volume: PersistentVolume | undefined,
): readonly Write[] {
  const { capacity } = claim.status ?? {};
  const status: Status = { ...claim.status, phase };
  delete status.accessModes;
  delete status.capacity;
  if (volume) {
    if (volume.spec.accessModes) status.accessModes = volume.spec.accessModes;
    const isNews = claim.status?.phase !== phase;
    const shown = isNews ? { ...capacity, ...volume.spec.capacity } : capacity;
    if (shown) status.capacity = shown;
  }
  return jsonEqual(status, claim.status) ? [] : [statusUpdate({ ...claim, status })];
}
