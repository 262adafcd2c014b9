/** Proposals for what pods, or one of their containers, use of a resource; pure. */
import type { MetricSpec } from '../../schemas/types.ts';
import { toMilli } from '../../schemas/values/quantity.ts';
import {
  amount,
  inputOf,
  type Measurement,
  type MetricContext,
  podsOf,
  type Proposal,
} from './measurement.ts';
import {
  MetricFailure,
  type PodMetrics,
  replicasForAverage,
  replicasForUtilization,
  type ReplicaInput,
} from './plan-replicas.ts';

/** Runs the calculation; its failures begin with these words. */
function prefixed<T>(prefix: string, calculate: () => T): T {
  try {
    return calculate();
  } catch (error) {
    if (!(error instanceof MetricFailure)) throw error;
    throw new MetricFailure(`${prefix}: ${error.message}`, { cause: error });
  }
}

export function proposeForResource(
  source: 'resource' | 'containerResource',
  spec: MetricSpec,
  measured: Measurement,
  context: MetricContext,
): Proposal {
  const { name: resource, target, container = '' } = asResource(spec, source);
  const { averageUtilization: percent, averageValue } = target;
  const metricsOf = (): PodMetrics => podsOf(measured, `unable to get metrics for resource ${resource}`);
  const input = (): ReplicaInput => inputOf(context, metricsOf());
  const status = (replicas: number, name: string, current: Readonly<Record<string, unknown>>): Proposal => ({
    replicas,
    name,
    status: { type: spec.type, [source]: { name: resource, ...(container ? { container } : {}), current } },
  });
  if (averageValue !== undefined) {
    const { replicas, averageMilli } = prefixed(`failed to get ${resource} usage`, () =>
      replicasForAverage(input(), { resource, targetMilli: toMilli(averageValue) }),
    );
    return status(replicas, `${resource} resource`, { averageValue: amount(averageMilli, resource) });
  }
  if (percent === undefined)
    throw new MetricFailure(
      'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
    );
  const used = prefixed(`failed to get ${resource} utilization`, () =>
    replicasForUtilization(input(), { resource, container, percent }),
  );
  const kind = source === 'resource' ? 'resource' : 'container resource';
  return status(used.replicas, `${resource} ${kind} utilization (percentage of request)`, {
    averageUtilization: used.percent,
    averageValue: amount(used.averageMilli, resource),
  });
}

interface ResourceSource {
  readonly name: string;
  readonly container?: string;
  readonly target: { readonly averageUtilization?: number; readonly averageValue?: unknown };
}

const asResource = (spec: MetricSpec, source: 'resource' | 'containerResource'): ResourceSource =>
  (spec[source] as ResourceSource | undefined) ?? { name: '', target: {} };
