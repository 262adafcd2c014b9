/** Runs {@link planUnreportedNodes} when a node registers. */
import type { ConfigMap } from '../../schemas/types.ts';
import { UNREPORTED_KEY } from '../../schemas/unreported-nodes.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { planUnreportedNodes, type UnreportedNodesView } from './plan-unreported-nodes.ts';

export const unreportedNodesController: Controller = {
  name: 'unreported-nodes',
  async open({ caches }, scope): Promise<Reconciler<UnreportedNodesView>> {
    const configMaps = await caches.open<ConfigMap>('configmaps');
    const nodes = await caches.open('nodes');
    scope.on(nodes, ({ type }) => (type === 'ADDED' ? [UNREPORTED_KEY] : []));
    scope.on(configMaps, ({ key }) => (key === UNREPORTED_KEY ? [key] : []));
    return {
      pausesForRebuild: true,
      keys: () => [UNREPORTED_KEY],
      observe(key) {
        const list = configMaps.get(key);
        const registered = new Set(nodes.list().map(({ metadata }) => metadata.name));
        return list && { list, registered };
      },
      plan: planUnreportedNodes,
    };
  },
};
