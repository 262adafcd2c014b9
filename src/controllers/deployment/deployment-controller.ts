/** Runs {@link planDeployment} for each Deployment that something happened to. */
import { controllerOf, keyOf, objectKey } from '../../schemas/object.ts';
import { isRestored } from '../../schemas/pods/pod-marks.ts';
import type { Deployment, Pod, ReplicaSet } from '../../schemas/types.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { controlledBy, orphansFor, ownersConcerned } from '../indexes.ts';
import { indexByController } from '../../store/cache/indexes.ts';
import { type DeploymentView, planDeployment } from './plan-deployment.ts';
import { planCreateFailure } from './plan-new-replica-set.ts';
import { DEPLOYMENT_EVENTS } from './replica-set-draft.ts';

export const deploymentController: Controller = {
  name: 'deployment',
  async open({ caches }, scope): Promise<Reconciler<DeploymentView>> {
    const deployments = await caches.open<Deployment>('deployments.apps');
    const replicaSets = await caches.open<ReplicaSet>('replicasets.apps');
    const pods = await caches.open<Pod>('pods');
    indexByController(replicaSets);
    indexByController(pods);
    const concerned = ownersConcerned('Deployment', deployments, ({ spec }) => spec.selector);

    /** Recreate waits for the last old pod; otherwise only restored pods matter. */
    function concernedByPod({ type, object: pod }: CacheEvent<Pod>): readonly string[] {
      if (type === 'ADDED') return [];
      const { namespace } = pod.metadata;
      const owner = controllerOf(pod);
      if (!owner) return isRestored(pod) ? concerned({ object: pod }) : [];
      const set = replicaSets.get(objectKey(namespace, owner.name));
      const deployment = set && controllerOf(set);
      if (deployment?.kind !== 'Deployment') return [];
      const key = objectKey(namespace, deployment.name);
      return deployments.get(key)?.spec.strategy?.type === 'Recreate' ? [key] : [];
    }

    scope.on(deployments, itself);
    scope.on(replicaSets, concerned);
    scope.on(pods, concernedByPod);
    return {
      // Old ReplicaSets may be missing until then: rolling on would stop their pods.
      pausesForRebuild: true,
      events: DEPLOYMENT_EVENTS,
      keys: () => deployments.list().map(keyOf),
      observe(key) {
        const deployment = deployments.get(key);
        if (!deployment) return undefined;
        const { namespace, uid } = deployment.metadata;
        const { selector } = deployment.spec;
        const owned = controlledBy(replicaSets, uid);
        return {
          deployment,
          replicaSets: [...owned, ...orphansFor(replicaSets, deployment, selector)],
          pods: owned.flatMap(({ metadata }) => controlledBy(pods, metadata.uid)),
          orphans: orphansFor(pods, deployment, selector),
          isNameTaken: (name) => replicaSets.get(objectKey(namespace, name)) !== undefined,
        };
      },
      plan: planDeployment,
      planRefused: ({ deployment }, refusal, nowMs) =>
        refusal.namespaceGoes ? undefined : planCreateFailure(deployment, refusal.message, nowMs),
    };
  },
};
