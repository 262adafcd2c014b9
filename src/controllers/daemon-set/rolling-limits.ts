/** How many nodes a rolling update may touch at a time. */
import { scaleIntOrPercent, type RollingLimits } from '../../schemas/values/int-or-percent.ts';
import type { DaemonSet } from '../../schemas/types.ts';

/** Both round up. One node may be unavailable where nothing else is allowed. */
export function rollingLimits({ spec }: DaemonSet, nodes: number): RollingLimits {
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  if (type === 'OnDelete') return { maxSurge: 0, maxUnavailable: 0 };
  const maxSurge = scaleIntOrPercent(rollingUpdate?.maxSurge ?? 0, nodes, 'up') ?? 0;
  const maxUnavailable = scaleIntOrPercent(rollingUpdate?.maxUnavailable ?? 1, nodes, 'up') ?? 0;
  const isImpossible = nodes > 0 && maxSurge === 0 && maxUnavailable === 0;
  return { maxSurge, maxUnavailable: isImpossible ? 1 : maxUnavailable };
}
