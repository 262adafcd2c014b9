/** Runs {@link planLoadBalancers}, one at a time, so that addresses stay unique. */
import { jsonEqual } from '../../base/json.ts';
import { ANNOUNCE_NETWORKS } from '../../schemas/load-balancers.ts';
import { keyOf, objectKey } from '../../schemas/object.ts';
import type { EndpointSlice, Node, Service } from '../../schemas/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { mayAnnounce } from './choose-announcers.ts';
import {
  concernsLoadBalancers,
  LOAD_BALANCER_EVENTS,
  type LoadBalancersView,
  planLoadBalancers,
} from './plan-load-balancers.ts';

const ONLY_KEY = 'all load balancers';
const SERVICE_LABEL = 'kubernetes.io/service-name';

export const loadBalancerController = (pool: readonly string[] = []): Controller => ({
  name: 'load-balancer',
  async open({ caches }, scope): Promise<Reconciler<LoadBalancersView>> {
    const services = await caches.open<Service>('services');
    const slices = await caches.open<EndpointSlice>('endpointslices.discovery.k8s.io');
    const nodes = await caches.open<Node>('nodes');

    const staysLocal = (service: Service | undefined): boolean =>
      service?.spec.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local';
    const serviceOf = ({ metadata: { namespace, labels } }: EndpointSlice): string =>
      objectKey(namespace, labels?.[SERVICE_LABEL] ?? '');

    function endpointNodes(among: readonly Service[]): ReadonlyMap<string, ReadonlySet<string>> {
      const found = new Map(among.filter(staysLocal).map((service) => [keyOf(service), new Set<string>()]));
      for (const namespace of new Set(among.filter(staysLocal).map(({ metadata }) => metadata.namespace)))
        for (const slice of slices.list(namespace))
          for (const { nodeName, conditions } of slice.endpoints ?? [])
            if (nodeName && conditions?.ready !== false) found.get(serviceOf(slice))?.add(nodeName);
      return found;
    }

    scope.on(services, ({ object, previous }) =>
      concernsLoadBalancers(object) || (previous && concernsLoadBalancers(previous)) ? [ONLY_KEY] : [],
    );
    scope.on(slices, ({ object }) => (staysLocal(services.get(serviceOf(object))) ? [ONLY_KEY] : []));
    scope.on(nodes, ({ type, object, previous }) =>
      type === 'MODIFIED' && previous && jsonEqual(mattersOf(object), mattersOf(previous)) ? [] : [ONLY_KEY],
    );
    return {
      // Addresses that come back with their Services must not be given to others before.
      pausesForRebuild: true,
      concurrency: 1,
      events: LOAD_BALANCER_EVENTS,
      keys: () => [ONLY_KEY],
      observe() {
        const concerned = services.list().filter(concernsLoadBalancers);
        if (concerned.length === 0) return undefined;
        return { services: concerned, nodes: nodes.list(), pool, endpointNodes: endpointNodes(concerned) };
      },
      plan: planLoadBalancers,
    };
  },
});

/** The fields of a Node that the choice depends on. */
const mattersOf = (node: Node): unknown => [
  mayAnnounce(node),
  node.metadata.annotations?.[ANNOUNCE_NETWORKS],
  node.status?.addresses,
];
