/** Metrics of `autoscaling/v1`, as its annotations hold them, and of `autoscaling/v2`; pure. */
import { asRecord, type Fields, isAbsent } from '../../json-access.ts';
import { METRIC_SOURCES } from './validation.ts';

/** The members that are present, in this order. */
export function some(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isAbsent(value)));
}

/** The source of a metric, and the name of its member. */
function sourceOf(metric: Fields): readonly [string, Fields] {
  const type = metric['type'];
  const name =
    typeof type === 'string' && Object.hasOwn(METRIC_SOURCES, type) ? METRIC_SOURCES[type] : undefined;
  return [name ?? '', asRecord(metric[name ?? ''])];
}

/** The sources of a metric, of which its type takes one. */
interface Sources {
  readonly object: unknown;
  readonly pods: unknown;
  readonly resource: Fields;
  readonly external: unknown;
}

/** The metric with the one source that its type names. */
function withSource(metric: Fields, sources: Sources): Record<string, unknown> {
  const [name, { container }] = sourceOf(metric);
  const all: Readonly<Record<string, unknown>> = {
    ...sources,
    containerResource: { ...sources.resource, container },
  };
  return { type: metric['type'] ?? '', ...some({ [name]: all[name] }) };
}

const ZERO = '0';

export function metricToV1(metric: Fields): unknown {
  const [, source] = sourceOf(metric);
  const { name: metricName, selector } = asRecord(source['metric']);
  const { value, averageValue, averageUtilization } = asRecord(source['target']);
  const resource = {
    name: source['name'],
    ...some({ targetAverageUtilization: averageUtilization, targetAverageValue: averageValue }),
  };
  return withSource(metric, {
    object: {
      target: source['describedObject'],
      metricName,
      targetValue: value ?? ZERO,
      ...some({ selector, averageValue }),
    },
    pods: { metricName, targetAverageValue: averageValue ?? ZERO, ...some({ selector }) },
    resource,
    external: {
      metricName,
      ...some({ metricSelector: selector, targetValue: value, targetAverageValue: averageValue }),
    },
  });
}

export function metricToV2(encodedMetric: unknown): Record<string, unknown> {
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
  return withSource(metric, {
    object: { describedObject: source['target'], ...valued },
    pods: valued,
    resource,
    external: valued,
  });
}

export function measuredToV1(metric: Fields): unknown {
  const [, source] = sourceOf(metric);
  const { name: metricName, selector } = asRecord(source['metric']);
  const { value, averageValue, averageUtilization } = asRecord(source['current']);
  const resource = {
    name: source['name'],
    ...some({ currentAverageUtilization: averageUtilization }),
    currentAverageValue: averageValue ?? ZERO,
  };
  return withSource(metric, {
    object: {
      target: source['describedObject'],
      metricName,
      currentValue: value ?? ZERO,
      ...some({ selector, averageValue }),
    },
    pods: { metricName, currentAverageValue: averageValue ?? ZERO, ...some({ selector }) },
    resource,
    external: {
      metricName,
      ...some({ metricSelector: selector }),
      currentValue: value ?? ZERO,
      ...some({ currentAverageValue: averageValue }),
    },
  });
}

export function measuredToV2(encodedMetric: unknown): unknown {
  const metric = asRecord(encodedMetric);
  const [name, source] = sourceOf(metric);
  const { currentAverageUtilization: averageUtilization, currentAverageValue, currentValue } = source;
  const average = name === 'object' ? source['averageValue'] : currentAverageValue;
  const selector = name === 'external' ? source['metricSelector'] : source['selector'];
  // The older form always has a value, which has no meaning beside an average.
  const value = isAbsent(average) ? currentValue : undefined;
  const valued = {
    metric: { name: source['metricName'], ...some({ selector }) },
    current: some({ value, averageValue: average }),
  };
  const resource = {
    name: source['name'],
    current: some({ averageValue: currentAverageValue, averageUtilization }),
  };
  return withSource(metric, {
    object: { describedObject: source['target'], ...valued },
    pods: valued,
    resource,
    external: valued,
  });
}
