/**
 * Where an autoscaler's metrics come from. The control plane measures pods itself. Metrics of
 * applications are asked of an adapter that serves `custom.metrics.k8s.io` or
 * `external.metrics.k8s.io`, where one is configured.
 */
import type { ContainerUsage } from '../../schemas/container-usage.ts';
import { asList, asRecord, asRecords, asString, getPath } from '../../schemas/json-access.ts';
import { parseApiVersion } from '../../schemas/object.ts';
import type { Registry } from '../../schemas/resource-kind.ts';
import type { MetricSpec, Pod } from '../../schemas/types.ts';
import { toMilli } from '../../schemas/values/quantity.ts';
import { labelSelectorText } from '../../schemas/values/selectors.ts';
import type { Measurement } from './measurement.ts';
import type { PodMetric } from './plan-replicas.ts';

export interface NodeUsages {
  /** By node; those that have no answer are missing. */
  of(
    nodes: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly containers: readonly ContainerUsage[] }>>;
}

/** Gets a path of the API from an adapter; throws what a client is told. */
export type GetMetric = (path: string, signal: AbortSignal) => Promise<unknown>;

export interface MetricsSource {
  readonly usages?: NodeUsages;
  readonly custom?: GetMetric | undefined;
  readonly external?: GetMetric | undefined;
}

export interface MetricQuery {
  readonly namespace: string;
  readonly pods: readonly Pod[];
  /** The text of the target's selector. */
  readonly selector: string;
  readonly registry: Pick<Registry, 'kinds'>;
  readonly signal: AbortSignal;
}

/** The measurements of metrics, in their order. */
export async function measure(
  source: MetricsSource,
  metrics: readonly MetricSpec[],
  query: MetricQuery,
): Promise<readonly Measurement[]> {
  const isUsed = metrics.some(({ type }) => type === 'Resource' || type === 'ContainerResource');
  const usages = isUsed ? await usagesOf(source, query.pods) : new Map<string, readonly ContainerUsage[]>();
  return Promise.all(metrics.map((metric) => measureOne(source, metric, query, usages)));
}

type PodUsages = ReadonlyMap<string, readonly ContainerUsage[]>;

/** The usage of each pod's named containers. Undefined: it is not measured. */
async function usagesOf({ usages }: MetricsSource, pods: readonly Pod[]): Promise<PodUsages | undefined> {
  if (!usages) return undefined;
  const nodes = new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []));
  const found = await usages.of([...nodes]);
  const byPlace = new Map<string, ContainerUsage[]>();
  for (const [node, { containers }] of found)
    for (const usage of containers) {
      if (usage.container === '') continue;
      const key = `${node}/${usage.podUid}`;
      const known = byPlace.get(key);
      if (known) known.push(usage);
      else byPlace.set(key, [usage]);
    }
  // A node's answer counts only for pods that are bound to it.
  return new Map(
    pods.flatMap(({ metadata, spec }) => {
      const own = byPlace.get(`${spec.nodeName ?? ''}/${metadata.uid ?? ''}`);
      return own ? [[metadata.name, own] as const] : [];
    }),
  );
}

async function measureOne(
  source: MetricsSource,
  metric: MetricSpec,
  query: MetricQuery,
  usages: PodUsages | undefined,
): Promise<Measurement> {
  switch (metric.type) {
    case 'Resource':
      return podsUsage(usages, metric.resource?.name ?? '', '', query);
    case 'ContainerResource': {
      const { name = '', container = '' } = metric.containerResource ?? {};
      return podsUsage(usages, name, container, query);
    }
    case 'Pods':
      return podsMetric(source, metric, query);
    case 'Object':
      return objectMetric(source, metric, query);
    case 'External':
      return externalMetric(source, metric, query);
    default:
      return { failure: 'its type is unknown' };
  }
}

const MILLIS = 1000;
const NANOS_PER_MILLI = 1_000_000;

const amountOf = ({ cpuNanoCores, memoryBytes }: ContainerUsage, resource: string): number | undefined => {
  if (resource === 'cpu') return Math.ceil(cpuNanoCores / NANOS_PER_MILLI);
  return resource === 'memory' ? memoryBytes * MILLIS : undefined;
};

function podsUsage(
  usages: PodUsages | undefined,
  resource: string,
  container: string,
  { namespace }: MetricQuery,
): Measurement {
  const prefix = 'unable to fetch metrics from resource metrics API';
  if (!usages)
    return {
      failure: `${prefix}: the server could not find the requested resource (get pods.metrics.k8s.io)`,
    };
  if (usages.size === 0) return { failure: 'no metrics returned from resource metrics API' };
  const pods = new Map<string, PodMetric>();
  for (const [pod, containers] of usages) {
    const own = container === '' ? containers : containers.filter((usage) => usage.container === container);
    if (own.length === 0) {
      const where = `container ${container} not present in metrics for pod ${namespace}/${pod}`;
      return { failure: `failed to get container metrics: ${where}` };
    }
    const amounts = own.map((usage) => amountOf(usage, resource));
    if (!amounts.every((amount) => amount !== undefined)) continue;
    pods.set(pod, {
      milli: amounts.reduce((total, amount) => total + amount, 0),
      atMs: Math.max(...containers.map(({ atMs }) => atMs)),
      windowMs: Math.max(...containers.map(({ windowMs }) => windowMs)),
    });
  }
  return { pods };
}

/** As long as upstream assumes a metric was watched. */
const DEFAULT_WINDOW_MS = 60_000;
const CUSTOM_VERSIONS = ['v1beta2', 'v1beta1'] as const;
const CUSTOM_FAILED = 'unable to fetch metrics from custom metrics API';
const EXTERNAL_FAILED = 'unable to fetch metrics from external metrics API';

async function podsMetric(
  source: MetricsSource,
  { pods }: MetricSpec,
  query: MetricQuery,
): Promise<Measurement> {
  const name = pods?.metric.name ?? '';
  const parameters = { labelSelector: query.selector, ...metricSelector(pods?.metric.selector) };
  const answer = await getCustom(source, `namespaces/${query.namespace}/pods/*/${name}`, parameters, query);
  if ('failure' in answer) return answer;
  if (answer.items.length === 0) return { failure: 'no metrics returned from custom metrics API' };
  return {
    pods: new Map(
      answer.items.map((item) => {
        const seconds = item['windowSeconds'] ?? item['window'];
        const metric: PodMetric = {
          milli: toMilli(item['value']),
          atMs: Date.parse(asString(item['timestamp'])) || 0,
          windowMs: typeof seconds === 'number' ? seconds * MILLIS : DEFAULT_WINDOW_MS,
        };
        return [asString(getPath(item, 'describedObject', 'name')), metric] as const;
      }),
    ),
  };
}

async function objectMetric(
  source: MetricsSource,
  { object }: MetricSpec,
  query: MetricQuery,
): Promise<Measurement> {
  const { apiVersion = '', kind = '', name = '' } = object?.describedObject ?? {};
  const metric = object?.metric.name ?? '';
  const { group } = parseApiVersion(apiVersion);
  const known = query.registry.kinds.find((one) => one.group === group && one.kind === kind);
  const plural = known?.plural ?? `${kind.toLowerCase()}s`;
  const resource = group === '' ? plural : `${plural}.${group}`;
  // A namespace describes itself; others are in the autoscaler's.
  const path =
    resource === 'namespaces'
      ? `namespaces/${query.namespace}/metrics/${metric}`
      : `namespaces/${query.namespace}/${resource}/${encodeURIComponent(name)}/${metric}`;
  const answer = await getCustom(source, path, metricSelector(object?.metric.selector), query);
  if ('failure' in answer) return answer;
  const [item] = answer.items;
  return item
    ? { values: [toMilli(item['value'])] }
    : { failure: 'no metrics returned from custom metrics API' };
}

async function externalMetric(
  { external: get }: MetricsSource,
  { external }: MetricSpec,
  query: MetricQuery,
): Promise<Measurement> {
  const name = external?.metric.name ?? '';
  const missing = `the server could not find the requested resource (get ${name}.external.metrics.k8s.io)`;
  if (!get) return { failure: `${EXTERNAL_FAILED}: ${missing}` };
  const selector = labelSelectorText(external?.metric.selector);
  const path = pathOf(
    `external.metrics.k8s.io/v1beta1/namespaces/${query.namespace}/${encodeURIComponent(name)}`,
    selector === '' ? {} : { labelSelector: selector },
  );
  try {
    const items = itemsOf(await get(path, query.signal));
    if (items.length === 0) return { failure: 'no metrics returned from external metrics API' };
    return { values: items.map((item) => toMilli(item['value'])) };
  } catch (error) {
    return { failure: `${EXTERNAL_FAILED}: ${messageOf(error)}` };
  }
}

type Items = readonly Readonly<Record<string, unknown>>[];

/** Asks in the newer version of the API first. */
async function getCustom(
  { custom: get }: MetricsSource,
  path: string,
  parameters: Readonly<Record<string, string>>,
  { signal }: MetricQuery,
): Promise<{ readonly items: Items } | { readonly failure: string }> {
  if (!get) return { failure: `${CUSTOM_FAILED}: no custom metrics API (custom.metrics.k8s.io) registered` };
  let failure = '';
  for (const version of CUSTOM_VERSIONS) {
    try {
      return {
        items: itemsOf(await get(pathOf(`custom.metrics.k8s.io/${version}/${path}`, parameters), signal)),
      };
    } catch (error) {
      failure = `${CUSTOM_FAILED}: ${messageOf(error)}`;
    }
  }
  return { failure };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An adapter's answer has been read with a bound; beyond these items nothing is counted. */
const MAX_ITEMS = 10_000;

function itemsOf(answer: unknown): Items {
  const { items } = asRecord(answer);
  if (!Array.isArray(items)) throw new Error('the answer is no list of metrics');
  return asRecords(asList(items).slice(0, MAX_ITEMS));
}

const metricSelector = (selector: unknown): Readonly<Record<string, string>> => {
  const text = labelSelectorText(selector);
  return text === '' ? {} : { metricLabelSelector: text };
};

function pathOf(path: string, parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString();
  return `/apis/${path}${query === '' ? '' : `?${query}`}`;
}
