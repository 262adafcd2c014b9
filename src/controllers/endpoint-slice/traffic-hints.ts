/** Hints of `spec.trafficDistribution`: an endpoint serves its own zone, or its own node; pure. */
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import type { Endpoint, Service } from '../../schemas/types.ts';
import type { SliceDraft } from './pack-slices.ts';

/** Values of `spec.trafficDistribution` that make hints, and whether they name nodes, too. */
const NAMES_NODES: ReadonlyMap<string, boolean> = new Map([
  ['PreferClose', false],
  ['PreferSameZone', false],
  ['PreferSameNode', true],
]);

export function withTrafficHints(service: Service, drafts: readonly SliceDraft[]): readonly SliceDraft[] {
  const namesNodes = NAMES_NODES.get(service.spec.trafficDistribution ?? '');
  return withHints(drafts, (endpoint) =>
    namesNodes === undefined ? undefined : hintsOf(endpoint, namesNodes),
  );
}

type Hints = Endpoint['hints'];

function hintsOf({ zone, nodeName }: Endpoint, namesNodes: boolean): Hints {
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] };
  const forNodes = namesNodes && nodeName !== undefined ? { forNodes: [{ name: nodeName }] } : {};
  const hints = { ...forZones, ...forNodes };
  return Object.keys(hints).length > 0 ? hints : undefined;
}

/** Ready endpoints get these hints, others none. A slice changes if one of its endpoints does. */
export function withHints(
  drafts: readonly SliceDraft[],
  hintsFor: (endpoint: Endpoint) => Hints,
): readonly SliceDraft[] {
  return drafts.map((draft) => {
    const endpoints = draft.endpoints.map((endpoint) => {
      const wanted = endpoint.conditions?.ready === true ? hintsFor(endpoint) : undefined;
      return jsonEqual(endpoint.hints, wanted) ? endpoint : hinted(endpoint, wanted);
    });
    const isSame = endpoints.every((endpoint, index) => endpoint === draft.endpoints[index]);
    return isSame ? draft : { ...draft, endpoints, isChanged: true };
  });
}

const hinted = (endpoint: Endpoint, hints: Hints): Endpoint => ({
  ...omit(endpoint, 'hints'),
  ...(hints === undefined ? {} : { hints }),
});
