/** Runs {@link planJob} for each changed Job. */
import { keyOf } from '../../schemas/object.ts';
import { restoredOwnerOf } from '../../schemas/pods/pod-marks.ts';
import type { Job, Pod } from '../../schemas/types.ts';
import { indexByController, orphansOf, CONTROLLER_INDEX } from '../../store/cache/indexes.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { controlledBy, ownersConcerned } from '../indexes.ts';
import type { Backoff } from './backoff.ts';
import { isFinished } from './job-facts.ts';
import { JOB_EVENTS } from './job-events.ts';
import { type JobPlan, type JobView, planJob, planRefusedPods } from './plan-job.ts';

/**
 * Pods of a Job end in crowds: changes of pods within this time share one plan. Upstream waits a
 * second; a Job of one short pod is over sooner here.
 */
const BATCH_MS = 100;

export const jobController: Controller = {
  name: 'job',
  async open({ caches, mayAct, rng }, scope): Promise<Reconciler<JobView, JobPlan>> {
    const jobs = await caches.open<Job>('jobs.batch');
    const pods = await caches.open<Pod>('pods');
    indexByController(pods);
    scope.on(jobs, itself);
    scope.on(
      pods,
      ownersConcerned('Job', jobs, ({ spec }) => spec.selector),
      BATCH_MS,
    );
    /** By the uid of the Job. */
    const backoffs = new Map<string, Backoff>();
    const forget = ({ metadata }: Job): boolean => backoffs.delete(metadata.uid ?? '');
    scope.on(jobs, ({ type, object }) => {
      if (type === 'DELETED' || isFinished(object)) forget(object);
      return [];
    });

    /**
     * Pods without a controller: those that the selector matches, and those that were the Job's.
     */
    const orphansFor = (job: Job): readonly Pod[] =>
      pods
        .byIndex(CONTROLLER_INDEX, orphansOf(job.metadata.namespace))
        .filter(
          (pod) => matchesLabelSelector(job.spec.selector, pod.metadata.labels) || isFormerPodOf(job, pod),
        );

    return {
      events: { component: 'job-controller', texts: JOB_EVENTS },
      keys: () => jobs.list().map(keyOf),
      observe(key) {
        const job = jobs.get(key);
        if (!job || isFinished(job)) return undefined;
        return {
          job,
          pods: [...controlledBy(pods, job.metadata.uid), ...orphansFor(job)],
          rng,
          mayAct: mayAct(),
          backoff: backoffs.get(job.metadata.uid ?? ''),
        };
      },
      plan: planJob,
      planRefused: planRefusedPods,
      after({ backoff }, key) {
        const job = jobs.get(key);
        if (backoff && job && !isFinished(job)) backoffs.set(job.metadata.uid ?? '', backoff);
      },
    };
  },
};

function isFormerPodOf({ metadata: { name, namespace } }: Job, pod: Pod): boolean {
  const owner = restoredOwnerOf(pod);
  return owner?.kind === 'Job' && owner.name === name && pod.metadata.namespace === namespace;
}
