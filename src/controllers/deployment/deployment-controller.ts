/** Runs {@link planDeployment} for each Deployment that something happened to. */
import { controllerOf, type KubeObject, keyOf, objectKey } from '../../schemas/object.ts';
import { isRestored } from '../../schemas/pods/pod-marks.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';
import { StatusError } from '../../schemas/errors/status.ts';
import type { Deployment, Pod, ReplicaSet } from '../../schemas/types.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import { type ControllerContext, execute, type Loop, startLoop } from '../controller.ts';
import { CONTROLLER_INDEX, indexByController, orphansOf } from '../indexes.ts';
import { isNamespaceGoing } from '../slow-start.ts';
import { planDeployment } from './plan-deployment.ts';
import { planCreateFailure } from './plan-new-replica-set.ts';

export async function startDeploymentController(context: ControllerContext): Promise<Loop> {
  const { caches, clock } = context;
  const deployments = await caches.open<Deployment>('deployments.apps');
  const replicaSets = await caches.open<ReplicaSet>('replicasets.apps');
  const pods = await caches.open<Pod>('pods');
  indexByController(replicaSets);
  indexByController(pods);

  const loop = startLoop({
    name: 'deployment',
    context,
    keys: () => deployments.list().map(keyOf),
    async reconcile(key, signal) {
      const deployment = deployments.get(key);
      if (!deployment) return undefined;
      // While the store is being rebuilt old ReplicaSets may be missing from it: rolling on would stop their pods.
      if (!context.mayAct()) return undefined;
      const { namespace, uid } = deployment.metadata;
      const owned = replicaSets.byIndex(CONTROLLER_INDEX, uid ?? '');
      const orphans = replicaSets
        .byIndex(CONTROLLER_INDEX, orphansOf(namespace))
        .filter((set) => matchesLabelSelector(deployment.spec.selector, set.metadata.labels));
      const plan = planDeployment({
        deployment,
        replicaSets: [...owned, ...orphans],
        pods: owned.flatMap((set) => pods.byIndex(CONTROLLER_INDEX, set.metadata.uid ?? '')),
        orphans: pods
          .byIndex(CONTROLLER_INDEX, orphansOf(namespace))
          .filter((pod) => matchesLabelSelector(deployment.spec.selector, pod.metadata.labels)),
        isNameTaken: (name) => replicaSets.get(objectKey(namespace, name)) !== undefined,
        nowMs: clock.now(),
      });
      try {
        return await execute(context, { ...plan, checks: [unchanged(deployment)] }, signal);
      } catch (error) {
        if (isNamespaceGoing(error)) return undefined;
        const refused = error instanceof StatusError && [400, 403, 422].includes(error.code);
        if (!refused || !plan.writes.some(({ verb }) => verb === 'create')) throw error;
        await execute(context, planCreateFailure(deployment, error.message, clock.now()), signal);
        throw error;
      }
    },
  });

  function wakeFor(child: KubeObject): void {
    const { namespace } = child.metadata;
    const owner = controllerOf(child);
    if (owner?.kind === 'Deployment') loop.queue.add(objectKey(namespace, owner.name));
    if (owner) return;
    for (const deployment of deployments.list(namespace)) {
      if (matchesLabelSelector(deployment.spec.selector, child.metadata.labels)) {
        loop.queue.add(keyOf(deployment));
      }
    }
  }

  const subscriptions = [
    deployments.subscribe(({ key }) => loop.queue.add(key)),
    replicaSets.subscribe(({ object, previous }) => {
      wakeFor(object);
      if (previous && controllerOf(previous)?.uid !== controllerOf(object)?.uid) wakeFor(previous);
    }),
    // Recreate waits for the last old pod; nothing else looks at pods.
    pods.subscribe(({ type, object }) => {
      if (type === 'ADDED') return;
      const owner = controllerOf(object);
      if (!owner && isRestored(object)) return wakeFor(object);
      const set = owner && replicaSets.get(objectKey(object.metadata.namespace, owner.name));
      const deployment = set && controllerOf(set);
      if (!set || deployment?.kind !== 'Deployment') return;
      const key = objectKey(set.metadata.namespace, deployment.name);
      if (deployments.get(key)?.spec.strategy?.type === 'Recreate') loop.queue.add(key);
    }),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
