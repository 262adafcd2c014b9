/**
 * Old ReplicaSets that the store lost with its history, made again for restored pods; pure. Git
 * brings the Deployment back with its newest template only. Without their ReplicaSet, pods of an
 * earlier template would stay for ever; with it they end in the rollout.
 *
 * A pod says which ReplicaSet it had (`RESTORED_OWNER`, which nobody else can set), so pods that
 * were orphaned on purpose are left alone. The Deployment makes the newest ReplicaSet itself,
 * unless it is paused. Pods that have ended get theirs as well, and go with it.
 */
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import { podKind } from '../../schemas/kinds/pod/kind.ts';
import { RESTORED_OWNER, withoutMarks } from '../../schemas/pods/pod-marks.ts';
import type { Deployment, Pod, PodSpec, PodTemplate } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { isDeleting } from '../ownership.ts';
import { isActive, isTerminal } from '../pod-facts.ts';
import { replicaSetName, replicaSetOf, withHash } from './plan-new-replica-set.ts';
import { HASH_LABEL, sameTemplate, templateHash } from './template-hash.ts';

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
    const object = replicaSetOf(deployment, hash, {
      annotations: {},
      replicas: active.length,
      template: isMadeFrom(template, pod) ? withHash(template, hash) : templateOf(pod),
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

/**
 * The hash alone does not tell: another version knew fewer defaults, or nobody remembers a
 * collision. Pods have defaults that templates have not.
 */
function isMadeFrom(template: PodTemplate, pod: Pod): boolean {
  const { metadata = {}, spec = { containers: [] } } = template;
  const { apiVersion, kind, metadata: own } = pod;
  const made = podKind.withDefaults({ apiVersion, kind, metadata: own, spec }) as Pod;
  return sameTemplate({ metadata, spec: withoutAdditions(made.spec) }, templateOf(pod));
}

/** The template as far as the pod shows it: without what the server and the scheduler added. */
function templateOf({ metadata, spec }: Pod): PodTemplate {
  const annotations = withoutMarks(metadata.annotations ?? {});
  return {
    metadata: {
      labels: { ...metadata.labels },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: withoutAdditions(spec),
  };
}

/** Set by admission from the class of the pod, or at binding; no template has them. */
const ADDED = ['nodeName', 'priority', 'preemptionPolicy', 'ephemeralContainers'];
/** Set by admission where the template names none. */
const ACCOUNT = ['serviceAccountName', 'serviceAccount'];
/** Volumes with the token of the service account, which the server mounts into every container. */
const isToken = ({ name }: { readonly name: string }): boolean => name.startsWith('kube-api-access-');
/** Tolerations that admission gives to every pod. */
const DEFAULT_TOLERATIONS = ['not-ready', 'unreachable'].map((condition) => ({
  effect: 'NoExecute',
  key: `node.kubernetes.io/${condition}`,
  operator: 'Exists',
  tolerationSeconds: 300,
}));

function withoutAdditions(spec: PodSpec): PodSpec {
  const volumes = spec.volumes?.filter((volume) => !isToken(volume)) ?? [];
  const tolerations =
    spec.tolerations?.filter((one) => !DEFAULT_TOLERATIONS.some((known) => jsonEqual(one, known))) ?? [];
  const strip = <T extends PodSpec['containers'][number]>(container: T): T => {
    const kept = container.volumeMounts?.filter((mount) => !isToken(mount)) ?? [];
    const bare = omit(container, 'volumeMounts');
    return kept.length > 0 ? { ...bare, volumeMounts: kept } : bare;
  };
  return {
    ...omit(
      spec,
      ...ADDED,
      ...(spec.serviceAccountName === 'default' ? ACCOUNT : []),
      'volumes',
      'tolerations',
    ),
    containers: spec.containers.map(strip),
    ...(spec.initContainers ? { initContainers: spec.initContainers.map(strip) } : {}),
    ...(volumes.length > 0 ? { volumes } : {}),
    ...(tolerations.length > 0 ? { tolerations } : {}),
  };
}
