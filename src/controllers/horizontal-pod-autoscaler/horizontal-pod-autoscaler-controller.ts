/**
 * Runs {@link planAutoscaler} for each HorizontalPodAutoscaler, once a period. A change of an
 * autoscaler is no reason to look at it earlier, as upstream has it.
 *
 * Its memory of an autoscaler ends with the process. After a start the number of replicas counts as
 * a recommendation, so that nothing is taken away before the stabilisation window is over.
 */
import { AUTOSCALERS } from '../../diff/autoscaled.ts';
import { StatusError } from '../../schemas/errors/status.ts';
import { keyOf } from '../../schemas/object.ts';
import type { HorizontalPodAutoscaler, Pod } from '../../schemas/types.ts';
import {
  type LabelRequirement,
  matchesRequirements,
  parseLabelSelector,
} from '../../schemas/values/selectors.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { measure, type MetricsSource } from './metrics-source.ts';
import { AUTOSCALER_EVENTS } from './autoscaler-events.ts';
import type {
  AutoscalerOptions,
  AutoscalerPlan,
  AutoscalerView,
  ScaleTarget,
  Selected,
} from './autoscaler-view.ts';
import { needsMetrics, planAutoscaler } from './plan-autoscaler.ts';
import type { ScalingMemory } from './plan-limits.ts';
import { findTarget } from './scale-target.ts';

/** The defaults of kube-controller-manager's flags. */
export const DEFAULT_AUTOSCALER_OPTIONS: AutoscalerOptions = {
  syncPeriodMs: 15_000,
  downscaleStabilizationMs: 300_000,
  cpuInitializationPeriodMs: 300_000,
  initialReadinessDelayMs: 30_000,
  tolerance: 0.1,
};

/** At most this part of a period is random. */
const JITTER = 0.05;

export interface HorizontalPodAutoscalerOptions {
  readonly options?: AutoscalerOptions;
  readonly metrics?: MetricsSource;
}

export const horizontalPodAutoscaler = ({
  options = DEFAULT_AUTOSCALER_OPTIONS,
  metrics = {},
}: HorizontalPodAutoscalerOptions = {}): Controller => ({
  name: 'horizontal-pod-autoscaler',
  async open(context, scope): Promise<Reconciler<AutoscalerView, AutoscalerPlan>> {
    const { caches, registry, rng } = context;
    const autoscalers = await caches.open<HorizontalPodAutoscaler>(AUTOSCALERS);
    const pods = await caches.open<Pod>('pods');
    const memories = new Map<string, ScalingMemory>();
    /** The selector of the target of each autoscaler, as it was seen last. */
    const selectors = new Map<string, readonly LabelRequirement[]>();
    scope.on(autoscalers, itself, options.syncPeriodMs);

    function select(autoscaler: HorizontalPodAutoscaler, { selector }: ScaleTarget): Selected {
      const { namespace } = autoscaler.metadata;
      if (selector === '') return { pods: [], rivals: [] };
      const own = readSelector(selector);
      if ('invalid' in own) return own;
      selectors.set(keyOf(autoscaler), own);
      const selected = pods
        .list(namespace)
        .filter(({ metadata }) => matchesRequirements(own, metadata.labels));
      const rivals = autoscalers
        .list(namespace)
        .map(keyOf)
        .filter((key) => {
          const theirs = selectors.get(key);
          return theirs && selected.some(({ metadata }) => matchesRequirements(theirs, metadata.labels));
        })
        .sort();
      return { pods: selected, rivals };
    }

    return {
      // Pods that are still to come back would be missed, and others stopped for them.
      pausesForRebuild: true,
      events: AUTOSCALER_EVENTS,
      keys: () => autoscalers.list().map(keyOf),
      async observe(key, signal) {
        const autoscaler = autoscalers.get(key);
        if (!autoscaler) {
          memories.delete(key);
          selectors.delete(key);
          return undefined;
        }
        const target = await findTarget(context, autoscaler);
        const isFound = !('missing' in target);
        if (!isFound) selectors.delete(key);
        const selected = isFound ? select(autoscaler, target) : { pods: [], rivals: [] };
        const isMeasured =
          isFound &&
          needsMetrics(autoscaler, target.specReplicas) &&
          'pods' in selected &&
          target.selector !== '';
        return {
          autoscaler,
          target,
          selected,
          measurements: isMeasured
            ? await measure(metrics, autoscaler.spec.metrics ?? [], {
                namespace: autoscaler.metadata.namespace ?? '',
                registry,
                signal,
                pods: selected.pods,
                selector: target.selector,
              })
            : [],
          memory: memories.get(key),
          options,
          nextMs: Math.round(options.syncPeriodMs * (1 - JITTER * rng.next())),
        };
      },
      plan: planAutoscaler,
      after({ memory }, key) {
        if (memory) memories.set(key, memory);
      },
    };
  },
});

function readSelector(text: string): readonly LabelRequirement[] | { readonly invalid: string } {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { invalid: error.message };
  }
}
