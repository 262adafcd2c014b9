/** The pods of a DaemonSet: made for one node each, told apart by node and revision; pure. */
import type { Rng } from '../../base/rng.ts';
import { compareText } from '../../base/text.ts';
import { templateGeneration } from '../../schemas/kinds/daemon-set/template-generation.ts';
import type { DaemonSet, Pod, PodSpec } from '../../schemas/types.ts';
import { REVISION_LABEL } from '../revision-history/plan-revision-history.ts';
import { podFromTemplate } from '../owned-pod.ts';
import { isDeleting } from '../ownership.ts';
import { availableInMs, isTerminal } from '../pod-facts.ts';
import { daemonTolerations } from './node-fit.ts';

/** Older than hashes: pods of this generation of the template count as updated, too. */
export const GENERATION_LABEL = 'pod-template-generation';

export interface DaemonSetRevision {
  readonly daemonSet: DaemonSet;
  /** The hash of the current template. */
  readonly hash: string;
}

/** A pod that only the scheduler binds, and to this node only. */
export function daemonPod(
  { daemonSet, hash }: DaemonSetRevision,
  node: string,
  rng: Rng,
  taken?: Set<string>,
): Pod {
  const { template } = daemonSet.spec;
  const spec = template.spec ?? { containers: [] };
  const labels = {
    ...template.metadata?.labels,
    [GENERATION_LABEL]: templateGeneration(daemonSet),
    [REVISION_LABEL]: hash,
  };
  return podFromTemplate(
    daemonSet,
    {
      metadata: { ...template.metadata, labels },
      spec: { ...spec, tolerations: daemonTolerations(spec), affinity: affinityTo(node, spec.affinity) },
    },
    rng,
    taken,
  );
}

/** The node matches what the template demands; so its own demand replaces that. */
function affinityTo(node: string, affinity: PodSpec['affinity']): NonNullable<PodSpec['affinity']> {
  const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: [node] }];
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
    },
  };
}

/** The node that the pod is bound to, or made for. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = (required?.nodeSelectorTerms ?? []).flatMap(({ matchFields = [] }) => matchFields);
  const byName = fields.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
  return byName?.values?.length === 1 ? byName.values[0] : undefined;
}

export const isUpdated = ({ daemonSet, hash }: DaemonSetRevision, { metadata }: Pod): boolean =>
  metadata.labels?.[REVISION_LABEL] === hash ||
  metadata.labels?.[GENERATION_LABEL] === templateGeneration(daemonSet);

export const isAvailable = ({ spec }: DaemonSet, pod: Pod, nowMs: number): boolean =>
  availableInMs(pod, spec.minReadySeconds ?? 0, nowMs) === 0;

/** By node, bound and old pods first. Pods that have ended and are being deleted do not count. */
export function podsByNode(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = isTerminal(pod) && isDeleting(pod) ? undefined : targetNode(pod);
    if (node === undefined) continue;
    const others = byNode.get(node);
    if (others) others.push(pod);
    else byNode.set(node, [pod]);
  }
  for (const crowd of byNode.values()) if (crowd.length > 1) crowd.sort(boundAndOldFirst);
  return byNode;
}

function boundAndOldFirst(a: Pod, b: Pod): number {
  const bound = Number(Boolean(b.spec.nodeName)) - Number(Boolean(a.spec.nodeName));
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return bound || compareText(timeA, timeB) || compareText(a.metadata.name, b.metadata.name);
}
