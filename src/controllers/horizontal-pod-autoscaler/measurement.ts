/** The measurement of one metric, and the proposal that is made of it; pure. */
import type { Pod } from '../../schemas/types.ts';
import { formatQuantity } from '../../schemas/values/quantity.ts';
import {
  MetricFailure,
  type PodMetrics,
  type ReplicaInput,
  type ReplicaOptions,
  type Tolerances,
} from './plan-replicas.ts';

/** A measurement in thousandths, or why there is none. */
export type Measurement =
  | { readonly pods: PodMetrics }
  | { readonly values: readonly number[] }
  | { readonly failure: string };

export interface MetricContext {
  /** Those that the selector of the target matches. */
  readonly pods: readonly Pod[];
  readonly namespace: string;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly tolerances: Tolerances;
  readonly options: ReplicaOptions;
  readonly nowMs: number;
}

export interface Proposal {
  readonly replicas: number;
  /** How events name the metric. */
  readonly name: string;
  /** An element of `status.currentMetrics`. */
  readonly status: Readonly<Record<string, unknown>>;
}

export const inputOf = (context: MetricContext, metrics: PodMetrics): ReplicaInput => ({
  ...context,
  metrics,
  currentReplicas: context.specReplicas,
});

export function podsOf(measured: Measurement, prefix: string): PodMetrics {
  if ('pods' in measured) return measured.pods;
  throw new MetricFailure(
    `${prefix}: ${'failure' in measured ? measured.failure : 'it is no metric of pods'}`,
  );
}

export function valueOf(measured: Measurement, prefix: string): number {
  if ('values' in measured) return measured.values.reduce((total, value) => total + value, 0);
  throw new MetricFailure(
    `${prefix}: ${'failure' in measured ? measured.failure : 'it is a metric of pods'}`,
  );
}

const NANOS_PER_MILLI = 1_000_000n;

/** Thousandths as a quantity; memory in the units of the metrics API. */
export function amount(milli: number, resource = ''): string {
  const nanos = BigInt(Math.trunc(milli)) * NANOS_PER_MILLI;
  return formatQuantity({ nanos, format: resource === 'memory' ? 'BinarySI' : 'DecimalSI' });
}
