/** The EndpointSlices of each Service, kept up to date by the feed's changes. */
import type { EndpointSlice } from '../../schemas/types.ts';
import type { Feed } from '../feeds.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
/** Slices of headless Services are for DNS alone. */
const HEADLESS = 'service.kubernetes.io/headless';

export interface SlicesByService {
  /** Takes what the feed has for a slice now; answers the Services that it belonged or belongs to. */
  update(slice: string): readonly string[];
  of(service: string): readonly EndpointSlice[];
}

export function createSlicesByService(feed: Pick<Feed<EndpointSlice>, 'items'>): SlicesByService {
  const members = new Map<string, Set<string>>();
  const services = new Map<string, string>();

  function update(slice: string): readonly string[] {
    const before = services.get(slice);
    const after = serviceOf(feed.items.get(slice));
    if (before !== after) {
      if (before !== undefined) leave(before, slice);
      if (after !== undefined) {
        const found = members.get(after) ?? new Set<string>();
        members.set(after, found.add(slice));
        services.set(slice, after);
      }
    }
    return [...new Set([before, after])].filter((service) => service !== undefined);
  }

  function leave(service: string, slice: string): void {
    services.delete(slice);
    const left = members.get(service);
    left?.delete(slice);
    if (left?.size === 0) members.delete(service);
  }

  return {
    update,
    of: (service) => [...(members.get(service) ?? [])].sort().flatMap((slice) => feed.items.get(slice) ?? []),
  };
}

function serviceOf(slice: EndpointSlice | undefined): string | undefined {
  const { namespace = '', labels = {} } = slice?.metadata ?? {};
  const name = labels[SERVICE_NAME];
  return name && labels[HEADLESS] === undefined ? `${namespace}/${name}` : undefined;
}
