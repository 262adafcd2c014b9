/** Runs {@link planOrphanPods} for each namespace in which a pod may have lost its Job. */
import { objectKey } from '../../schemas/object.ts';
import type { Job, Pod } from '../../schemas/types.ts';
import { indexByController } from '../../store/cache/indexes.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { controlledBy } from '../indexes.ts';
import { isFinished, isTracked } from './job-facts.ts';
import { isUncounted, planOrphanPods } from './plan-orphan-pods.ts';

/** Pods with the finalizer, by their namespace. */
const TRACKED_INDEX = 'job-tracked';

export const orphanPodsController: Controller = {
  name: 'job-orphan-pods',
  async open({ caches }, scope): Promise<Reconciler<readonly Pod[]>> {
    const jobs = await caches.open<Job>('jobs.batch');
    const pods = await caches.open<Pod>('pods');
    indexByController(pods);
    pods.addIndex(TRACKED_INDEX, (pod) => (isTracked(pod) ? [pod.metadata.namespace ?? ''] : []));
    const jobIn =
      (namespace: string) =>
      (name: string): Job | undefined =>
        jobs.get(objectKey(namespace, name));
    scope.on(pods, ({ type, object }) => {
      const { namespace = '' } = object.metadata;
      return type !== 'DELETED' && isUncounted(object, jobIn(namespace)) ? [namespace] : [];
    });
    scope.on(jobs, ({ type, object }) => {
      if (type !== 'DELETED' && !isFinished(object)) return [];
      const { uid, namespace = '' } = object.metadata;
      return controlledBy(pods, uid).some(isTracked) ? [namespace] : [];
    });
    return {
      // A pod that an agent brought back waits for its Job, which comes back from Git.
      pausesForRebuild: true,
      keys: () =>
        new Set(
          pods
            .list()
            .filter(isTracked)
            .map(({ metadata }) => metadata.namespace ?? ''),
        ),
      observe: (namespace) =>
        pods.byIndex(TRACKED_INDEX, namespace).filter((pod) => isUncounted(pod, jobIn(namespace))),
      plan: (found) => (found.length > 0 ? planOrphanPods(found) : undefined),
    };
  },
};
