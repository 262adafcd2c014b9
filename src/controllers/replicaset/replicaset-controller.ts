/** Runs {@link planReplicaSet} for each ReplicaSet, or ReplicationController, that something happened to. */
import { ConflictError } from '../../base/errors.ts';
import { controllerOf, type KubeObject, keyOf, objectKey } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';
import type { Pod } from '../../schemas/types.ts';
import { type ControllerContext, execute, type Loop, startLoop } from '../controller.ts';
import { CONTROLLER_INDEX, indexByController, orphansOf } from '../indexes.ts';
import { isActive } from '../pod-facts.ts';
import { createAsManyAsAllowed, isNamespaceGoing, isRefusal } from '../slow-start.ts';
import { componentOf, createdPod, planReplicaSet, type Replicator, selectorOf } from './plan-replicaset.ts';

interface ReplicatorKind {
  readonly kind: 'ReplicaSet' | 'ReplicationController';
  readonly resource: ResourceId;
}

export const startReplicaSetController = (context: ControllerContext): Promise<Loop> =>
  startReplicatorController(context, { kind: 'ReplicaSet', resource: 'replicasets.apps' });

export const startReplicationController = (context: ControllerContext): Promise<Loop> =>
  startReplicatorController(context, { kind: 'ReplicationController', resource: 'replicationcontrollers' });

async function startReplicatorController(
  context: ControllerContext,
  { kind, resource }: ReplicatorKind,
): Promise<Loop> {
  const { caches, clock, rng } = context;
  const replicaSets = await caches.open<Replicator>(resource);
  const pods = await caches.open<Pod>('pods');
  indexByController(replicaSets);
  indexByController(pods);

  const loop = startLoop({
    name: kind.toLowerCase(),
    context,
    keys: () => replicaSets.list().map(keyOf),
    async reconcile(key, signal) {
      const replicaSet = replicaSets.get(key);
      if (!replicaSet) return undefined;
      const input = {
        replicaSet,
        pods: candidates(replicaSet),
        related: relatedPods(replicaSet),
        nowMs: clock.now(),
        rng,
        mayAct: context.mayAct(),
      };
      const plan = planReplicaSet(input);
      try {
        return await execute(context, plan, signal);
      } catch (error) {
        if (isNamespaceGoing(error)) {
          return await execute(context, planReplicaSet({ ...input, mayAct: false }), signal);
        }
        const creates = plan.writes.filter(({ verb }) => verb === 'create');
        if (!isRefusal(error) || creates.length === 0) throw error;
        // Pods are refused (invalid, forbidden, no quota, namespace going away): make those that may be, say so where
        // people look, then try again.
        const { created, refusal } = await createAsManyAsAllowed(context, creates, plan.checks, signal);
        const names = new Set(creates.slice(0, created).map(({ object }) => object.metadata.name));
        for (const event of plan.events) if (names.has(createdPod(event))) context.events.record(event);
        // The other writes of the plan were refused along with the pods.
        if (!refusal)
          throw new ConflictError('What was refused together is allowed piece by piece', { cause: error });
        const failure = { reason: 'FailedCreate' as const, message: refusal.message };
        await execute(context, planReplicaSet({ ...input, failure }), signal);
        const message = `Error creating: ${refusal.message}`;
        context.events.record({
          about: replicaSet,
          type: 'Warning',
          reason: 'FailedCreate',
          message,
          component: componentOf(replicaSet),
        });
        throw refusal;
      }
    },
  });

  /** Pods it controls, and orphans that it might adopt. */
  function candidates(replicaSet: Replicator): Pod[] {
    const { namespace, uid } = replicaSet.metadata;
    const orphans = pods
      .byIndex(CONTROLLER_INDEX, orphansOf(namespace))
      .filter((pod) => matchesLabelSelector(selectorOf(replicaSet), pod.metadata.labels));
    return [...pods.byIndex(CONTROLLER_INDEX, uid ?? ''), ...orphans];
  }

  function relatedPods(replicaSet: Replicator): Pod[] {
    const owner = controllerOf(replicaSet);
    const family = owner ? replicaSets.byIndex(CONTROLLER_INDEX, owner.uid) : [replicaSet];
    return family
      .flatMap((member) => pods.byIndex(CONTROLLER_INDEX, member.metadata.uid ?? ''))
      .filter(isActive);
  }

  function wakeFor(pod: KubeObject): void {
    const { namespace } = pod.metadata;
    const owner = controllerOf(pod);
    if (owner?.kind === kind) loop.queue.add(objectKey(namespace, owner.name));
    if (owner) return;
    for (const replicaSet of replicaSets.list(namespace)) {
      if (matchesLabelSelector(selectorOf(replicaSet), pod.metadata.labels))
        loop.queue.add(keyOf(replicaSet));
    }
  }

  const subscriptions = [
    replicaSets.subscribe(({ key }) => loop.queue.add(key)),
    pods.subscribe(({ object, previous }) => {
      wakeFor(object);
      if (previous && controllerOf(previous)?.uid !== controllerOf(object)?.uid) wakeFor(previous);
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
