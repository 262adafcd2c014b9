/** Which pods a node's NoExecute taints drive away, and when; upstream's taint eviction, pure. */
import { toRfc3339 } from '../../base/clock.ts';
import type { EventInput } from '../../client/plan-event.ts';
import { tolerates } from '../../schemas/pods/tolerations.ts';
import type { Node, Pod, Taint } from '../../schemas/types.ts';
import type { Plan } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { podCondition } from '../pod-facts.ts';
import { HEALTH_TAINTS } from './plan-node-health.ts';

const COMPONENT = 'taint-eviction-controller';

export interface TaintEvictionInput {
  readonly pod: Pod;
  readonly node: Node | undefined;
  /** Since when the pod has been under these taints, as this process saw it. */
  readonly sinceMs: number | undefined;
  readonly nowMs: number;
  /** False: evictions because a node is unhealthy wait (INVARIANTS 10). Taints set by people act always. */
  readonly mayEvictForHealth: boolean;
}

export interface TaintEvictionPlan extends Plan {
  /** What `sinceMs` is at the next look. */
  readonly sinceMs: number | undefined;
}

export function planTaintEviction(input: TaintEvictionInput): TaintEvictionPlan {
  const { pod, node, nowMs } = input;
  const taints = (node?.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  const waitSeconds = toleratedSeconds(pod, taints);
  if (waitSeconds === undefined) {
    const cancelled = input.sinceMs !== undefined && !isDeleting(pod);
    return {
      writes: [],
      events: cancelled ? [said(pod, 'Cancelling deletion of Pod')] : [],
      sinceMs: undefined,
    };
  }
  const sinceMs = input.sinceMs ?? nowMs;
  const dueInMs = sinceMs + waitSeconds * 1000 - nowMs;
  if (dueInMs > 0) return { writes: [], events: [], sinceMs, requeueAfterMs: dueInMs };
  if (!input.mayEvictForHealth && taints.every(({ key }) => HEALTH_TAINTS.has(key))) {
    return { writes: [], events: [], sinceMs };
  }
  return { ...planEviction(pod, nowMs), sinceMs };
}

/** First the reason is written down, then the pod is deleted with its own grace. */
function planEviction(pod: Pod, nowMs: number): Plan {
  const marked = podCondition(pod, 'DisruptionTarget')?.status === 'True';
  if (!marked) {
    const message = 'Taint manager: deleting due to NoExecute taint';
    const object = withDisruption(pod, 'DeletionByTaintManager', message, nowMs);
    const events = isDeleting(pod) ? [said(pod, 'Marking for deletion Pod')] : [];
    return { writes: [{ verb: 'update', object, subresource: 'status' }], events, requeueAfterMs: 0 };
  }
  if (isDeleting(pod)) return { writes: [], events: [] };
  const preconditions = pod.metadata.uid ? { uid: pod.metadata.uid } : {};
  return {
    writes: [{ verb: 'delete', object: pod, options: { preconditions } }],
    events: [said(pod, 'Marking for deletion Pod')],
  };
}

export function withDisruption(pod: Pod, reason: string, message: string, nowMs: number): Pod {
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget');
  const { generation } = pod.metadata;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True' as const,
    reason,
    message,
    lastProbeTime: null,
    lastTransitionTime: toRfc3339(nowMs),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  return { ...pod, status: { ...pod.status, conditions: [...others, condition as never] } };
}

function said(pod: Pod, what: string): EventInput {
  const message = `${what} ${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
  return { about: pod, type: 'Normal', reason: 'TaintManagerEviction', message, component: COMPONENT };
}

/** How long the pod may stay under these taints: 0 when one is not tolerated; undefined when it may stay for good. */
function toleratedSeconds(pod: Pod, taints: readonly Taint[]): number | undefined {
  if (taints.length === 0) return undefined;
  const tolerations = pod.spec.tolerations ?? [];
  const used = taints.map((taint) => tolerations.find((toleration) => tolerates(toleration, taint)));
  if (used.includes(undefined)) return 0;
  const limits = used.flatMap((toleration) => toleration?.tolerationSeconds ?? []);
  return limits.length === 0 ? undefined : Math.max(0, Math.min(...limits));
}
