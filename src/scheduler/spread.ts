/** Topology spread constraints (KEP-895, KEP-3022, KEP-3094), for the filter and the scorer. */
import { ownMember } from '../base/json.ts';
import { compileLabelSelector } from './label-predicate.ts';
import { labelSelectorRequirements } from '../schemas/values/selectors.ts';
import { toleratesTaint } from '../schemas/pods/tolerations.ts';
import { requiredNodePredicate } from '../schemas/pods/node-selector.ts';
import type { NodeInfo, PodInfo, Snapshot, SpreadConstraint } from './types.ts';

export const HOSTNAME_KEY = 'kubernetes.io/hostname';
const ZONE_KEY = 'topology.kubernetes.io/zone';

/** The constraints that the pod carries itself. */
export function ownConstraints(pod: PodInfo, hard: boolean): readonly SpreadConstraint[] {
  return (pod.spec.topologySpreadConstraints ?? [])
    .filter((constraint) => (constraint.whenUnsatisfiable === 'DoNotSchedule') === hard)
    .map((constraint) => ({
      maxSkew: constraint.maxSkew,
      topologyKey: constraint.topologyKey,
      hard,
      selects: compileLabelSelector(constraint.labelSelector),
      counts: isEmptySelector(constraint.labelSelector)
        ? () => false
        : compileLabelSelector(constraint.labelSelector),
      minDomains: constraint.minDomains ?? 1,
      honorNodeAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
      honorTaints: constraint.nodeTaintsPolicy === 'Honor',
    }));
}

function isEmptySelector(selector: unknown): boolean {
  return labelSelectorRequirements(selector)?.length === 0;
}

/** Upstream's defaults for a pod without constraints that a Service or ReplicaSet selects. */
export function defaultConstraints(pod: PodInfo, snapshot: Snapshot): readonly SpreadConstraint[] {
  const selects = snapshot.defaultSpreadSelector(pod);
  if (!selects) return [];
  const soft = {
    hard: false,
    selects,
    counts: selects,
    minDomains: 1,
    honorNodeAffinity: true,
    honorTaints: false,
  };
  return [
    { ...soft, topologyKey: HOSTNAME_KEY, maxSkew: 3 },
    { ...soft, topologyKey: ZONE_KEY, maxSkew: 5 },
  ];
}

/** Whether a node counts for a constraint, by its node inclusion policies. */
export function includesNode(pod: PodInfo): (constraint: SpreadConstraint, node: NodeInfo) => boolean {
  const matchesAffinity = requiredNodePredicate(pod);
  return (constraint, node) => {
    if (constraint.honorNodeAffinity && matchesAffinity && !matchesAffinity(node)) return false;
    if (!constraint.honorTaints) return true;
    return node.taints.every(
      (taint) => taint.effect === 'PreferNoSchedule' || toleratesTaint(pod.tolerations, taint),
    );
  };
}

export function hasAllKeys(node: NodeInfo, constraints: readonly SpreadConstraint[]): boolean {
  return constraints.every((constraint) => ownMember(node.labels, constraint.topologyKey) !== undefined);
}

/** Pods on the node that a constraint counts: same namespace, selected, not being deleted. */
export function countMatching(node: NodeInfo, namespace: string, { counts }: SpreadConstraint): number {
  let count = 0;
  for (const pod of node.pods) {
    if (pod.namespace === namespace && !pod.terminating && counts(pod.labels)) count += 1;
  }
  return count;
}
