/** The columns of `kubectl get hpa`, for objects in the form of `autoscaling/v2`. */
import { asNumber, asRecord, asRecords, asString, type Fields } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { AGE, column, NAME, NONE, tableOf, UNSET } from '../../tables/columns.ts';
import { METRIC_SOURCES } from './validation.ts';

/** The cell shows this many metrics and counts the rest. */
const SHOWN_METRICS = 2;
const UNKNOWN = '<unknown>';

const specOf = ({ spec }: KubeObject): Fields => asRecord(spec);
const statusOf = ({ status }: KubeObject): Fields => asRecord(status);

export const autoscalerTable = tableOf(
  NAME,
  column('Reference', (object) => {
    const { kind, name } = asRecord(specOf(object)['scaleTargetRef']);
    return `${asString(kind)}/${asString(name)}`;
  }),
  column('Targets', metricsText),
  column('MinPods', (object) => {
    const min = asNumber(specOf(object)['minReplicas']);
    return min === undefined ? UNSET : `${min}`;
  }),
  column('MaxPods', (object) => asNumber(specOf(object)['maxReplicas']) ?? 0),
  column('Replicas', (object) => asNumber(statusOf(object)['currentReplicas']) ?? 0),
  AGE,
);

function metricsText(object: KubeObject): string {
  const metrics = asRecords(specOf(object)['metrics']);
  const measured = asRecords(statusOf(object)['currentMetrics']);
  if (metrics.length === 0) return NONE;
  const shown = metrics.slice(0, SHOWN_METRICS).map((metric, index) => metricText(metric, measured[index]));
  const rest = metrics.length - SHOWN_METRICS;
  return shown.join(', ') + (rest > 0 ? ` + ${rest} more...` : '');
}

/** `cpu: 75%/60%`, `3/10 (avg)`: what there is, and what is wanted. */
function metricText(metric: Fields, measured: Fields = {}): string {
  const type = asString(metric['type']);
  const source = Object.hasOwn(METRIC_SOURCES, type) ? METRIC_SOURCES[type] : undefined;
  if (source === undefined) return '<unknown type>';
  const { name, target: wanted } = asRecord(metric[source]);
  const target = asRecord(wanted);
  const current = asRecord(asRecord(measured[source])['current']);
  const now = (field: string): string => asString(current[field]) || UNKNOWN;
  const average = asString(target['averageValue']);
  if (source === 'pods') return `${now('averageValue')}/${average}`;
  if (source === 'object' || source === 'external')
    return average === ''
      ? `${now('value')}/${asString(target['value'])}`
      : `${now('averageValue')}/${average} (avg)`;
  if (average !== '') return `${asString(name)}: ${now('averageValue')}/${average}`;
  const percent = (value: unknown, otherwise: string): string =>
    typeof value === 'number' ? `${value}%` : otherwise;
  const used = percent(current['averageUtilization'], UNKNOWN);
  return `${asString(name)}: ${used}/${percent(target['averageUtilization'], '<auto>')}`;
}
