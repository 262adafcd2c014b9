/** Runs {@link planEndpoints} for each Service that selects pods, and for those that went. */
import { keyOf } from '../../schemas/object.ts';
import type { Endpoints, Pod, Service } from '../../schemas/types.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { podSelectorOf } from './endpoint-facts.ts';
import { createPace } from './pace.ts';
import {
  ENDPOINTS_EVENTS,
  ENDPOINTS_MANAGER,
  type EndpointsView,
  MANAGED_BY,
  planEndpoints,
  planRefusedEndpoints,
  type TriggeredPlan,
} from './plan-endpoints.ts';
import { indexServicePods } from './service-pods.ts';
import { type TriggerTimes, triggerOf } from './trigger-times.ts';

export const endpointsController: Controller = {
  name: 'endpoints',
  async open({ caches, clock }, scope): Promise<Reconciler<EndpointsView, TriggeredPlan>> {
    const services = await caches.open<Service>('services');
    const pods = await caches.open<Pod>('pods');
    const endpoints = await caches.open<Endpoints>('endpoints');
    const members = indexServicePods(services, pods);
    const pace = createPace(clock);
    const seen = new Map<string, TriggerTimes>();
    /** Services that were deleted under our eyes: what was made by hand for them goes, too. */
    const deleted = new Set<string>();

    scope.on(services, (event) => {
      if (event.type === 'DELETED') deleted.add(event.key);
      else deleted.delete(event.key);
      return itself(event);
    });
    scope.on(pods, members.servicesConcerned, pace.delayMs);
    /** Services whose plan is being carried out: changes of their Endpoints are our own. */
    const writing = new Set<string>();
    scope.on(endpoints, (event) => (writing.has(event.key) ? [] : itself(event)));

    const isOurs = ({ metadata }: Endpoints): boolean => metadata.labels?.[MANAGED_BY] === ENDPOINTS_MANAGER;

    function leftoverOf(key: string): EndpointsView | undefined {
      const leftover = endpoints.get(key);
      writing.delete(key);
      seen.delete(key);
      pace.forget(key);
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
        const found = members.podsOf(service);
        pace.reconciled(key, found.length);
        writing.add(key);
        return {
          service,
          pods: found,
          current: endpoints.get(key),
          trigger: triggerOf(service, found, seen.get(key)),
        };
      },
      plan: planEndpoints,
      planRefused: planRefusedEndpoints,
      planUpdateRefused: planRefusedEndpoints,
      after(plan, key) {
        writing.delete(key);
        if (plan.seen) seen.set(key, plan.seen);
        else deleted.delete(key);
      },
    };
  },
};
