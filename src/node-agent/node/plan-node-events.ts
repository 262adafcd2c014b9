/** Events about changes of a node, in kubelet's reasons and words. Pure. */
import type { EventInput } from '../../client/plan-event.ts';
import type { Node } from '../../schemas/types.ts';
import { POD_NETWORK_ANNOTATION } from './plan-node.ts';

export type NodeEvent = Pick<EventInput, 'type' | 'reason' | 'message'>;

/** By condition: the reasons for True and for False. */
const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
  Ready: ['NodeReady', 'NodeNotReady'],
};

export const STARTING: NodeEvent = { type: 'Normal', reason: 'Starting', message: 'Starting kubelet.' };

export function planNodeEvents(before: Node, after: Node): readonly NodeEvent[] {
  const { name } = after.metadata;
  const events: NodeEvent[] = [];
  const bootId = after.status?.nodeInfo?.bootID ?? '';
  const lastBootId = before.status?.nodeInfo?.bootID ?? '';
  if (lastBootId !== '' && bootId !== '' && lastBootId !== bootId) {
    const message = `Node ${name} has been rebooted, boot id: ${bootId}`;
    events.push({ type: 'Warning', reason: 'Rebooted', message });
  }
  for (const condition of after.status?.conditions ?? []) {
    const { type, status } = condition;
    if (before.status?.conditions?.find((known) => known.type === type)?.status === status) continue;
    const reason = REASONS[type]?.[status === 'True' ? 0 : 1];
    if (reason !== undefined) {
      events.push({ type: 'Normal', reason, message: `Node ${name} status is now: ${reason}` });
    } else if (type === 'NetworkUnavailable' && status === 'True') {
      events.push({ type: 'Warning', reason: 'NetworkUnavailable', message: condition.message ?? '' });
    }
  }
  return events;
}

type Annotations = Readonly<Record<string, string>> | undefined;

/** A problem is told when it comes, and at each start of the agent. */
export function planNetworkEvent(
  before: Annotations,
  after: Annotations,
  isFirst: boolean,
): NodeEvent | undefined {
  const [was, is] = [before?.[POD_NETWORK_ANNOTATION], after?.[POD_NETWORK_ANNOTATION]];
  if (is === undefined || (was === is && !isFirst)) return undefined;
  if (is !== 'ready') return { type: 'Warning', reason: 'PodNetworkLimited', message: is };
  if (was === undefined || was === is) return undefined;
  return { type: 'Normal', reason: 'PodNetworkReady', message: 'Pods reach pods of all other hosts' };
}
