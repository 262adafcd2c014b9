/** Runs {@link planTtl} for each Job that has finished. */
import { keyOf } from '../../schemas/object.ts';
import type { Job } from '../../schemas/types.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { planTtl } from './plan-ttl.ts';

export const ttlAfterFinished: Controller = {
  name: 'ttl-after-finished',
  async open({ caches }, scope): Promise<Reconciler<Job>> {
    const jobs = await caches.open<Job>('jobs.batch');
    scope.on(jobs, itself);
    return {
      pausesForRebuild: true,
      keys: () => jobs.list().map(keyOf),
      observe: (key) => jobs.get(key),
      plan: planTtl,
    };
  },
};
