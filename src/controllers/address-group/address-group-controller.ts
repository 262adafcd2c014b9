/**
 * Runs {@link planAddressGroup} for each selection that NetworkPolicies name as peers. Without
 * policies it keeps nothing and looks at nothing.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  ADDRESS_GROUPS,
  type AddressGroup,
  groupOfSlice,
  neededGroups,
  type NeededGroup,
} from '../../schemas/address-groups.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Namespace, NetworkPolicy, Pod } from '../../schemas/types.ts';
import { type Labels, matchesRequirements } from '../../schemas/values/selectors.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { mayBeEndpoint } from '../endpoints/endpoint-facts.ts';
import { createPace } from '../endpoints/pace.ts';
import { indexByLabel, podsWithLabel } from '../indexes.ts';
import { isDeleting } from '../ownership.ts';
import {
  ADDRESS_GROUP_EVENTS,
  type AddressGroupView,
  MAX_SELECTIONS_PER_POLICY,
  planAddressGroup,
} from './plan-address-group.ts';
import { createSelections, leadingLabel, type Selection } from './selections.ts';

/** Pods that start together are written together. Nobody waits longer for a first packet. */
const GATHER_MS = 50;

const SELECTION_INDEX = 'selection';

export const addressGroupController: Controller = {
  name: 'address-group',
  async open({ caches, clock }, scope): Promise<Reconciler<AddressGroupView>> {
    const policies = await caches.open<NetworkPolicy>('networkpolicies.networking.k8s.io');
    const namespaces = await caches.open<Namespace>('namespaces');
    const pods = await caches.open<Pod>('pods');
    const groups = await caches.open<AddressGroup>(ADDRESS_GROUPS);
    const selections = createSelections();
    const pace = createPace(clock);
    indexByLabel(pods);
    groups.addIndex(SELECTION_INDEX, ({ metadata }) => [groupOfSlice(metadata.name)]);

    const learn = (key: string, policy: NetworkPolicy | undefined): readonly string[] => {
      const needed = policy ? neededGroups(policy) : [];
      const changed = selections.set(key, needed.slice(0, MAX_SELECTIONS_PER_POLICY));
      return [...changed, ...(isTooMany(needed) ? [key] : [])];
    };
    const selecting = (pod: Pod): ReadonlySet<string> => {
      const { namespace = '', labels = {} } = pod.metadata;
      return selections.selecting(labels, {
        namespace,
        namespaceLabels: labelsOf(namespaces.get(namespace)),
      });
    };
    for (const policy of policies.list()) learn(keyOf(policy), policy);
    const delayMs = (name: string): number => Math.max(GATHER_MS, pace.delayMs(name));
    scope.on(policies, ({ type, key, object }) => learn(key, type === 'DELETED' ? undefined : object));
    scope.on(pods, (event) => concerned(event, selecting), delayMs);
    scope.on(
      namespaces,
      ({ type, object, previous }) => {
        const [after, before] = [type === 'DELETED' ? {} : labelsOf(object), labelsOf(previous)];
        if (pods.list(object.metadata.name).length === 0 || jsonEqual(after, before)) return [];
        return difference(selections.inNamespacesWith(after), selections.inNamespacesWith(before));
      },
      delayMs,
    );
    scope.on(groups, ({ type, object }) => (type === 'DELETED' ? [groupOfSlice(object.metadata.name)] : []));

    return {
      events: ADDRESS_GROUP_EVENTS,
      pausesForRebuild: true,
      keys: () =>
        new Set([
          ...policies.list().flatMap((policy) => learn(keyOf(policy), policy)),
          ...groups.list().map(({ metadata }) => groupOfSlice(metadata.name)),
        ]),
      observe(name) {
        const policy = policies.get(name);
        if (policy) {
          const count = neededGroups(policy).length;
          return count > MAX_SELECTIONS_PER_POLICY ? { policy, count } : undefined;
        }
        const existing = groups.byIndex(SELECTION_INDEX, name).filter((group) => !isDeleting(group));
        const selection = selections.get(name);
        if (!selection && existing.length === 0) return undefined;
        const selected = selection ? podsOf(selection, pods, namespaces) : [];
        pace.reconciled(name, selected.length);
        return {
          name,
          selection: selection?.selection,
          portNames: selections.portNamesOf(name),
          pods: selected,
          groups: existing,
        };
      },
      plan: planAddressGroup,
      after: (_plan, name) => {
        if (!selections.get(name)) pace.forget(name);
      },
    };
  },
};

const isTooMany = (needed: readonly NeededGroup[]): boolean => needed.length > MAX_SELECTIONS_PER_POLICY;
const labelsOf = (namespace: Namespace | undefined): Labels => namespace?.metadata.labels ?? {};

/** The pods that a selection selects. Pods with one of its labels are found by index. */
function podsOf(
  { selection, podTerms, namespaceTerms }: Selection,
  pods: ResourceCache<Pod>,
  namespaces: ResourceCache<Namespace>,
): readonly Pod[] {
  const names = namespaceTerms
    ? namespaces
        .list()
        .filter(({ metadata }) => matchesRequirements(namespaceTerms, metadata.labels))
        .map(({ metadata }) => metadata.name)
    : [selection.namespace];
  const label = leadingLabel(podTerms);
  return names
    .flatMap((name) => (label ? podsWithLabel(pods, name, label) : pods.list(name)))
    .filter(({ metadata }) => matchesRequirements(podTerms, metadata.labels));
}

/** The selections whose addresses change with a pod. Most changes of a pod concern none. */
function concerned(
  { type, object, previous }: Pick<CacheEvent<Pod>, 'type' | 'object' | 'previous'>,
  selecting: (pod: Pod) => ReadonlySet<string>,
): Iterable<string> {
  if (object.spec.hostNetwork) return [];
  const before = previous && mayBeEndpoint(previous) ? previous : undefined;
  const after = type !== 'DELETED' && mayBeEndpoint(object) ? object : undefined;
  if (!before || !after) {
    const present = before ?? after;
    return present ? selecting(present) : [];
  }
  const isMoved =
    before.metadata.uid !== after.metadata.uid || !jsonEqual(before.status?.podIPs, after.status?.podIPs);
  if (isMoved) return new Set([...selecting(before), ...selecting(after)]);
  if (jsonEqual(before.metadata.labels, after.metadata.labels)) return [];
  return difference(selecting(before), selecting(after));
}

/** What one of two sets has. */
const difference = <T>(one: ReadonlySet<T>, other: ReadonlySet<T>): readonly T[] => [
  ...[...one].filter((item) => !other.has(item)),
  ...[...other].filter((item) => !one.has(item)),
];
