/** The results of silence: unknown conditions first, then readiness of pods, and taints; pure. */
import { toRfc3339 } from '../../base/clock.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { Node, Pod } from '../../schemas/types.ts';
import type { Plan } from '../controller.ts';
import { statusUpdate } from '../ownership.ts';
import { eventsOf, type EventTexts, normal, warning } from '../planned-event.ts';
import { isNodeReady, withHealthTaints, withUnknownConditions } from './plan-node-health.ts';

export const NODE_EVENTS = {
  component: 'node-controller',
  texts: {
    registered: normal(
      'RegisteredNode',
      (name) => `Node ${name} event: Registered Node ${name} in Controller`,
    ),
    removed: normal('RemovingNode', (name) => `Node ${name} event: Removing Node ${name} from Controller`),
    nodeNotReady: normal('NodeNotReady', (name) => `Node ${name} status is now: NodeNotReady`),
    podNotReady: warning('NodeNotReady', () => 'Node is not ready'),
  },
} satisfies EventTexts;

const event = eventsOf<typeof NODE_EVENTS.texts>();

export type NodeView =
  | { readonly removed: { readonly name: string; readonly uid: string | undefined } }
  | {
      readonly removed?: undefined;
      readonly node: Node;
      /** Its registration has no event yet. */
      readonly isNew: boolean;
      /** From then on the node counts as lost. */
      readonly silentAtMs: number;
      readonly readyPods: readonly Pod[];
      readonly mayAct: boolean;
      readonly mayEvict: boolean;
    };

export interface NodePlan extends Plan {
  /** The node is known from now on; undefined: it is gone. */
  readonly known: { readonly uid: string | undefined } | undefined;
}

export function planNodeLifecycle(view: NodeView, nowMs: number): NodePlan {
  if (view.removed) {
    const { name, uid } = view.removed;
    const about = { apiVersion: 'v1', kind: 'Node', name, ...(uid === undefined ? {} : { uid }) };
    return { writes: [], events: [event('removed', about, name)], known: undefined };
  }
  const { node, isNew, silentAtMs, readyPods, mayAct, mayEvict } = view;
  const { name, uid } = node.metadata;
  const registered = isNew ? [event('registered', node, name)] : [];
  const isLost = mayAct && nowMs > silentAtMs;
  const unknown = isLost ? withUnknownConditions(node, nowMs) : undefined;
  if (unknown) {
    const events = isNodeReady(node) ? [...registered, event('nodeNotReady', node, name)] : registered;
    return { writes: [statusUpdate(unknown)], events, requeueAfterMs: 0, known: { uid } };
  }
  const lost = isLost ? readyPods : [];
  const tainted = withHealthTaints(node, mayAct && mayEvict, nowMs);
  return {
    writes: [
      ...lost.map((pod) => notReady(pod, nowMs)),
      ...(tainted ? [{ verb: 'update' as const, object: tainted }] : []),
    ],
    events: [...registered, ...lost.map((pod) => event('podNotReady', pod))],
    known: { uid },
  };
}

/** INVARIANTS 11: Ready=True means that the agent confirmed it within its lease. */
function notReady(pod: Pod, nowMs: number): Write {
  const conditions = (pod.status?.conditions ?? []).map((condition) =>
    condition.type === 'Ready'
      ? { ...condition, status: 'False' as const, lastTransitionTime: toRfc3339(nowMs) }
      : condition,
  );
  return statusUpdate({ ...pod, status: { ...pod.status, conditions } });
}
