/**
 * The plan of a Job: claim pods, decide whether it ends, create or delete pods, count those that
 * have ended, report. Each plan is one commit. A Job ends in visible steps, as upstream's does: the
 * interim condition together with the uncounted pods, the counts, and the last condition once no
 * pod is uncounted or terminating.
 */
import type { Rng } from '../../base/rng.ts';
import { jsonEqual } from '../../base/json.ts';
import { NAME_LABELS, UID_LABELS } from '../../schemas/kinds/job/generated-selector.ts';
import { restoredOwnerOf } from '../../schemas/pods/pod-marks.ts';
import type { Job, Pod } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan, Refusal } from '../controller.ts';
import {
  deletionOf,
  isDeleting,
  planClaims,
  statusUpdate,
  withFinalizer,
  withoutFinalizer,
} from '../ownership.ts';
import type { PlannedEvent } from '../planned-event.ts';
import { type Backoff, nextBackoff } from './backoff.ts';
import { isFinished, isManagedElsewhere, isTracked, TRACKING_FINALIZER } from './job-facts.ts';
import { jobEvent } from './job-events.ts';
import { type Counting, planCounting } from './plan-counting.ts';
import { BURST_PODS, type PodChanges, planJobPods } from './plan-job-pods.ts';
import { countedStatus, finishedStatus, interimStatus, type StatusInput } from './plan-job-status.ts';
import { COMPLETED, deadlineInMs, planTarget, type Target } from './plan-target.ts';
import { type Tally, tallyJob } from './tally.ts';

export interface JobView {
  readonly job: Job;
  /** The pods that the Job controls, and the orphans that it may adopt. */
  readonly pods: readonly Pod[];
  readonly rng: Rng;
  /** False while the store is being rebuilt: claim only. */
  readonly mayAct: boolean;
  /** The Job's failures, as this process remembers them. */
  readonly backoff?: Backoff | undefined;
  /** The last attempt to create pods was refused. */
  readonly isRefused?: boolean;
}

export interface JobPlan extends Plan {
  /** To be remembered once the plan has been carried out. */
  readonly backoff?: Backoff;
}

export function planJob(view: JobView, nowMs: number): JobPlan | undefined {
  const { job, mayAct } = view;
  if (isManagedElsewhere(job) || isFinished(job)) return undefined;
  const claims = planClaims(
    job,
    job.spec.selector,
    view.pods.map((pod) => asOwnPod(job, pod)),
  );
  const changed = [
    ...claims.adopt.map((pod) => withFinalizer(pod, TRACKING_FINALIZER)),
    ...claims.release.map((pod) => withoutFinalizer(pod, TRACKING_FINALIZER)),
  ];
  // A commit writes a pod once, so the next plan decides about these.
  if (changed.length > 0) {
    const writes = changed.slice(0, BURST_PODS).map((object): Write => ({ verb: 'update', object }));
    return { writes, checks: [unchanged(job)], requeueAfterMs: 0 };
  }
  return mayAct ? planSync(view, tallyJob(job, claims.owned, view.backoff), nowMs) : undefined;
}

/** The API refused the pods (invalid, forbidden, no quota): everything else goes on. */
export function planRefusedPods(view: JobView, { message, namespaceGoes }: Refusal, nowMs: number): Plan {
  const plan = planJob({ ...view, isRefused: true }, nowMs) ?? { writes: [] };
  if (namespaceGoes) return plan;
  return { ...plan, events: [...(plan.events ?? []), jobEvent('refused', view.job, message)] };
}

function planSync(view: JobView, tally: Tally, nowMs: number): JobPlan {
  const { job } = view;
  const early = planTarget(job, tally, nowMs);
  const pods = podChanges(view, tally, early, nowMs);
  const activeCount = tally.active.length - pods.deletes.length + pods.creates.length;
  const target = early ?? (isComplete(job, tally.succeeded, activeCount) ? COMPLETED : undefined);
  const counting = planCounting(job, tally, target);
  const input: StatusInput = { job, tally, pods, counting, target };
  const { status, events } = interimStatus(input, nowMs);
  const changes = podWrites(job, pods, counting, early !== undefined);
  const checks = [unchanged(job)];
  const waits = [pods.waitMs, target ? undefined : deadlineInMs({ ...job, status }, nowMs)].filter(
    (ms) => ms !== undefined,
  );
  const requeue = waits.length > 0 ? { requeueAfterMs: Math.max(0, Math.min(...waits)) } : {};
  if (changes.length > 0 || !jsonEqual(status, countedStatus(job, tally))) {
    const report = jsonEqual(status, job.status) ? [] : [statusUpdate({ ...job, status })];
    const told = changes.flatMap(({ write, event }) => (event ? [{ ...event, write }] : []));
    return {
      writes: [...changes.map(({ write }) => write), ...report],
      checks,
      events: [...told, ...events],
      piecemeal: true,
      backoff: backoffAfter(tally, counting),
      ...requeue,
    };
  }
  const finished = finishedStatus(input, status, nowMs);
  const last = finished?.status ?? status;
  const writes = jsonEqual(last, job.status) ? [] : [statusUpdate({ ...job, status: last })];
  return { writes, checks, events: finished?.events ?? [], ...requeue };
}

function podChanges(view: JobView, tally: Tally, target: Target | undefined, nowMs: number): PodChanges {
  const { job, rng, isRefused } = view;
  if (target) return { creates: [], deletes: tally.active.slice(0, BURST_PODS) };
  if (isDeleting(job)) return { creates: [], deletes: [] };
  const changes = planJobPods(job, tally, rng, nowMs);
  return isRefused ? { ...changes, creates: [] } : changes;
}

function isComplete({ spec }: Job, succeeded: number, active: number): boolean {
  const isReached = typeof spec.completions === 'number' ? succeeded >= spec.completions : succeeded > 0;
  return isReached && active === 0;
}

interface Change {
  readonly write: Write;
  readonly event?: PlannedEvent;
}

function podWrites(
  job: Job,
  { creates, deletes }: PodChanges,
  { released }: Counting,
  isEnding: boolean,
): readonly Change[] {
  const doomed = new Set(deletes);
  const created = creates.map(
    (object): Change => ({
      write: { verb: 'create', object },
      event: jobEvent('created', job, object.metadata.name),
    }),
  );
  const deleted = deletes.map(
    (pod): Change => ({
      write: removalOf(pod, isEnding ? released.has(pod) : true),
      event: jobEvent('deleted', job, pod.metadata.name),
    }),
  );
  const freed = [...released]
    .filter((pod) => !doomed.has(pod))
    .map(
      (pod): Change => ({
        write: { verb: 'update', object: withoutFinalizer(pod, TRACKING_FINALIZER), seen: pod },
      }),
    );
  return [...created, ...deleted, ...freed];
}

/** Only the pod as it was seen: one that has ended meanwhile is counted instead. */
function removalOf(pod: Pod, isReleased: boolean): Write {
  const { resourceVersion } = pod.metadata;
  const write = deletionOf(pod, { preconditions: resourceVersion ? { resourceVersion } : {} });
  if (!isReleased || !isTracked(pod)) return write;
  return { ...write, mark: (current) => withoutFinalizer(current, TRACKING_FINALIZER) };
}

/** Includes the ends that are counted now. Other ends come again in the next plan. */
function backoffAfter({ backoff, newlySucceeded, newlyFailed }: Tally, { released }: Counting): Backoff {
  const isReleased = (pod: Pod): boolean => released.has(pod);
  return nextBackoff(backoff, newlySucceeded.filter(isReleased), newlyFailed.filter(isReleased));
}

/**
 * A pod that an agent brought back after the store lost its history names the Job, and has labels
 * with the uid that the Job had then.
 */
function asOwnPod(job: Job, pod: Pod): Pod {
  const { labels } = pod.metadata;
  const owner = restoredOwnerOf(pod);
  if (owner?.kind !== 'Job' || owner.name !== job.metadata.name || job.spec.manualSelector === true)
    return pod;
  const generated = {
    ...Object.fromEntries(UID_LABELS.map((label) => [label, job.metadata.uid ?? ''])),
    ...Object.fromEntries(NAME_LABELS.map((label) => [label, job.metadata.name])),
  };
  return { ...pod, metadata: { ...pod.metadata, labels: { ...labels, ...generated } } };
}
