/** Runs {@link planMirror} for Endpoints that were made by hand, and for leftover slices. */
import { keyOf } from '../../schemas/object.ts';
import type { Endpoints, EndpointSlice, Service } from '../../schemas/types.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { MIRRORING_CONTROLLER } from '../endpoint-slice/slice-facts.ts';
import {
  indexByService,
  serviceKeysOf,
  SLICE_CHANGE_DELAY_MS,
  slicesOf,
} from '../endpoint-slice/slice-index.ts';
import { isMirrored, MIRROR_EVENTS, type MirrorView, planMirror, planRefusedMirror } from './plan-mirror.ts';

export const mirroringController: Controller = {
  name: 'endpointslice-mirroring',
  async open({ caches, rng }, scope): Promise<Reconciler<MirrorView>> {
    const services = await caches.open<Service>('services');
    const endpoints = await caches.open<Endpoints>('endpoints');
    const slices = await caches.open<EndpointSlice>('endpointslices.discovery.k8s.io');
    indexByService(slices);
    scope.on(endpoints, itself);
    scope.on(services, (event) => {
      const { type, object, previous } = event;
      return type === 'MODIFIED' && hasSelector(object) === hasSelector(previous) ? [] : itself(event);
    });
    scope.on(slices, serviceKeysOf(MIRRORING_CONTROLLER), SLICE_CHANGE_DELAY_MS);

    return {
      events: MIRROR_EVENTS,
      pausesForRebuild: true,
      keys: () => [
        ...endpoints.list().map(keyOf),
        ...slices.list().flatMap((object) => serviceKeysOf(MIRRORING_CONTROLLER)({ object })),
      ],
      observe(key) {
        const service = services.get(key);
        const found = endpoints.get(key);
        const isWanted = service !== undefined && !hasSelector(service) && found && isMirrored(found);
        const existing = slicesOf(slices, key, MIRRORING_CONTROLLER).filter((slice) => !isDeleting(slice));
        if (!isWanted && existing.length === 0) return undefined;
        return { endpoints: isWanted ? found : undefined, slices: existing, rng };
      },
      plan: planMirror,
      planRefused: planRefusedMirror,
      planUpdateRefused: planRefusedMirror,
    };
  },
};

const hasSelector = (service: Service | undefined): boolean =>
  Object.keys(service?.spec.selector ?? {}).length > 0;
