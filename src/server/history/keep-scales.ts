/**
 * Gives the targets of autoscalers as many replicas as agents have brought back. The last step of a
 * rebuild: before it the pods or Git's objects are missing, after it controllers stop what is too
 * much (controllers/horizontal-pod-autoscaler/plan-kept-scale.ts).
 */
import type { Logger } from '../../base/logger.ts';
import { planKeptScale } from '../../controllers/horizontal-pod-autoscaler/plan-kept-scale.ts';
import { findTarget } from '../../controllers/horizontal-pod-autoscaler/scale-target.ts';
import { controlledBy } from '../../controllers/indexes.ts';
import { AUTOSCALERS } from '../../diff/autoscaled.ts';
import type { BoundWriter } from '../../resources/writing/write-plan.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Registry } from '../../schemas/resource-kind.ts';
import type { HorizontalPodAutoscaler, Pod, ReplicaSet } from '../../schemas/types.ts';
import type { CacheSet } from '../../store/cache/cache.ts';
import { indexByController } from '../../store/cache/indexes.ts';

export interface KeepScalesParts {
  readonly writer: BoundWriter;
  readonly caches: CacheSet;
  readonly registry: Registry;
  readonly logger: Logger;
}

export async function keepScales(parts: KeepScalesParts, signal: AbortSignal): Promise<void> {
  const { writer, caches, logger } = parts;
  const autoscalers = await caches.open<HorizontalPodAutoscaler>(AUTOSCALERS);
  const replicaSets = await caches.open<ReplicaSet>('replicasets.apps');
  const pods = await caches.open<Pod>('pods');
  indexByController(replicaSets);
  for (const cache of [autoscalers, replicaSets, pods]) await cache.refresh(signal);
  for (const autoscaler of autoscalers.list()) {
    try {
      const target = await findTarget(parts, autoscaler);
      if ('missing' in target) continue;
      const writes = planKeptScale({
        autoscaler,
        target,
        pods: pods.list(autoscaler.metadata.namespace),
        replicaSets: controlledBy(replicaSets, target.object.metadata.uid),
      });
      if (writes.length > 0) await writer.write({ writes });
    } catch (error) {
      // One that is refused holds up no other, and not the rebuild.
      if (!isStatusError(error) || error.code === 409 || error.code >= 500) throw error;
      logger.warn({ autoscaler: keyOf(autoscaler), error }, 'Cannot keep the replicas of an autoscaler');
    }
  }
}
