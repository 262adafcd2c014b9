/** One metric of an autoscaler and its measurement → a proposed number of replicas. Pure. */
import { asRecord } from '../../schemas/json-access.ts';
import type { MetricSpec } from '../../schemas/types.ts';
import { parseQuantity, toMilli } from '../../schemas/values/quantity.ts';
import { goSelector } from '../go-selector.ts';
import {
  amount,
  inputOf,
  type Measurement,
  type MetricContext,
  podsOf,
  type Proposal,
  valueOf,
} from './measurement.ts';
import { MetricFailure, replicasForAverage, replicasForShare, replicasForValue } from './plan-replicas.ts';
import { proposeForResource } from './plan-resource-metric.ts';

/** The failure of a metric, in its event, its condition and the summary message. */
export interface MetricProblem {
  readonly reason: string;
  readonly message: string;
  readonly whole: string;
}

interface Rule {
  readonly reason: string;
  /** The beginning of the summary message. */
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

/** Upstream repeats the names of some metrics in the summary message. */
function outer({ type, object, external }: MetricSpec, message: string): string {
  if (type === 'Object' && object?.target.type === 'AverageValue')
    return `failed to get ${object.metric.name} object metric: ${message}`;
  if (type !== 'External' || !external) return message;
  const { metric, target } = external;
  if (target.averageValue !== undefined) return `failed to get ${metric.name} external metric: ${message}`;
  return target.value === undefined ? message : `failed to get external metric ${metric.name}: ${message}`;
}

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

/** The tolerance of the behavior as a fraction, or else the flag's. */
export const toleranceOf = (value: unknown, otherwise: number): number => {
  const quantity = value === undefined ? undefined : parseQuantity(value);
  return quantity ? Number(quantity.nanos) / 1e9 : otherwise;
};
