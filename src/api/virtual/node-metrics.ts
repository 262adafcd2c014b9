/** `nodes.metrics.k8s.io`, for `kubectl top nodes`. Selected as the nodes themselves are. */
import { notFound } from '../../schemas/errors/status.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { METRICS_GROUP, nodeMetrics } from '../metrics/plan-metrics.ts';
import type { NodeUsages } from '../metrics/node-usage.ts';
import { metricsResource } from './named.ts';
import type { VirtualResource } from './types.ts';

export function createNodeMetrics(core: ResourceCore, usages: NodeUsages): VirtualResource {
  const kind = core.registry.byResource('', 'v1', 'nodes');
  if (!kind) throw new Error('The registry has no nodes');
  return {
    ...metricsResource('NodeMetrics', 'nodes'),
    async get({ name }) {
      const node = await core.get({ kind, namespace: undefined, name }, '0');
      const usage = (await usages.of([name])).get(name);
      if (!usage) throw notFound({ group: METRICS_GROUP, plural: 'nodemetrics' }, name);
      return nodeMetrics(node, usage, core.clock.now());
    },
    async list({ labelSelector, fieldSelector }) {
      const { objects } = await core.list(
        { kind, namespace: undefined },
        { resourceVersion: '0', labelSelector: labelSelector ?? '', fieldSelector: fieldSelector ?? '' },
      );
      const measured = await usages.of(objects.map(({ metadata }) => metadata.name));
      const nowMs = core.clock.now();
      return {
        resourceVersion: '',
        objects: objects.flatMap((node) => {
          const usage = measured.get(node.metadata.name);
          return usage ? [nodeMetrics(node, usage, nowMs)] : [];
        }),
      };
    },
  };
}
