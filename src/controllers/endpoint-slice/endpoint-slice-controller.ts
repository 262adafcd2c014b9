/** Runs {@link planSlices} for each Service that selects pods, and for each deleted one. */
import { jsonEqual } from '../../base/json.ts';
import { keyOf } from '../../schemas/object.ts';
import type { EndpointSlice, Node, Pod, Service } from '../../schemas/types.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { indexByNode } from '../../store/cache/indexes.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { podSelectorOf } from '../endpoints/endpoint-facts.ts';
import type { TriggeredPlan } from '../endpoints/plan-endpoints.ts';
import { createServiceMemory } from '../endpoints/service-memory.ts';
import { indexServicePods, isSelectedBy } from '../endpoints/service-pods.ts';
import { podsOnNode } from '../indexes.ts';
import { isDeleting } from '../ownership.ts';
import {
  planRefusedSlices,
  planRefusedSliceUpdates,
  planSlices,
  SLICE_EVENTS,
  type SlicesView,
} from './plan-slices.ts';
import { type NodeZones, type SliceFact, sliceFactOf, ZONE_LABEL, zonesOf } from './pod-endpoint.ts';
import { indexByService, serviceKeysOf, SLICE_CHANGE_DELAY_MS, slicesOf } from './slice-index.ts';
import { SLICE_CONTROLLER } from './slice-facts.ts';
import { wantsTopologyHints, zoneCpus, zoneShares } from './topology-hints.ts';

export const endpointSliceController: Controller = {
  name: 'endpointslice',
  async open({ caches, clock, rng }, scope): Promise<Reconciler<SlicesView, TriggeredPlan<SliceFact>>> {
    const services = await caches.open<Service>('services');
    const pods = await caches.open<Pod>('pods');
    const nodes = await caches.open<Node>('nodes');
    const slices = await caches.open<EndpointSlice>('endpointslices.discovery.k8s.io');
    const members = indexServicePods(services, pods);
    const memory = createServiceMemory<SliceFact>(clock);
    /** Undefined: a node came, went, or changed its zone. */
    let zones: NodeZones | undefined;
    indexByNode(pods);
    indexByService(slices);

    scope.on(services, itself);
    scope.on(pods, members.servicesConcerned, memory.delayMs);
    const keysOfSlice = serviceKeysOf(SLICE_CONTROLLER);
    scope.on(
      slices,
      (event) => keysOfSlice(event).filter((key) => !memory.isWriting(key)),
      SLICE_CHANGE_DELAY_MS,
    );
    scope.on(nodes, (event) => {
      const { name } = event.object.metadata;
      if (isMoved(event)) zones = undefined;
      const moved = isMoved(event) ? podsOnNode(pods, name).flatMap(members.servicesOf) : [];
      const hinted = mayChangeShares(event) ? services.list().filter(wantsTopologyHints).map(keyOf) : [];
      return new Set([...moved, ...hinted]);
    });

    return {
      events: SLICE_EVENTS,
      pausesForRebuild: true,
      keys: () => [
        ...services.list().map(keyOf),
        ...slices.list().flatMap((object) => keysOfSlice({ object })),
      ],
      observe(key) {
        const service = services.get(key);
        const existing = slicesOf(slices, key, SLICE_CONTROLLER).filter((slice) => !isDeleting(slice));
        if (!service) {
          memory.forget(key);
          // The garbage collector takes those that have an owner.
          const leftovers = existing.filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0);
          return leftovers.length > 0 ? { leftovers } : undefined;
        }
        if (!podSelectorOf(service)) return undefined;
        const context = (zones ??= zonesOf(nodes.list()));
        const found = memory.begin({ service, candidates: members.candidatesOf(service), context }, (pod) =>
          isSelectedBy(service, pod) ? sliceFactOf(service, pod, context) : undefined,
        );
        return { service, pods: found, slices: existing, shares: () => zoneShares(nodes.list()), rng };
      },
      plan: planSlices,
      planRefused: planRefusedSlices,
      planUpdateRefused: planRefusedSliceUpdates,
      after: (plan, key) => memory.end(key, plan.seen),
    };
  },
};

const zoneOf = (node: Node | undefined): string | undefined => node?.metadata.labels?.[ZONE_LABEL];

/** Endpoints on the node come, go, or change their zone. */
const isMoved = ({ type, object, previous }: CacheEvent<Node>): boolean =>
  type !== 'MODIFIED' || zoneOf(object) !== zoneOf(previous);

const mayChangeShares = ({ type, object, previous }: CacheEvent<Node>): boolean =>
  type !== 'MODIFIED' || !jsonEqual(zoneCpus(object), zoneCpus(previous));
