/** The part of a virtual resource that discovery and routing use. */
import type { ServedResource } from '../../schemas/resource-kind.ts';
import { METRICS_GROUP, METRICS_VERSION } from '../metrics/plan-metrics.ts';
import type { VirtualResource } from './types.ts';

export const named = (
  said: Pick<VirtualResource, 'group' | 'version' | 'kind' | 'verbs'> & Partial<ServedResource>,
): VirtualResource => ({
  plural: `${said.kind.toLowerCase()}s`,
  singular: said.kind.toLowerCase(),
  shortNames: [],
  categories: [],
  namespaced: false,
  subresources: [],
  ...said,
});

/** Metrics have no singular: `kubectl get node` means the node itself. */
export const metricsResource = (kind: string, plural: 'nodes' | 'pods'): VirtualResource =>
  named({
    ...{ group: METRICS_GROUP, version: METRICS_VERSION, kind, plural, singular: '' },
    namespaced: plural === 'pods',
    verbs: ['get', 'list'],
  });
