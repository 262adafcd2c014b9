/** Runs {@link planCronJob} for each CronJob when one of its times comes or its Jobs change. */
import { controllerOf, keyOf, objectKey } from '../../schemas/object.ts';
import type { CronJob, Job } from '../../schemas/types.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { indexByController } from '../../store/cache/indexes.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { controlledBy } from '../indexes.ts';
import { CRON_JOB_EVENTS } from './cron-job-events.ts';
import { type CronJobPlan, type CronJobView, planCronJob, planRefusedJob } from './plan-cron-job.ts';

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
    const said = new Map<string, ReadonlySet<string>>();
    scope.on(cronJobs, itself);
    scope.on(jobs, ownersOf);
    return {
      // Jobs may be missing until then, and would run twice.
      pausesForRebuild: true,
      events: CRON_JOB_EVENTS,
      keys: () => cronJobs.list().map(keyOf),
      observe(key) {
        const cronJob = cronJobs.get(key);
        if (!cronJob) return void said.delete(key);
        const { namespace, uid } = cronJob.metadata;
        return {
          cronJob,
          jobs: controlledBy(jobs, uid),
          isNameTaken: (name) => jobs.get(objectKey(namespace, name)) !== undefined,
          rng,
          said: said.get(key) ?? new Set(),
        };
      },
      plan: planCronJob,
      planRefused: planRefusedJob,
      after: ({ standing }, key) => void said.set(key, standing),
    };
  },
};
