/** Runs {@link planDisruption} for each PodDisruptionBudget whose pods, or their controllers, changed. */
import { jsonEqual } from '../../base/json.ts';
import { asNumber, asRecord, getPath } from '../../schemas/json-access.ts';
import {
  controllerOf,
  type KubeObject,
  keyOf,
  objectKey,
  type OwnerReference,
} from '../../schemas/object.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';
import type { Pod } from '../../schemas/types.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { isReady } from '../pod-facts.ts';
import { type PodScale, planDisruption } from './plan-disruption.ts';

const BUDGETS = 'poddisruptionbudgets.policy';
/** A pod's owner, that one's owner: further up nobody says how many pods there should be. */
const MAX_LEVELS = 3;

export async function startDisruptionController(context: ControllerContext): Promise<Loop> {
  const { caches, clock, registry } = context;
  const budgets = await caches.open(BUDGETS);
  const pods = await caches.open<Pod>('pods');
  const scalable = registry.kinds.filter(({ scale, namespaced }) => scale && namespaced);
  const owners = new Map(
    await Promise.all(
      scalable.map(async (kind) => [resourceIdOf(kind), await caches.open(resourceIdOf(kind))] as const),
    ),
  );

  const loop = startLoop({
    name: 'disruption',
    context,
    keys: () => budgets.list().map(keyOf),
    async reconcile(key, signal) {
      const budget = budgets.get(key);
      if (!budget || budget.metadata.deletionTimestamp !== undefined) return undefined;
      const { namespace } = budget.metadata;
      const plan = planDisruption({
        budget,
        pods: pods.list(namespace).filter((pod) => selects(budget, pod)),
        scaleOf: (pod) => scaleOf(pod),
        nowMs: clock.now(),
      });
      if (plan.budget)
        await applyAndWait(context, [{ verb: 'update', object: plan.budget, subresource: 'status' }], signal);
      for (const event of plan.events) context.events.record(event);
      return plan.requeueAfterMs === undefined ? undefined : { requeueAfterMs: plan.requeueAfterMs };
    },
  });

  /** The topmost controller that says how many pods it wants. */
  function scaleOf(pod: Pod): PodScale | 'unmanaged' | 'unknown' {
    let reference: OwnerReference | undefined = controllerOf(pod);
    if (!reference) return 'unmanaged';
    let found: PodScale | undefined;
    for (let level = 0; reference && level < MAX_LEVELS; level += 1) {
      const owner = ownerOf(pod.metadata.namespace, reference);
      if (!owner) break;
      const replicas = asNumber(getPath(owner.object, ...owner.path.split('.'))) ?? 1;
      found = { uid: reference.uid, replicas };
      reference = controllerOf(owner.object);
    }
    return found ?? 'unknown';
  }

  function ownerOf(
    namespace: string | undefined,
    { apiVersion, kind: name, name: ownerName, uid }: OwnerReference,
  ): { readonly object: KubeObject; readonly path: string } | undefined {
    const kind = registry.byKind(apiVersion, name);
    if (!kind?.scale) return undefined;
    const object = owners.get(resourceIdOf(kind))?.get(objectKey(namespace, ownerName));
    return object?.metadata.uid === uid && object ? { object, path: kind.scale.specReplicas } : undefined;
  }

  const wake = (namespace: string | undefined, concerns: (budget: KubeObject) => boolean): void => {
    for (const budget of budgets.list(namespace)) if (concerns(budget)) loop.queue.add(keyOf(budget));
  };
  const subscriptions = [
    budgets.subscribe(({ type, key }) => type !== 'DELETED' && loop.queue.add(key)),
    pods.subscribe(({ type, object, previous }) => {
      if (type === 'MODIFIED' && previous && !mayMatter(object, previous)) return;
      wake(
        object.metadata.namespace,
        (budget) => selects(budget, object) || (previous !== undefined && selects(budget, previous)),
      );
    }),
    ...[...owners.values()].map((cache) =>
      cache.subscribe(({ object, previous }) => {
        const wanted = (owner: KubeObject | undefined): unknown => asRecord(owner?.['spec'])['replicas'];
        if (!previous || wanted(object) !== wanted(previous)) wake(object.metadata.namespace, () => true);
      }),
    ),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** An empty selector selects everything, a missing one nothing. */
function selects(budget: KubeObject, pod: Pod): boolean {
  const selector = asRecord(budget['spec'])['selector'];
  return selector !== undefined && matchesLabelSelector(selector, pod.metadata.labels);
}

function mayMatter(pod: Pod, previous: Pod): boolean {
  return (
    isReady(pod) !== isReady(previous) ||
    pod.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp ||
    !jsonEqual(pod.metadata.labels, previous.metadata.labels) ||
    controllerOf(pod)?.uid !== controllerOf(previous)?.uid
  );
}
