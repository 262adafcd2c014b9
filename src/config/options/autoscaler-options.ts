/** Options of the horizontal pod autoscaler; those of kube-controller-manager have its names. */
import type { GivenSpec } from '../option-spec.ts';
import { parseDuration, parseUrl } from '../values.ts';

const adapterUrl = (value: string): string => parseUrl(value, ['http', 'https']);

/** Every period asks all nodes with pods of the target. */
const MIN_PERIOD_MS = 1000;

function parsePeriod(value: string): number {
  const ms = parseDuration(value);
  if (ms < MIN_PERIOD_MS) throw new Error('must be at least 1s');
  return ms;
}

function parseTolerance(value: string): number {
  const tolerance = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!(tolerance < 1)) throw new Error('must be a fraction from 0 to 1, such as 0.1');
  return tolerance;
}

export const autoscalerOptions: readonly GivenSpec[] = [
  {
    field: 'hpaSyncPeriodMs',
    flag: 'horizontal-pod-autoscaler-sync-period',
    placeholder: 'DURATION',
    description: 'how often each HorizontalPodAutoscaler compares its metrics with their targets',
    fallback: '15s',
    parse: parsePeriod,
  },
  {
    field: 'hpaDownscaleStabilizationMs',
    flag: 'horizontal-pod-autoscaler-downscale-stabilization',
    placeholder: 'DURATION',
    description: 'how long the highest recommendation holds before pods are taken away',
    fallback: '5m',
    parse: parseDuration,
  },
  {
    field: 'hpaCpuInitializationPeriodMs',
    flag: 'horizontal-pod-autoscaler-cpu-initialization-period',
    placeholder: 'DURATION',
    description: 'how long after its start the processor use of a pod counts only while it is ready',
    fallback: '5m',
    parse: parseDuration,
  },
  {
    field: 'hpaInitialReadinessDelayMs',
    flag: 'horizontal-pod-autoscaler-initial-readiness-delay',
    placeholder: 'DURATION',
    description: 'how long after its start an unready pod counts as one that has never been ready',
    fallback: '30s',
    parse: parseDuration,
  },
  {
    field: 'hpaTolerance',
    flag: 'horizontal-pod-autoscaler-tolerance',
    placeholder: 'FRACTION',
    description: 'the smallest difference from the target, as a fraction of it, that changes anything',
    fallback: '0.1',
    parse: parseTolerance,
  },
  {
    field: 'customMetricsUrl',
    flag: 'custom-metrics-url',
    placeholder: 'URL',
    description: 'an adapter that serves /apis/custom.metrics.k8s.io, for metrics of pods and objects',
    parse: adapterUrl,
  },
  {
    field: 'externalMetricsUrl',
    flag: 'external-metrics-url',
    placeholder: 'URL',
    description: 'an adapter that serves /apis/external.metrics.k8s.io, for metrics of anything else',
    parse: adapterUrl,
  },
];
