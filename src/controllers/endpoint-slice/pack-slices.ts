/**
 * Spreads the endpoints of one set of ports over slices with few writes: upstream's packing. An
 * endpoint stays in its slice. New ones go into slices that change anyway, then into the one slice
 * with just enough room, then into new slices; pure.
 */
import type { Endpoint, EndpointSlice } from '../../schemas/types.ts';
import { identityOf, sameState } from './slice-facts.ts';

/** Upstream's --max-endpoints-per-slice. */
export const MAX_ENDPOINTS_PER_SLICE = 100;

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

interface Filling {
  existing?: EndpointSlice;
  endpoints: Endpoint[];
  isChanged: boolean;
}

/** `isStale` holds for slices that change anyway, because of their labels. */
export function packSlices(
  existing: readonly EndpointSlice[],
  desired: readonly Endpoint[],
  isStale: (slice: EndpointSlice) => boolean,
): Packing {
  const open = new Set(desired);
  const settled = new Set(existing.filter((slice) => !isStale(slice) && takeAll(slice, open)));
  const missing = new Map([...open].map((endpoint) => [identityOf(endpoint), endpoint]));
  const fillings = existing.map((slice) =>
    settled.has(slice)
      ? { existing: slice, endpoints: [...(slice.endpoints ?? [])], isChanged: false }
      : keepDesired(slice, missing, isStale(slice)),
  );
  const emptied = fillings.filter(({ existing: slice, endpoints }) => {
    return endpoints.length === 0 && (slice?.endpoints ?? []).length > 0;
  });
  const kept = fillings.filter((filling) => !emptied.includes(filling));
  const added = [...missing.values()];
  for (const filling of kept.filter(({ isChanged }) => isChanged).sort(fullestFirst)) fill(filling, added);
  const created: Filling[] = [];
  while (added.length > 0) {
    const free = kept.filter(({ isChanged }) => !isChanged);
    const filling = tightest(free, added.length) ?? { endpoints: [], isChanged: true };
    if (!filling.existing) created.push(filling);
    fill(filling, added);
  }
  return {
    drafts: [...kept, ...created],
    emptied: emptied.flatMap(({ existing: slice }) => slice ?? []),
  };
}

/**
 * Takes the endpoints of a slice out of the desired ones where each is the very same as the desired
 * one. Most slices are as they were written: nothing in them is compared.
 */
function takeAll({ endpoints }: EndpointSlice, open: Set<Endpoint>): boolean {
  const held = endpoints ?? [];
  if (!held.every((endpoint) => open.has(endpoint))) return false;
  for (const endpoint of held) open.delete(endpoint);
  return true;
}

/** Keeps the desired endpoints of a slice, and takes them out of the missing ones. */
function keepDesired(slice: EndpointSlice, missing: Map<string, Endpoint>, isStale: boolean): Filling {
  const before = slice.endpoints ?? [];
  let isChanged = isStale;
  const endpoints: Endpoint[] = [];
  for (const endpoint of before) {
    const identity = identityOf(endpoint);
    const wanted = missing.get(identity);
    if (!wanted || !sameState(wanted, endpoint)) isChanged = true;
    if (!wanted) continue;
    missing.delete(identity);
    endpoints.push(wanted);
  }
  return { existing: slice, endpoints: isChanged ? endpoints : before, isChanged };
}

function fill(filling: Filling, added: Endpoint[]): void {
  const room = MAX_ENDPOINTS_PER_SLICE - filling.endpoints.length;
  const taken = added.splice(0, Math.max(0, room));
  if (taken.length === 0) return;
  filling.endpoints = [...filling.endpoints, ...taken];
  filling.isChanged = true;
}

const fullestFirst = (a: Filling, b: Filling): number => b.endpoints.length - a.endpoints.length;

/** The slice that is fullest with all of the endpoints in it. Undefined: none has the room. */
function tightest(fillings: readonly Filling[], count: number): Filling | undefined {
  if (count >= MAX_ENDPOINTS_PER_SLICE) return undefined;
  const fitting = fillings.filter(({ endpoints }) => endpoints.length + count <= MAX_ENDPOINTS_PER_SLICE);
  return fitting.sort(fullestFirst)[0];
}
