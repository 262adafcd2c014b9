/** One metric of an autoscaler and its measurement → a proposed number of replicas. Pure. */
import { asRecord } from '../../schemas/json-access.ts';
import type { MetricSpec, Pod } from '../../schemas/types.ts';
import { formatQuantity, parseQuantity, toMilli } from '../../schemas/values/quantity.ts';
import { goSelector } from '../go-selector.ts';
import {
  MetricFailure,
  type PodMetrics,
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
  type ReplicaOptions,
  type Tolerances,
} from './plan-replicas.ts';

/** What was measured, in thousandths; or why nothing was. */
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

/** Why a metric could not be used: for its event and condition, and as a part of the whole. */
export interface MetricProblem {
  readonly reason: string;
  readonly message: string;
  readonly whole: string;
}

interface Rule {
  readonly reason: string;
  /** What the message of the whole begins with. */
  subject(spec: MetricSpec): string;
  propose(spec: MetricSpec, measured: Measurement, context: MetricContext): Proposal;
}

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  [
    'Resource',
    {
      reason: 'FailedGetResourceMetric',
      subject: ({ resource }) => `failed to get ${resource?.name ?? ''} resource metric value`,
      propose: (spec, measured, context) => proposeForResource('resource', spec, measured, context),
    },
  ],
  [
    'ContainerResource',
    {
      reason: 'FailedGetContainerResourceMetric',
      subject: ({ containerResource }) =>
        `failed to get ${containerResource?.container ?? ''} container metric value`,
      propose: (spec, measured, context) => proposeForResource('containerResource', spec, measured, context),
    },
  ],
  [
    'Pods',
    {
      reason: 'FailedGetPodsMetric',
      subject: () => 'failed to get pods metric value',
      propose: proposeForPods,
    },
  ],
  [
    'Object',
    {
      reason: 'FailedGetObjectMetric',
      subject: () => 'failed to get object metric value',
      propose: proposeForObject,
    },
  ],
  [
    'External',
    {
      reason: 'FailedGetExternalMetric',
      subject: ({ external }) => `failed to get ${external?.metric.name ?? ''} external metric value`,
      propose: proposeForExternal,
    },
  ],
]);

export function planMetric(
  spec: MetricSpec,
  measured: Measurement,
  context: MetricContext,
): Proposal | MetricProblem {
  const rule = RULES.get(spec.type);
  if (!rule) {
    const message = `unknown metric source type ${JSON.stringify(spec.type)}`;
    return { reason: 'InvalidMetricSourceType', message, whole: message };
  }
  try {
    return rule.propose(spec, measured, context);
  } catch (error) {
    if (!(error instanceof MetricFailure)) throw error;
    const { message } = error;
    return { reason: rule.reason, message, whole: `${rule.subject(spec)}: ${outer(spec, message)}` };
  }
}

/** Upstream names some metrics once more where it tells of the whole. */
function outer({ type, object, external }: MetricSpec, message: string): string {
  if (type === 'Object' && object?.target.type === 'AverageValue')
    return `failed to get ${object.metric.name} object metric: ${message}`;
  if (type !== 'External' || !external) return message;
  const { metric, target } = external;
  if (target.averageValue !== undefined) return `failed to get ${metric.name} external metric: ${message}`;
  return target.value === undefined ? message : `failed to get external metric ${metric.name}: ${message}`;
}

/** Runs the calculation; its failures begin with these words. */
function said<T>(prefix: string, calculate: () => T): T {
  try {
    return calculate();
  } catch (error) {
    if (!(error instanceof MetricFailure)) throw error;
    throw new MetricFailure(`${prefix}: ${error.message}`, { cause: error });
  }
}

function proposeForResource(
  source: 'resource' | 'containerResource',
  spec: MetricSpec,
  measured: Measurement,
  context: MetricContext,
): Proposal {
  const { name: resource, target, container = '' } = asResource(spec, source);
  const { averageUtilization: percent, averageValue } = target;
  const metricsOf = (): PodMetrics => podsOf(measured, `unable to get metrics for resource ${resource}`);
  const input = (): Parameters<typeof replicasForAverage>[0] => inputOf(context, metricsOf());
  const status = (replicas: number, name: string, current: Readonly<Record<string, unknown>>): Proposal => ({
    replicas,
    name,
    status: { type: spec.type, [source]: { name: resource, ...(container ? { container } : {}), current } },
  });
  if (averageValue !== undefined) {
    const { replicas, averageMilli } = said(`failed to get ${resource} usage`, () =>
      replicasForAverage(input(), { resource, targetMilli: toMilli(averageValue) }),
    );
    return status(replicas, `${resource} resource`, { averageValue: amount(averageMilli, resource) });
  }
  if (percent === undefined)
    throw new MetricFailure(
      'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
    );
  const used = said(`failed to get ${resource} utilization`, () =>
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

function proposeForPods(
  { pods: source, type }: MetricSpec,
  measured: Measurement,
  context: MetricContext,
): Proposal {
  const metric = identified(source?.metric);
  const metrics = podsOf(measured, `unable to get metric ${metric.name}`);
  const targetMilli = toMilli(source?.target.averageValue);
  const { replicas, averageMilli } = replicasForAverage(inputOf(context, metrics), {
    resource: '',
    targetMilli,
  });
  const current = { averageValue: amount(averageMilli) };
  return { replicas, name: `pods metric ${metric.name}`, status: { type, pods: { metric, current } } };
}

function proposeForObject(
  { object, type }: MetricSpec,
  measured: Measurement,
  context: MetricContext,
): Proposal {
  const metric = identified(object?.metric);
  const target = asRecord(object?.target);
  const { kind = '', name = '' } = object?.describedObject ?? {};
  const prefix = `unable to get metric ${metric.name} on ${kind} ${context.namespace}/${name}`;
  const status = (current: Readonly<Record<string, unknown>>): Proposal['status'] => ({
    type,
    object: { describedObject: object?.describedObject, metric, current },
  });
  if (target['type'] === 'Value' && target['value'] !== undefined) {
    const milli = valueOf(measured, prefix);
    const replicas = proposeForValue(context, milli, target['value']);
    return { replicas, name: `${kind} metric ${metric.name}`, status: status({ value: amount(milli) }) };
  }
  if (target['type'] !== 'AverageValue' || target['averageValue'] === undefined)
    throw new MetricFailure(
      'invalid object metric source: neither a value target nor an average value target was set',
    );
  const share = replicasForShare(context, valueOf(measured, prefix), toMilli(target['averageValue']));
  return {
    replicas: share.replicas,
    name: externalName(metric),
    status: status({ averageValue: amount(share.averageMilli) }),
  };
}

function proposeForExternal(
  { external, type }: MetricSpec,
  measured: Measurement,
  context: MetricContext,
): Proposal {
  const metric = identified(external?.metric);
  const { value, averageValue } = asRecord(external?.target);
  if (value === undefined && averageValue === undefined)
    throw new MetricFailure(
      'invalid external metric source: neither a value target nor an average value target was set',
    );
  const milli = valueOf(
    measured,
    `unable to get external metric ${context.namespace}/${metric.name}/${goSelector(metric.selector)}`,
  );
  const name = externalName(metric);
  const status = (current: Readonly<Record<string, unknown>>): Proposal['status'] => ({
    type,
    external: { metric, current },
  });
  if (averageValue === undefined)
    return {
      replicas: proposeForValue(context, milli, value),
      name,
      status: status({ value: amount(milli) }),
    };
  const share = replicasForShare(context, milli, toMilli(averageValue));
  return { replicas: share.replicas, name, status: status({ averageValue: amount(share.averageMilli) }) };
}

const proposeForValue = (context: MetricContext, milli: number, target: unknown): number =>
  replicasForValue({ ...context, currentReplicas: context.specReplicas }, milli / toMilli(target));

interface MetricName {
  readonly name: string;
  readonly selector?: unknown;
}

const identified = (metric: MetricName | undefined): MetricName => ({
  name: metric?.name ?? '',
  ...(metric?.selector === undefined ? {} : { selector: metric.selector }),
});

const externalName = ({ name, selector }: MetricName): string =>
  `external metric ${name}(${goSelector(selector)})`;

const inputOf = (context: MetricContext, metrics: PodMetrics): Parameters<typeof replicasForAverage>[0] => ({
  ...context,
  metrics,
  currentReplicas: context.specReplicas,
});

function podsOf(measured: Measurement, prefix: string): PodMetrics {
  if ('pods' in measured) return measured.pods;
  throw new MetricFailure(
    `${prefix}: ${'failure' in measured ? measured.failure : 'it is no metric of pods'}`,
  );
}

function valueOf(measured: Measurement, prefix: string): number {
  if ('values' in measured) return measured.values.reduce((total, value) => total + value, 0);
  throw new MetricFailure(
    `${prefix}: ${'failure' in measured ? measured.failure : 'it is a metric of pods'}`,
  );
}

const NANOS_PER_MILLI = 1_000_000n;

/** Thousandths as a quantity; memory in the units of the metrics API. */
function amount(milli: number, resource = ''): string {
  const nanos = BigInt(Math.trunc(milli)) * NANOS_PER_MILLI;
  return formatQuantity({ nanos, format: resource === 'memory' ? 'BinarySI' : 'DecimalSI' });
}

/** The fraction that a tolerance of a behavior means, or the flag's. */
export const toleranceOf = (value: unknown, otherwise: number): number => {
  const quantity = value === undefined ? undefined : parseQuantity(value);
  return quantity ? Number(quantity.nanos) / 1e9 : otherwise;
};
