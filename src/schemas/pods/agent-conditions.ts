/** The conditions of a pod that its node's agent decides. All others belong to other writers. */
import type { PodStatus } from '../types.ts';

export const RESIZE_PENDING = 'PodResizePending';

export const AGENT_CONDITIONS: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  RESIZE_PENDING,
]);

/** The agent's status, with the conditions of other writers as they are stored. */
export function withForeignConditions(own: PodStatus, stored: PodStatus | undefined): PodStatus {
  const foreign = (stored?.conditions ?? []).filter(({ type }) => !AGENT_CONDITIONS.has(type));
  const isForeign = (type: string): boolean => foreign.some((condition) => condition.type === type);
  return {
    ...own,
    conditions: [...(own.conditions ?? []).filter(({ type }) => !isForeign(type)), ...foreign],
  };
}
