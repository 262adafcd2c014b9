/** Runs {@link planDisruption} for budgets whose pods, or their controllers, changed. */
import { jsonEqual } from '../../base/json.ts';
import { asNumber, asRecord, getPath } from '../../schemas/json-access.ts';
import {
  controllerOf,
  type KubeObject,
  keyOf,
  objectKey,
  type OwnerReference,
} from '../../schemas/object.ts';
import { type ResourceId, type Registry, resourceIdOf } from '../../schemas/resource-kind.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';
import type { Pod } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { isReady } from '../pod-facts.ts';
import { DISRUPTION_EVENTS, type DisruptionInput, planDisruption, type PodScale } from './plan-disruption.ts';

const BUDGETS = 'poddisruptionbudgets.policy';
/** A pod's owner, that one's owner: further up nobody says how many pods there should be. */
const MAX_LEVELS = 3;

type Owners = ReadonlyMap<ResourceId, ResourceCache>;

export const disruptionController: Controller = {
  name: 'disruption',
  async open({ caches, registry }, scope): Promise<Reconciler<DisruptionInput>> {
    const budgets = await caches.open(BUDGETS);
    const pods = await caches.open<Pod>('pods');
    const owners = new Map<ResourceId, ResourceCache>();
    for (const kind of registry.kinds.filter(({ scale, namespaced }) => scale && namespaced))
      owners.set(resourceIdOf(kind), await caches.open(resourceIdOf(kind)));

    scope.on(budgets, itself);
    scope.on(pods, ({ type, object, previous }) => {
      if (type === 'MODIFIED' && previous && !mayMatter(object, previous)) return [];
      const concerned = budgets
        .list(object.metadata.namespace)
        .filter((budget) => selects(budget, object) || (previous && selects(budget, previous)));
      return concerned.map(keyOf);
    });
    const replicasOf = (owner: KubeObject): unknown => asRecord(owner['spec'])['replicas'];
    for (const cache of owners.values())
      scope.on(cache, ({ object, previous }) =>
        previous && replicasOf(object) === replicasOf(previous)
          ? []
          : budgets.list(object.metadata.namespace).map(keyOf),
      );
    return {
      events: DISRUPTION_EVENTS,
      keys: () => budgets.list().map(keyOf),
      observe(key) {
        const budget = budgets.get(key);
        if (!budget || isDeleting(budget)) return undefined;
        return {
          budget,
          pods: pods.list(budget.metadata.namespace).filter((pod) => selects(budget, pod)),
          scaleOf: (pod) => scaleOf(registry, owners, pod),
        };
      },
      plan: planDisruption,
    };
  },
};

/** The topmost controller that says how many pods it wants. */
function scaleOf(registry: Registry, owners: Owners, pod: Pod): PodScale | 'unmanaged' | 'unknown' {
  let reference: OwnerReference | undefined = controllerOf(pod);
  if (!reference) return 'unmanaged';
  let found: PodScale | undefined;
  for (let level = 0; reference && level < MAX_LEVELS; level += 1) {
    const { apiVersion, kind: kindName, name, uid }: OwnerReference = reference;
    const kind = registry.byKind(apiVersion, kindName);
    const owner = kind && owners.get(resourceIdOf(kind))?.get(objectKey(pod.metadata.namespace, name));
    if (!kind?.scale || owner?.metadata.uid !== uid) break;
    found = { uid, replicas: asNumber(getPath(owner, ...kind.scale.specReplicas.split('.'))) ?? 1 };
    reference = controllerOf(owner);
  }
  return found ?? 'unknown';
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
