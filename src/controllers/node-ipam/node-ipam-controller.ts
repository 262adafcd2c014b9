/** Runs {@link planNodeIpam}, one at a time, so that slices stay unique. */
import type { Node, Pod } from '../../schemas/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { podsOnNode } from '../indexes.ts';
import { indexByNode } from '../../store/cache/indexes.ts';
import { hasNetworkTrouble } from './plan-network-condition.ts';
import { IPAM_EVENTS, type IpamPlan, type IpamView, planNodeIpam } from './plan-node-ipam.ts';
import { DEFAULT_POD_NETWORK, type PodNetwork } from './plan-pod-cidrs.ts';

const ONLY_KEY = 'all nodes';

export const nodeIpam = (network: PodNetwork = DEFAULT_POD_NETWORK): Controller => ({
  name: 'node-ipam',
  async open({ caches, logger }, scope): Promise<Reconciler<IpamView, IpamPlan>> {
    const nodes = await caches.open<Node>('nodes');
    const pods = await caches.open<Pod>('pods');
    indexByNode(pods);
    const told = new Set<string>();
    /** Slices by names of gone nodes whose pods may still run; '' where it was not seen. */
    const gone = new Map(pods.list().flatMap(({ spec }) => (spec.nodeName ? [[spec.nodeName, '']] : [])));
    for (const node of nodes.list()) gone.delete(node.metadata.name);
    let after = 0;
    let isShort = false;

    function heldByGone(): readonly string[] {
      const held: string[] = [];
      for (const [name, slice] of [...gone]) {
        const left = podsOnNode(pods, name);
        if (left.length === 0) gone.delete(name);
        // A node of this name that came back has its pods, but maybe another slice.
        else if (!nodes.get(name)) held.push(slice);
        for (const { spec, status } of left) {
          if (spec.hostNetwork !== true && status?.podIP) held.push(`${status.podIP}/32`);
        }
      }
      return held;
    }

    scope.on(nodes, ({ type, key, object }) => {
      if (type === 'DELETED') {
        gone.set(key, object.spec.podCIDR ?? '');
        told.delete(key);
      }
      const concerns = type !== 'MODIFIED' || !object.spec.podCIDR || hasNetworkTrouble(object);
      return concerns ? [ONLY_KEY] : [];
    });
    scope.on(pods, ({ type, object }) =>
      // It may have been the last one that held a slice.
      isShort && type === 'DELETED' && gone.has(object.spec.nodeName ?? '') ? [ONLY_KEY] : [],
    );
    return {
      // A node that comes back brings its slice with it: giving that to another would double it.
      pausesForRebuild: true,
      concurrency: 1,
      events: IPAM_EVENTS,
      keys: () => [ONLY_KEY],
      observe: () => ({ nodes: nodes.list(), network, held: heldByGone(), after, told }),
      plan: planNodeIpam,
      after(plan) {
        ({ after, isShort } = plan);
        for (const { node, reason, message } of plan.newTroubles) {
          told.add(node);
          logger.warn({ component: 'controller/node-ipam', node, reason }, message);
        }
      },
    };
  },
});
