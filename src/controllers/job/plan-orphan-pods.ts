/**
 * The tracking finalizer of pods that no Job counts any more, because it is gone, over, or has let
 * them go; pure. Without this they could not be deleted.
 */
import { controllerOf } from '../../schemas/object.ts';
import type { Job, Pod } from '../../schemas/types.ts';
import type { Plan } from '../controller.ts';
import { withoutFinalizer } from '../ownership.ts';
import { isFinished, isManagedElsewhere, isTracked, TRACKING_FINALIZER } from './job-facts.ts';

/** Pods are independent: this many share a commit. */
const COMMIT_SIZE = 500;

/** `jobOf`: the Job of this name, whatever its uid. */
export function isUncounted(pod: Pod, jobOf: (name: string) => Job | undefined): boolean {
  if (!isTracked(pod)) return false;
  const owner = controllerOf(pod);
  if (!owner) return true;
  // Another program's controller may use the finalizer, too.
  if (owner.kind !== 'Job' || owner.apiVersion !== 'batch/v1') return false;
  const job = jobOf(owner.name);
  if (job?.metadata.uid !== owner.uid) return true;
  return isFinished(job) && !isManagedElsewhere(job);
}

export function planOrphanPods(pods: readonly Pod[]): Plan {
  const freed = pods.map((pod) => withoutFinalizer(pod, TRACKING_FINALIZER));
  return { writes: freed.map((object) => ({ verb: 'update', object })), commitSize: COMMIT_SIZE };
}
