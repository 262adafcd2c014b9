/**
 * `autoscaling/v1` ↔ `autoscaling/v2`. What the older version has no fields for (other metrics than
 * the processor, behavior, conditions) is in annotations of the older form, as upstream has it. An
 * annotation that cannot be read counts as absent. Pure; total.
 */
import { isRecord } from '../../../base/json.ts';
import { asList, asRecord, asRecords, type Fields, isAbsent, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { cpuUtilization, DEFAULT_CPU_UTILIZATION } from './defaults.ts';
import { METRIC_SOURCES } from './validation.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const METRICS = `${PREFIX}metrics`;
const BEHAVIOR = `${PREFIX}behavior`;
const CURRENT_METRICS = `${PREFIX}current-metrics`;
const CONDITIONS = `${PREFIX}conditions`;
/** The annotations that are part of the status. */
export const STATUS_ANNOTATIONS = [CURRENT_METRICS, CONDITIONS] as const;

const V1 = 'autoscaling/v1';
const V2 = 'autoscaling/v2';

/** The members that are there, in this order. */
function some(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isAbsent(value)));
}

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

/** The source of a metric, and the name of its member. */
function sourceOf(metric: Fields): readonly [string, Fields] {
  const type = metric['type'];
  const name =
    typeof type === 'string' && Object.hasOwn(METRIC_SOURCES, type) ? METRIC_SOURCES[type] : undefined;
  return [name ?? '', asRecord(metric[name ?? ''])];
}

const currentOf = (metric: Fields | undefined): Fields => asRecord(asRecord(metric?.['resource'])['current']);

const ZERO = '0';

function metricToV1(metric: Fields): unknown {
  const [name, source] = sourceOf(metric);
  const { name: metricName, selector } = asRecord(source['metric']);
  const { value, averageValue, averageUtilization } = asRecord(source['target']);
  const resource = {
    name: source['name'],
    ...some({ targetAverageUtilization: averageUtilization, targetAverageValue: averageValue }),
  };
  const sources: Readonly<Record<string, unknown>> = {
    object: {
      target: source['describedObject'],
      metricName,
      targetValue: value ?? ZERO,
      ...some({ selector, averageValue }),
    },
    pods: { metricName, targetAverageValue: averageValue ?? ZERO, ...some({ selector }) },
    resource,
    containerResource: { ...resource, container: source['container'] },
    external: {
      metricName,
      ...some({ metricSelector: selector, targetValue: value, targetAverageValue: averageValue }),
    },
  };
  return { type: metric['type'], ...some({ [name]: sources[name] }) };
}

function metricToV2(encodedMetric: unknown): Record<string, unknown> {
  const metric = asRecord(encodedMetric);
  const [name, source] = sourceOf(metric);
  const { targetAverageUtilization: averageUtilization, targetAverageValue, targetValue } = source;
  const average = name === 'object' ? source['averageValue'] : targetAverageValue;
  const selector = name === 'external' ? source['metricSelector'] : source['selector'];
  const identified = { name: source['metricName'], ...some({ selector }) };
  const valueFirst = name === 'external' ? !isAbsent(targetValue) : isAbsent(average);
  const valued = {
    metric: identified,
    target: {
      type: name !== 'pods' && valueFirst ? 'Value' : 'AverageValue',
      ...some({
        value: name === 'object' && targetValue === ZERO && !isAbsent(average) ? undefined : targetValue,
        averageValue: average,
      }),
    },
  };
  const resource = {
    name: source['name'],
    target: {
      type: isAbsent(averageUtilization) ? 'AverageValue' : 'Utilization',
      ...some({ averageValue: targetAverageValue, averageUtilization }),
    },
  };
  const sources: Readonly<Record<string, unknown>> = {
    object: { describedObject: source['target'], ...valued },
    pods: valued,
    resource,
    containerResource: { ...resource, container: source['container'] },
    external: valued,
  };
  return { type: metric['type'] ?? '', ...some({ [name]: sources[name] }) };
}

function measuredToV1(metric: Fields): unknown {
  const [name, source] = sourceOf(metric);
  const { name: metricName, selector } = asRecord(source['metric']);
  const { value, averageValue, averageUtilization } = asRecord(source['current']);
  const resource = {
    name: source['name'],
    ...some({ currentAverageUtilization: averageUtilization }),
    currentAverageValue: averageValue ?? ZERO,
  };
  const sources: Readonly<Record<string, unknown>> = {
    object: {
      target: source['describedObject'],
      metricName,
      currentValue: value ?? ZERO,
      ...some({ selector, averageValue }),
    },
    pods: { metricName, currentAverageValue: averageValue ?? ZERO, ...some({ selector }) },
    resource,
    containerResource: { ...resource, container: source['container'] },
    external: {
      metricName,
      ...some({ metricSelector: selector }),
      currentValue: value ?? ZERO,
      ...some({ currentAverageValue: averageValue }),
    },
  };
  return { type: metric['type'] ?? '', ...some({ [name]: sources[name] }) };
}

function measuredToV2(encodedMetric: unknown): unknown {
  const metric = asRecord(encodedMetric);
  const [name, source] = sourceOf(metric);
  const { currentAverageUtilization: averageUtilization, currentAverageValue, currentValue } = source;
  const average = name === 'object' ? source['averageValue'] : currentAverageValue;
  const selector = name === 'external' ? source['metricSelector'] : source['selector'];
  // The older form always has a value, which says nothing beside an average.
  const value = isAbsent(average) ? currentValue : undefined;
  const valued = {
    metric: { name: source['metricName'], ...some({ selector }) },
    current: some({ value, averageValue: average }),
  };
  const resource = {
    name: source['name'],
    current: some({ averageValue: currentAverageValue, averageUtilization }),
  };
  const sources: Readonly<Record<string, unknown>> = {
    object: { describedObject: source['target'], ...valued },
    pods: valued,
    resource,
    containerResource: { ...resource, container: source['container'] },
    external: valued,
  };
  return { type: metric['type'] ?? '', ...some({ [name]: sources[name] }) };
}

/** Upstream encodes its internal type here: names of members begin with a capital. */
const RULES = ['StabilizationWindowSeconds', 'SelectPolicy', 'Policies', 'Tolerance'];
const POLICY = ['Type', 'Value', 'PeriodSeconds'];

const memberName = (goName: string): string => goName.charAt(0).toLowerCase() + goName.slice(1);

/** Go reads members whatever the case of their names. */
function read(value: unknown, goName: string): unknown {
  const wanted = goName.toLowerCase();
  return Object.entries(asRecord(value)).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

const goFields = (value: Fields, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, value[memberName(name)] ?? null]));

const ownFields = (value: unknown, names: readonly string[]): Record<string, unknown> =>
  some(Object.fromEntries(names.map((name) => [memberName(name), read(value, name)])));

function behaviorToV1(behavior: Fields): unknown {
  const rules = (value: unknown): unknown =>
    isRecord(value)
      ? {
          ...goFields(value, RULES),
          Policies: asRecords(value['policies']).map((policy) => goFields(policy, POLICY)),
          Tolerance: value['tolerance'] ?? null,
        }
      : null;
  return { ScaleUp: rules(behavior['scaleUp']), ScaleDown: rules(behavior['scaleDown']) };
}

function behaviorToV2(behavior: Fields): unknown {
  const rules = (value: unknown): unknown =>
    isRecord(value)
      ? {
          ...ownFields(value, RULES),
          policies: asList(read(value, 'Policies')).map((policy) => ownFields(policy, POLICY)),
        }
      : undefined;
  return some({ scaleUp: rules(read(behavior, 'ScaleUp')), scaleDown: rules(read(behavior, 'ScaleDown')) });
}
