/** Runs {@link planCronJob} for each CronJob when one of its times comes or its Jobs change. */
import { controllerOf, keyOf, objectKey } from '../../schemas/object.ts';
import { restoredOwnerOf } from '../../schemas/pods/pod-marks.ts';
import type { CronJob, Job, Pod } from '../../schemas/types.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { CONTROLLER_INDEX, indexByController, orphansOf } from '../../store/cache/indexes.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { controlledBy } from '../indexes.ts';
import { isDeleting } from '../ownership.ts';
import { CRON_JOB_EVENTS } from './cron-job-events.ts';
import { parseJobName } from './jobs.ts';
import { type CronJobPlan, type CronJobView, planCronJob, planRefusedJob } from './plan-cron-job.ts';

/** Jobs made again in one commit; the rest follows in the next. */
const MAX_LOST = 100;

/** The CronJobs that control the Job, or did before the change. */
function ownersOf({ object, previous }: CacheEvent<Job>): readonly string[] {
  return [object, previous].flatMap((job) => {
    const owner = job && controllerOf(job);
    return job && owner?.kind === 'CronJob' ? [objectKey(job.metadata.namespace, owner.name)] : [];
  });
}

export const cronJobController: Controller = {
  name: 'cronjob',
  async open({ caches, rng }, scope): Promise<Reconciler<CronJobView, CronJobPlan>> {
    const cronJobs = await caches.open<CronJob>('cronjobs.batch');
    const jobs = await caches.open<Job>('jobs.batch');
    indexByController(jobs);
    const pods = await caches.open<Pod>('pods');
    indexByController(pods);
    /** The CronJob of a restored pod whose Job is gone, and the name of that Job. */
    function lostJobOf(pod: Pod): { readonly key: string; readonly name: string } | undefined {
      const { kind, name = '' } = restoredOwnerOf(pod) ?? {};
      const parsed = kind === 'Job' && !isDeleting(pod) ? parseJobName(name) : undefined;
      const { namespace } = pod.metadata;
      if (!parsed || jobs.get(objectKey(namespace, name))) return undefined;
      return { key: objectKey(namespace, parsed.cronJob), name };
    }
    const lostJobsOf = (key: string, namespace: string | undefined): readonly string[] => {
      const orphans = pods.byIndex(CONTROLLER_INDEX, orphansOf(namespace));
      const lost = orphans.map(lostJobOf).filter((found) => found?.key === key);
      return [...new Set(lost.flatMap((found) => found?.name ?? []))].slice(0, MAX_LOST);
    };

    const recorded = new Map<string, ReadonlySet<string>>();
    scope.on(cronJobs, itself);
    scope.on(jobs, ownersOf);
    scope.on(pods, ({ type, object }) => (type === 'ADDED' ? [lostJobOf(object)?.key ?? []].flat() : []));
    return {
      // Jobs may be missing until then, and would run twice.
      pausesForRebuild: true,
      events: CRON_JOB_EVENTS,
      keys: () => cronJobs.list().map(keyOf),
      observe(key) {
        const cronJob = cronJobs.get(key);
        if (!cronJob) return void recorded.delete(key);
        const { namespace, uid } = cronJob.metadata;
        return {
          cronJob,
          jobs: controlledBy(jobs, uid),
          isNameTaken: (name) => jobs.get(objectKey(namespace, name)) !== undefined,
          rng,
          lost: lostJobsOf(key, namespace),
          recorded: recorded.get(key) ?? new Set(),
        };
      },
      plan: planCronJob,
      planRefused: planRefusedJob,
      after: ({ standing }, key) => void recorded.set(key, standing),
    };
  },
};
