/** Says on the Node that it has no addresses for pods; the taint keeps new pods away. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { transitionTime } from '../../schemas/conditions.ts';
import type { Node } from '../../schemas/types.ts';

export interface NetworkTrouble {
  readonly reason: 'CIDRNotAvailable' | 'CIDRConflict';
  readonly message: string;
}

const TYPE = 'NetworkUnavailable';
const AVAILABLE = 'CIDRAvailable';
/** The condition is ours while it has one of these reasons; others may set it, too. */
const REASONS: readonly unknown[] = ['CIDRNotAvailable', 'CIDRConflict', AVAILABLE];

/** The node with its condition as it should be; undefined when there is nothing to write. */
export function withNetworkCondition(
  node: Node,
  trouble: NetworkTrouble | undefined,
  nowMs: number,
): Node | undefined {
  const conditions = node.status?.conditions ?? [];
  const current = conditions.find(({ type }) => type === TYPE);
  if (current && !REASONS.includes(current.reason)) return undefined;
  const { reason, message } = trouble ?? { reason: AVAILABLE, message: 'the node has addresses for pods' };
  if (current?.reason === reason && current.message === message) return undefined;
  if (!current && !trouble) return undefined;
  const status = trouble ? ('True' as const) : ('False' as const);
  const condition = {
    type: TYPE,
    status,
    reason,
    message,
    lastHeartbeatTime: toRfc3339(nowMs),
    lastTransitionTime: transitionTime(conditions, { type: TYPE, status }, nowMs),
  };
  const others = conditions.filter((other) => other !== current);
  return { ...node, status: { ...node.status, conditions: [...others, condition] } };
}

/** Whether the node's condition may have to be taken back. */
export function hasNetworkTrouble(node: Node): boolean {
  return (node.status?.conditions ?? []).some(
    ({ type, status, reason }) => type === TYPE && status === 'True' && REASONS.includes(reason),
  );
}
