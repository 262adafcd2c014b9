/**
 * The number of replicas that an autoscaler had set, once the store lost it with its history; pure.
 * Git brings its own number back, which would stop pods under load. What agents brought back tells
 * how many there were. The number never falls below Git's: pods may be lost, and load may have come.
 */
import { controllerOf, parseApiVersion } from '../../schemas/object.ts';
import { restoredOwnerOf } from '../../schemas/pods/pod-marks.ts';
import type { HorizontalPodAutoscaler, Pod, ReplicaSet, StatefulSet } from '../../schemas/types.ts';
import {
  matchesLabelSelector,
  matchesRequirements,
  parseLabelSelector,
} from '../../schemas/values/selectors.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { isDeleting } from '../ownership.ts';
import { isActive } from '../pod-facts.ts';
import { ordinalOf, startOf } from '../stateful-set/identity.ts';
import type { ScaleTarget } from './autoscaler-view.ts';

export interface KeptScaleInput {
  readonly autoscaler: HorizontalPodAutoscaler;
  readonly target: ScaleTarget;
  /** All pods of the namespace. */
  readonly pods: readonly Pod[];
  /** Those of the target. A store that was restored from a backup has them, with former sizes. */
  readonly replicaSets: readonly ReplicaSet[];
}

export function planKeptScale({ autoscaler, target, pods, replicaSets }: KeptScaleInput): readonly Write[] {
  if (isDeleting(autoscaler) || isDeleting(target.object) || target.selector === '') return [];
  const selector = parseLabelSelector(target.selector);
  const own = pods.filter(
    (pod) => isActive(pod) && matchesRequirements(selector, pod.metadata.labels) && belongsTo(pod, target),
  );
  const replicas = Math.min(countOf(own, target), autoscaler.spec.maxReplicas);
  if (replicas <= target.specReplicas) return [];
  return [target.rescale(replicas), ...replicaSets.flatMap((set) => grown(set, own))];
}

const isKind = ({ object }: ScaleTarget, name: string): boolean =>
  object.kind === name && parseApiVersion(object.apiVersion).group === 'apps';

/** Ordinals up to the highest: the pods between may be on a node that is away. */
function countOf(pods: readonly Pod[], target: ScaleTarget): number {
  if (!isKind(target, 'StatefulSet')) return pods.length;
  return Math.max(-1, ...pods.map(ordinalOf)) + 1 - startOf(target.object as StatefulSet);
}

/** Pods of a Job, for example, may have the labels that a Deployment selects. */
function belongsTo(pod: Pod, target: ScaleTarget): boolean {
  const { kind, metadata } = target.object;
  const owner = controllerOf(pod) ?? restoredOwnerOf(pod);
  if (isKind(target, 'Deployment'))
    return owner?.kind === 'ReplicaSet' && owner.name.startsWith(`${metadata.name}-`);
  const isBuiltIn = isKind(target, kind) || kind === 'ReplicationController';
  return !isBuiltIn || (owner?.kind === kind && owner.name === metadata.name);
}

/** Otherwise it would delete pods before its Deployment has a say. */
function grown(set: ReplicaSet, pods: readonly Pod[]): readonly Write[] {
  const replicas = pods.filter(({ metadata }) =>
    matchesLabelSelector(set.spec.selector, metadata.labels),
  ).length;
  if (replicas <= (set.spec.replicas ?? 1)) return [];
  return [{ verb: 'update', object: { ...set, spec: { ...set.spec, replicas } } }];
}
