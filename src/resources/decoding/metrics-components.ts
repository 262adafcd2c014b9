/**
 * Component schemas of `metrics.k8s.io`, which no recording of the server holds: upstream's metrics
 * server brings them along.
 */
import type { SchemaDocument, TypeSchema } from './type-schemas.ts';

const REFERENCE = '#/components/schemas/';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const METRICS = 'io.k8s.metrics.pkg.apis.metrics.v1beta1.';

const component = (name: string): TypeSchema => ({ allOf: [{ $ref: REFERENCE + name }], default: {} });
const text = (description: string): TypeSchema => ({ description, type: 'string' });

const usage: TypeSchema = {
  description: 'The memory usage is the memory working set.',
  type: 'object',
  additionalProperties: {
    allOf: [{ $ref: `${REFERENCE}io.k8s.apimachinery.pkg.api.resource.Quantity` }],
    default: {},
  },
};

const interval: Readonly<Record<string, TypeSchema>> = {
  timestamp: {
    description:
      'The following fields define time interval from which metrics were collected from the interval [Timestamp-Window, Timestamp].',
    ...component(`${META}Time`),
  },
  window: { type: 'string' },
};

const typed: Readonly<Record<string, TypeSchema>> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
};
const kindOf = (kind: string): object => ({
  'x-kubernetes-group-version-kind': [{ group: 'metrics.k8s.io', kind, version: 'v1beta1' }],
});

function metrics(
  kind: string,
  description: string,
  measured: Readonly<Record<string, TypeSchema>>,
): SchemaDocument {
  const object: TypeSchema = {
    description,
    type: 'object',
    required: ['timestamp', 'window', ...Object.keys(measured)],
    properties: { ...typed, metadata: component(`${META}ObjectMeta`), ...interval, ...measured },
    ...kindOf(kind),
  };
  const list: TypeSchema = {
    description: `${kind}List is a list of ${kind}.`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typed,
      metadata: component(`${META}ListMeta`),
      items: { description: `List of ${kind}.`, type: 'array', items: component(METRICS + kind) },
    },
    ...kindOf(`${kind}List`),
  };
  return { [METRICS + kind]: object, [`${METRICS}${kind}List`]: list };
}

const CONTAINER = `${METRICS}ContainerMetrics`;

export const metricsComponents: SchemaDocument = {
  [CONTAINER]: {
    description: 'ContainerMetrics sets resource usage metrics of a container.',
    type: 'object',
    required: ['name', 'usage'],
    properties: { name: text('Container name corresponding to the one from pod.spec.containers.'), usage },
  },
  ...metrics('NodeMetrics', 'NodeMetrics sets resource usage metrics of a node.', { usage }),
  ...metrics('PodMetrics', 'PodMetrics sets resource usage metrics of a pod.', {
    containers: {
      description: 'Metrics for all containers are collected within the same time window.',
      type: 'array',
      items: component(CONTAINER),
    },
  }),
};
