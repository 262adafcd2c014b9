/** EndpointSlices by the Service that they belong to. */
import { objectKey } from '../../schemas/object.ts';
import type { EndpointSlice } from '../../schemas/types.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import { isOfManager, SERVICE_NAME_LABEL, serviceKeyOf } from './slice-facts.ts';

/** Wait this long after a change of slices, as upstream: their manager has just made it. */
export const SLICE_CHANGE_DELAY_MS = 1_000;

const SERVICE_INDEX = 'service';

export function indexByService(slices: ResourceCache<EndpointSlice>): void {
  slices.addIndex(SERVICE_INDEX, ({ metadata: { namespace, labels } }) => {
    const name = labels?.[SERVICE_NAME_LABEL];
    return name ? [objectKey(namespace, name)] : [];
  });
}

/** The slices of a Service that this manager made. */
export const slicesOf = (
  slices: ResourceCache<EndpointSlice>,
  service: string,
  manager: string,
): readonly EndpointSlice[] =>
  slices.byIndex(SERVICE_INDEX, service).filter((slice) => isOfManager(slice, manager));

/** The Services that a change of a slice concerns: labels may lead to another one than before. */
export const serviceKeysOf =
  (manager: string) =>
  ({ object, previous }: Pick<CacheEvent<EndpointSlice>, 'object' | 'previous'>): readonly string[] => [
    ...serviceKeyOf(object, manager),
    ...(previous ? serviceKeyOf(previous, manager) : []),
  ];
