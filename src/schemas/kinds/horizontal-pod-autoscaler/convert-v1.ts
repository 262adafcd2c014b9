/**
 * `autoscaling/v1` ↔ `autoscaling/v2`. What the older version has no fields for (metrics other than
 * CPU, behavior, conditions) is in annotations of the older form, as upstream has it. An annotation
 * that cannot be read counts as absent. Pure; total.
 */
import { isRecord } from '../../../base/json.ts';
import { asList, asRecord, asRecords, type Fields, isAbsent, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { cpuUtilization, DEFAULT_CPU_UTILIZATION } from './defaults.ts';
import { behaviorToV1, behaviorToV2 } from './convert-behavior.ts';
import { measuredToV1, measuredToV2, metricToV1, metricToV2, some } from './convert-metrics.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const METRICS = `${PREFIX}metrics`;
const BEHAVIOR = `${PREFIX}behavior`;
const CURRENT_METRICS = `${PREFIX}current-metrics`;
const CONDITIONS = `${PREFIX}conditions`;
/** The annotations that are part of the status. */
export const STATUS_ANNOTATIONS = [CURRENT_METRICS, CONDITIONS] as const;

const V1 = 'autoscaling/v1';
const V2 = 'autoscaling/v2';

const isCpu = (source: unknown): boolean => asRecord(source)['name'] === 'cpu';
const cpuTarget = (metric: Fields): unknown =>
  metric['type'] === 'Resource' && isCpu(metric['resource'])
    ? asRecord(asRecord(metric['resource'])['target'])['averageUtilization']
    : undefined;

export function toV1(object: KubeObject): KubeObject {
  const spec = asRecord(object['spec']);
  const metrics = asRecords(spec['metrics']);
  const others = metrics.filter((metric) => isAbsent(cpuTarget(metric)));
  const first = metrics.find((metric) => metric['type'] === 'Resource' && isCpu(metric['resource']));
  const { status } = object;
  const { currentMetrics, conditions } = asRecord(status);
  const measured = asRecords(currentMetrics);
  const cpu = measured.findLast((metric) => metric['type'] === 'Resource' && isCpu(metric['resource']));
  const annotations = {
    ...withoutRoundTrip(object),
    ...encoded(METRICS, others.map(metricToV1)),
    ...encoded(BEHAVIOR, isRecord(spec['behavior']) ? behaviorToV1(spec['behavior']) : undefined),
    ...encoded(CURRENT_METRICS, measured.map(measuredToV1)),
    ...encoded(CONDITIONS, asRecords(conditions).map(conditionText)),
  };
  return {
    ...object,
    apiVersion: V1,
    metadata: withAnnotations(object, annotations),
    spec: {
      ...omit(spec, 'metrics', 'behavior'),
      ...some({ targetCPUUtilizationPercentage: first && cpuTarget(first) }),
    },
    ...(isRecord(status)
      ? {
          status: {
            currentReplicas: 0,
            ...omit(status, 'currentMetrics', 'conditions'),
            ...some({ currentCPUUtilizationPercentage: currentOf(cpu)['averageUtilization'] }),
          },
        }
      : {}),
  };
}

export function toV2(object: KubeObject): KubeObject {
  const spec = asRecord(object['spec']);
  const { status } = object;
  const percent = spec['targetCPUUtilizationPercentage'];
  const metrics = [
    ...(isAbsent(percent) ? [] : [cpuUtilization(percent)]),
    ...asList(decoded(object, METRICS)).map(metricToV2),
  ];
  const behavior = decoded(object, BEHAVIOR);
  return {
    ...object,
    apiVersion: V2,
    metadata: withAnnotations(object, withoutRoundTrip(object)),
    spec: {
      ...omit(spec, 'targetCPUUtilizationPercentage'),
      metrics: metrics.length > 0 ? metrics : [cpuUtilization(DEFAULT_CPU_UTILIZATION)],
      ...(isRecord(behavior) && Object.keys(behavior).length > 0 ? { behavior: behaviorToV2(behavior) } : {}),
    },
    ...(isRecord(status) ? { status: statusToV2(object, status) } : {}),
  };
}

function statusToV2(object: KubeObject, status: Fields): Fields {
  const cpu = status['currentCPUUtilizationPercentage'];
  const current = { averageUtilization: cpu, averageValue: '0' };
  const fallback = isAbsent(cpu) ? null : [{ type: 'Resource', resource: { name: 'cpu', current } }];
  const measured = decoded(object, CURRENT_METRICS);
  const conditions = asRecords(decoded(object, CONDITIONS));
  const kept = omit(status, 'currentCPUUtilizationPercentage');
  return {
    ...(kept['currentReplicas'] === 0 ? omit(kept, 'currentReplicas') : kept),
    currentMetrics: Array.isArray(measured) ? measured.map(measuredToV2) : fallback,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

/** The annotations, whatever a client sends in their place. */
export const annotationsOf = ({ metadata }: KubeObject): Readonly<Record<string, string>> =>
  asRecord(asRecord(metadata)['annotations']) as Readonly<Record<string, string>>;

function withoutRoundTrip(object: KubeObject): Readonly<Record<string, string>> {
  return omit(annotationsOf(object), METRICS, BEHAVIOR, ...STATUS_ANNOTATIONS);
}

function withAnnotations(
  { metadata }: KubeObject,
  annotations: Readonly<Record<string, string>>,
): KubeObject['metadata'] {
  const rest = omit(metadata, 'annotations');
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations: { ...annotations } };
}

function encoded(name: string, value: unknown): Readonly<Record<string, string>> {
  const isNothing = value === undefined || (Array.isArray(value) && value.length === 0);
  return isNothing ? {} : { [name]: JSON.stringify(value) };
}

function decoded(object: KubeObject, name: string): unknown {
  const text = annotationsOf(object)[name];
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const conditionText = ({ type, status, lastTransitionTime, reason, message }: Fields): unknown => ({
  type,
  status,
  lastTransitionTime: lastTransitionTime ?? null,
  ...some({ reason, message }),
});

const currentOf = (metric: Fields | undefined): Fields => asRecord(asRecord(metric?.['resource'])['current']);
