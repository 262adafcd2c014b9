/**
 * Old ReplicaSets that the store lost with its history, made again for restored pods; pure. Git
 * brings the Deployment back with its newest template only. Without their ReplicaSet, pods of an
 * earlier template would stay for ever; with it they end in the rollout.
 *
 * A pod says which ReplicaSet it had (`RESTORED_OWNER`, which nobody else can set), so pods that
 * were orphaned on purpose are left alone. The Deployment makes the newest ReplicaSet itself,
 * unless it is paused. Pods that have ended get theirs as well, and go with it.
 */
import { RESTORED_OWNER } from '../../schemas/pods/pod-marks.ts';
import type { Deployment, Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { isDeleting } from '../ownership.ts';
import { podCalled } from '../owned-pod.ts';
import { isActive, isTerminal } from '../pod-facts.ts';
import { olderTemplateOf } from '../restored-template.ts';
import { replicaSetName, replicaSetOf, withHash } from './plan-new-replica-set.ts';
import { HASH_LABEL, templateHash } from './template-hash.ts';

export interface LostReplicaSetsInput {
  readonly deployment: Deployment;
  /** Pods without a controller that the Deployment's selector matches. */
  readonly orphans: readonly Pod[];
  isNameTaken(name: string): boolean;
}

export function planLostReplicaSets(input: LostReplicaSetsInput): readonly Write[] {
  const { deployment } = input;
  const { paused = false, template } = deployment.spec;
  const newest = newestHash(deployment);
  const byHash = new Map<string, Pod[]>();
  for (const pod of input.orphans) {
    const hash = restoredHash(deployment, pod);
    if (hash === undefined || (hash === newest && !paused) || isDeleting(pod)) continue;
    if (input.isNameTaken(replicaSetName(deployment, hash))) continue;
    byHash.set(hash, [...(byHash.get(hash) ?? []), pod]);
  }
  return [...byHash].map(([hash, pods]): Write => {
    const active = pods.filter(isActive);
    const [pod] = [...active, ...pods] as [Pod, ...Pod[]];
    const made = podCalled({ name: pod.metadata.name, generateName: '' }, deployment, template);
    const object = replicaSetOf(deployment, hash, {
      annotations: {},
      replicas: active.length,
      template: withHash(olderTemplateOf(pod, made) ?? template, hash),
    });
    return { verb: 'create', object };
  });
}

/** Whether old pods are still ending: the pods of a lost ReplicaSet count for nobody else. */
export function endsLostPods({
  deployment,
  orphans,
}: Pick<LostReplicaSetsInput, 'deployment' | 'orphans'>): boolean {
  return orphans.some((pod) => {
    const hash = isDeleting(pod) && !isTerminal(pod) ? restoredHash(deployment, pod) : undefined;
    return hash !== undefined && hash !== newestHash(deployment);
  });
}

const newestHash = ({ spec, status }: Deployment): string =>
  templateHash(spec.template, status?.collisionCount);

/** The hash of a restored pod whose ReplicaSet belonged to this Deployment. */
function restoredHash(deployment: Deployment, { metadata }: Pod): string | undefined {
  const hash = metadata.labels?.[HASH_LABEL];
  if (hash === undefined) return undefined;
  const owner = `ReplicaSet/${replicaSetName(deployment, hash)}`;
  return metadata.annotations?.[RESTORED_OWNER] === owner ? hash : undefined;
}
