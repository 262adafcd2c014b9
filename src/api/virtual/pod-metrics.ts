/** `pods.metrics.k8s.io`, for `kubectl top pods`. Selected as the pods themselves are. */
import { getPath } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { notFound } from '../../schemas/errors/status.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { NodeUsage, NodeUsages } from '../metrics/node-usage.ts';
import { METRICS_GROUP, podMetrics } from '../metrics/plan-metrics.ts';
import { metricsResource } from './named.ts';
import type { VirtualResource } from './types.ts';

export function createPodMetrics(core: ResourceCore, usages: NodeUsages): VirtualResource {
  const kind = core.registry.byResource('', 'v1', 'pods');
  if (!kind) throw new Error('The registry has no pods');

  async function measure(pods: readonly KubeObject[]): Promise<readonly KubeObject[]> {
    const nodes = new Set(pods.map(nodeOf).filter((node) => node !== ''));
    const measured = await usages.of([...nodes]);
    const nowMs = core.clock.now();
    // A node's answer counts only for pods that are bound to it.
    const byPod = new Map<string, NodeUsage>();
    for (const [node, { askedAtMs, containers }] of measured)
      for (const usage of containers) {
        const key = `${node}/${usage.podUid}`;
        const others = byPod.get(key)?.containers ?? [];
        byPod.set(key, { askedAtMs, containers: [...others, usage] });
      }
    return pods.flatMap((pod) => {
      const usage = byPod.get(`${nodeOf(pod)}/${pod.metadata.uid ?? ''}`);
      return (usage && podMetrics(pod, usage, nowMs)) ?? [];
    });
  }

  return {
    ...metricsResource('PodMetrics', 'pods'),
    async get({ namespace, name }) {
      const [found] = await measure([await core.get({ kind, namespace, name }, '0')]);
      if (!found)
        throw notFound({ group: METRICS_GROUP, plural: 'podmetrics' }, `${namespace ?? ''}/${name}`);
      return found;
    },
    async list({ namespace, labelSelector, fieldSelector }) {
      const { objects } = await core.list(
        { kind, namespace },
        { resourceVersion: '0', labelSelector: labelSelector ?? '', fieldSelector: fieldSelector ?? '' },
      );
      return { resourceVersion: '', objects: await measure(objects) };
    },
  };
}

const nodeOf = (pod: KubeObject): string => {
  const node = getPath(pod, 'spec', 'nodeName');
  return typeof node === 'string' ? node : '';
};
