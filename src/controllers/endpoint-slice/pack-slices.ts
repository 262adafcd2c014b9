/** Spreads the endpoints of one set of ports over slices with few writes; pure. */
import type { Endpoint, EndpointSlice } from '../../schemas/types.ts';
import { packItems } from '../pack-items.ts';
import { identityOf, sameState } from './slice-facts.ts';

/** Upstream's --max-endpoints-per-slice. */
const MAX_ENDPOINTS_PER_SLICE = 100;

/** A desired slice. */
export interface SliceDraft {
  /** Absent: the slice is new. */
  readonly existing?: EndpointSlice;
  readonly endpoints: readonly Endpoint[];
  readonly isChanged: boolean;
}

export interface Packing {
  readonly drafts: readonly SliceDraft[];
  /** Existing slices that lost all of their endpoints. */
  readonly emptied: readonly EndpointSlice[];
}

/** `isStale` holds for slices that change anyway, because of their labels. */
export function packSlices(
  existing: readonly EndpointSlice[],
  desired: readonly Endpoint[],
  isStale: (slice: EndpointSlice) => boolean,
): Packing {
  const { drafts, emptied } = packItems(existing, desired, {
    max: MAX_ENDPOINTS_PER_SLICE,
    itemsOf: ({ endpoints }: EndpointSlice) => endpoints ?? [],
    identityOf,
    sameState,
    isStale,
  });
  return { drafts: drafts.map(({ items, ...draft }) => ({ ...draft, endpoints: items })), emptied };
}
