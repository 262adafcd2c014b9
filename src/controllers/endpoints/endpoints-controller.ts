/** Runs {@link planEndpoints} for each Service that selects pods, and for each deleted one. */
import { keyOf } from '../../schemas/object.ts';
import type { Endpoints, Pod, Service } from '../../schemas/types.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { podSelectorOf } from './endpoint-facts.ts';
import {
  ENDPOINTS_EVENTS,
  type EndpointFact,
  endpointFactOf,
  ENDPOINTS_MANAGER,
  type EndpointsView,
  MANAGED_BY,
  planEndpoints,
  planRefusedEndpoints,
  type TriggeredPlan,
} from './plan-endpoints.ts';
import { createServiceMemory } from './service-memory.ts';
import { indexServicePods, isSelectedBy } from './service-pods.ts';

export const endpointsController: Controller = {
  name: 'endpoints',
  async open({ caches, clock }, scope): Promise<Reconciler<EndpointsView, TriggeredPlan<EndpointFact>>> {
    const services = await caches.open<Service>('services');
    const pods = await caches.open<Pod>('pods');
    const endpoints = await caches.open<Endpoints>('endpoints');
    const members = indexServicePods(services, pods);
    const memory = createServiceMemory<EndpointFact>(clock);
    /** Services whose deletion this process saw: their hand-made Endpoints are deleted, too. */
    const deleted = new Set<string>();

    scope.on(services, (event) => {
      if (event.type === 'DELETED') deleted.add(event.key);
      else deleted.delete(event.key);
      return itself(event);
    });
    scope.on(pods, members.servicesConcerned, memory.delayMs);
    scope.on(endpoints, (event) => (memory.isWriting(event.key) ? [] : itself(event)));

    const isOurs = ({ metadata }: Endpoints): boolean => metadata.labels?.[MANAGED_BY] === ENDPOINTS_MANAGER;

    function leftoverOf(key: string): EndpointsView | undefined {
      const leftover = endpoints.get(key);
      memory.forget(key);
      if (leftover && (deleted.has(key) || isOurs(leftover))) return { leftover };
      deleted.delete(key);
      return undefined;
    }

    return {
      events: ENDPOINTS_EVENTS,
      pausesForRebuild: true,
      keys: () => [...services.list().map(keyOf), ...endpoints.list().filter(isOurs).map(keyOf)],
      observe(key) {
        const service = services.get(key);
        if (!service) return leftoverOf(key);
        if (!podSelectorOf(service)) return undefined;
        const found = memory.begin({ service, candidates: members.candidatesOf(service) }, (pod) =>
          isSelectedBy(service, pod) ? endpointFactOf(service, pod) : undefined,
        );
        return { service, pods: found, current: endpoints.get(key) };
      },
      plan: planEndpoints,
      planRefused: planRefusedEndpoints,
      planUpdateRefused: planRefusedEndpoints,
      after(plan, key) {
        memory.end(key, plan.seen);
        if (!plan.seen) deleted.delete(key);
      },
    };
  },
};
