/** The autoscaler's options, and where its metrics come from, as the configuration says it. */
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/index.ts';
import type { HorizontalPodAutoscalerOptions } from '../controllers/horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts';
import { createMetricsAdapter } from '../controllers/horizontal-pod-autoscaler/metrics-adapter.ts';
import type { GetMetric, NodeUsages } from '../controllers/horizontal-pod-autoscaler/metrics-source.ts';

export function autoscalingOptions(
  config: Config,
  usages: NodeUsages,
  clock: Clock,
): HorizontalPodAutoscalerOptions {
  const adapter = (url: string | undefined): GetMetric | undefined =>
    url === undefined ? undefined : createMetricsAdapter(url, clock);
  return {
    options: {
      syncPeriodMs: config.hpaSyncPeriodMs,
      downscaleStabilizationMs: config.hpaDownscaleStabilizationMs,
      cpuInitializationPeriodMs: config.hpaCpuInitializationPeriodMs,
      initialReadinessDelayMs: config.hpaInitialReadinessDelayMs,
      tolerance: config.hpaTolerance,
    },
    metrics: {
      usages,
      custom: adapter(config.customMetricsUrl),
      external: adapter(config.externalMetricsUrl),
    },
  };
}
