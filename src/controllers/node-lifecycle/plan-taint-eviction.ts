/**
 * Decides which pods a node's NoExecute taints evict, and when; upstream's taint eviction, pure.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { tolerates } from '../../schemas/pods/tolerations.ts';
import { withConditions } from '../../schemas/conditions.ts';
import type { Node, Pod, Taint } from '../../schemas/types.ts';
import type { Plan } from '../controller.ts';
import { deletionOf, isDeleting, statusUpdate } from '../ownership.ts';
import { eventsOf, type EventText, type EventTexts, normal, type PlannedEvent } from '../planned-event.ts';
import { podCondition } from '../pod-facts.ts';
import { HEALTH_TAINTS } from './plan-node-health.ts';

export const TAINT_EVENTS = {
  component: 'taint-eviction-controller',
  texts: { cancelled: text('Cancelling deletion of Pod'), marked: text('Marking for deletion Pod') },
} satisfies EventTexts;

const event = eventsOf<typeof TAINT_EVENTS.texts>();
const said = (name: keyof typeof TAINT_EVENTS.texts, pod: Pod): PlannedEvent =>
  event(name, pod, pod.metadata.namespace ?? '', pod.metadata.name);

function text(what: string): EventText {
  return normal('TaintManagerEviction', (namespace, name) => `${what} ${namespace}/${name}`);
}

export interface TaintEvictionView {
  readonly pod: Pod;
  readonly node: Node | undefined;
  /** Since when the pod has been under these taints, as this process saw it. */
  readonly sinceMs: number | undefined;
  /** Before this time it is unknown whether a node is silent. */
  readonly settledAtMs: number;
  /** False: evictions for health wait (INVARIANTS 10). Taints set by people always act. */
  readonly mayEvictForHealth: boolean;
}

export interface TaintEvictionPlan extends Plan {
  /** The `sinceMs` of the next reconcile. */
  readonly sinceMs: number | undefined;
}

export function planTaintEviction(view: TaintEvictionView, nowMs: number): TaintEvictionPlan {
  const { pod, node, settledAtMs } = view;
  const taints = (node?.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  const waitSeconds = toleratedSeconds(pod, taints);
  if (waitSeconds === undefined) {
    const isCancelled = view.sinceMs !== undefined && !isDeleting(pod);
    return { writes: [], events: isCancelled ? [said('cancelled', pod)] : [], sinceMs: undefined };
  }
  // A clock that was set back makes no pod wait longer.
  const sinceMs = Math.min(view.sinceMs ?? nowMs, nowMs);
  const dueInMs = sinceMs + waitSeconds * 1000 - nowMs;
  if (dueInMs > 0) return { writes: [], events: [], sinceMs, requeueAfterMs: dueInMs };
  const isSettled = nowMs >= settledAtMs;
  const isForHealth = taints.every(({ key }) => HEALTH_TAINTS.has(key));
  const plan =
    isForHealth && !(isSettled && view.mayEvictForHealth) ? { writes: [] } : planEviction(pod, nowMs);
  return { ...(isSettled ? {} : { requeueAfterMs: settledAtMs - nowMs }), ...plan, sinceMs };
}

/** First the reason is written down, then the pod is deleted with its own grace. */
function planEviction(pod: Pod, nowMs: number): Plan {
  const marked = podCondition(pod, 'DisruptionTarget')?.status === 'True';
  if (!marked) {
    const message = 'Taint manager: deleting due to NoExecute taint';
    const object = withDisruption(pod, 'DeletionByTaintManager', message, nowMs);
    const events = isDeleting(pod) ? [said('marked', pod)] : [];
    return { writes: [statusUpdate(object)], events, requeueAfterMs: 0 };
  }
  if (isDeleting(pod)) return { writes: [] };
  return { writes: [deletionOf(pod)], events: [said('marked', pod)] };
}

export function withDisruption(pod: Pod, reason: string, message: string, nowMs: number): Pod {
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
  const conditions = withConditions(pod.status?.conditions, [condition]) as never[];
  return { ...pod, status: { ...pod.status, conditions } };
}

/** 0 where a taint is not tolerated; undefined where the pod may stay for good. */
function toleratedSeconds(pod: Pod, taints: readonly Taint[]): number | undefined {
  if (taints.length === 0) return undefined;
  const tolerations = pod.spec.tolerations ?? [];
  const used = taints.map((taint) => tolerations.find((toleration) => tolerates(toleration, taint)));
  if (used.includes(undefined)) return 0;
  const limits = used.flatMap((toleration) => toleration?.tolerationSeconds ?? []);
  return limits.length === 0 ? undefined : Math.max(0, Math.min(...limits));
}
