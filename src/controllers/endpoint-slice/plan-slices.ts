/**
 * The plan of the EndpointSlices of a Service: for each of its address families, the endpoints of
 * its pods, grouped by their ports. Slices of other managers are never touched; pure.
 */
import { append } from '../../base/append.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Rng } from '../../base/rng.ts';
import { omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Endpoint, EndpointSlice, Service } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Refusal } from '../controller.ts';
import type { TriggeredPlan } from '../endpoints/plan-endpoints.ts';
import { HEADLESS_LABEL, isHeadless } from '../endpoints/endpoint-facts.ts';
import type { ServiceView } from '../endpoints/service-memory.ts';
import { withTrigger } from '../endpoints/trigger-times.ts';
import { chooseName } from '../owned-pod.ts';
import { controllerReference, deletionOf, isDeleting } from '../ownership.ts';
import { eventsOf, type EventTexts, normal, type PlannedEvent, warning } from '../planned-event.ts';
import { packSlices, type SliceDraft } from './pack-slices.ts';
import { type AddressType, addressTypesOf, type PortSet, type SliceFact } from './pod-endpoint.ts';
import { MANAGED_BY_LABEL, portsKey, SERVICE_NAME_LABEL, SLICE_CONTROLLER } from './slice-facts.ts';
import { hasHints, wantsTopologyHints, withTopologyHints, type ZoneShares } from './topology-hints.ts';
import { withTrafficHints } from './traffic-hints.ts';

export const SLICE_EVENTS = {
  component: 'endpoint-slice-controller',
  texts: {
    failed: warning(
      'FailedToUpdateEndpointSlices',
      (service, why) => `Error updating Endpoint Slices for Service ${service}: ${why}`,
    ),
    hintsEnabled: normal(
      'TopologyAwareHintsEnabled',
      (type) => `Topology Aware Hints has been enabled, addressType: ${type}`,
    ),
    hintsDisabled: warning('TopologyAwareHintsDisabled', (why, type) => `${why}, addressType: ${type}`),
  },
} satisfies EventTexts;

const event = eventsOf<typeof SLICE_EVENTS.texts>();

export type SlicesView =
  /** The Service is gone. Its slices that no owner takes along are deleted. */
  | { readonly service?: undefined; readonly leftovers: readonly EndpointSlice[] }
  | {
      readonly service: Service;
      readonly pods: ServiceView<SliceFact>;
      /** Slices of the Service that this controller made, except those being deleted. */
      readonly slices: readonly EndpointSlice[];
      readonly shares: () => ZoneShares;
      readonly rng: Rng;
    };

type ServicedView = Extract<SlicesView, { readonly service: Service }>;

/** Slices written at a time: this many full ones are about 3 MB. The rest follows at once. */
const MAX_WRITES = 100;

export function planSlices(view: SlicesView): TriggeredPlan<SliceFact> {
  if (!view.service) return { writes: view.leftovers.map((slice) => deletionOf(slice)) };
  const { service, slices, pods } = view;
  const types = addressTypesOf(service);
  const sorted = [...slices].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const obsolete = sorted.filter(({ addressType }) => !types.some((type) => type === addressType));
  const skipped = pods.known.facts.flatMap((fact) => fact?.skipped ?? []);
  const parts = types.map((type) => planType(view, type, sorted));
  const writes = [
    ...parts.flatMap((part) => part.writes),
    ...obsolete.map((slice): Write => deletionOf(slice)),
  ];
  return {
    writes: writes.slice(0, MAX_WRITES),
    checks: [unchanged(service)],
    events: [
      ...skipped.map((why) => event('failed', service, fullName(service), why)),
      ...parts.flatMap(({ events }) => events),
    ],
    seen: pods.known,
    ...(writes.length > MAX_WRITES ? { requeueAfterMs: 0 } : {}),
  };
}

type RefusedPlan = (view: SlicesView, refusal: Refusal) => TriggeredPlan | undefined;

const refusedTo =
  (verb: 'create' | 'update'): RefusedPlan =>
  (view, { message, namespaceGoes }) => {
    if (!view.service || namespaceGoes) return undefined;
    const { service } = view;
    const why = `failed to ${verb} EndpointSlice for Service ${fullName(service)}: ${message}`;
    return { writes: [], events: [event('failed', service, fullName(service), why)] };
  };

export const planRefusedSlices = refusedTo('create');
export const planRefusedSliceUpdates = refusedTo('update');

const fullName = ({ metadata: { name, namespace = '' } }: KubeObject): string => `${namespace}/${name}`;

interface Part {
  readonly writes: readonly Write[];
  readonly events: readonly PlannedEvent[];
}

interface Group extends PortSet {
  readonly endpoints: Endpoint[];
}

interface PortedDraft extends SliceDraft {
  readonly ports: PortSet['ports'];
}

function planType(view: ServicedView, type: AddressType, all: readonly EndpointSlice[]): Part {
  const { service } = view;
  const existing = all.filter(({ addressType }) => addressType === type);
  const owned = existing.filter((slice) => isOwnedBy(slice, service));
  const groups = groupPods(view, type);
  const labels = labelsOf(service);
  const isStale = (slice: EndpointSlice): boolean => !jsonEqual(slice.metadata.labels, labels);
  const deletions = existing.filter((slice) => !owned.includes(slice));
  append(
    deletions,
    owned.filter(({ ports }) => !groups.has(portsKey(ports))),
  );
  const drafts: PortedDraft[] = [];
  for (const { key, ports, endpoints } of groups.values()) {
    const packing = packSlices(
      owned.filter((slice) => portsKey(slice.ports) === key),
      endpoints,
      isStale,
    );
    append(
      drafts,
      packing.drafts.map((draft) => ({ ...draft, ports })),
    );
    append(deletions, packing.emptied);
  }
  const { drafts: hinted, events } = hint(view, drafts, type);
  if (drafts.length === 0) keepPlaceholder(hinted, deletions, labels, service);
  return { writes: writesOf(view, type, labels, hinted, deletions), events };
}

function groupPods({ pods }: ServicedView, type: AddressType): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const fact of pods.known.facts) {
    const found = fact?.endpoints?.[type];
    if (!found) continue;
    const { key, ports, endpoint } = found;
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { key, ports, endpoints: [] }));
    group.endpoints.push(endpoint);
  }
  return groups;
}

/** The labels of the Service, except those that every slice sets itself. */
function labelsOf(service: Service): Record<string, string> {
  return {
    ...omit(service.metadata.labels ?? {}, HEADLESS_LABEL),
    ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}),
    [SERVICE_NAME_LABEL]: service.metadata.name,
    [MANAGED_BY_LABEL]: SLICE_CONTROLLER,
  };
}

const isOwnedBy = ({ metadata }: EndpointSlice, service: Service): boolean =>
  (metadata.ownerReferences ?? []).some(
    ({ apiVersion, kind, uid }) => uid === service.metadata.uid && kind === 'Service' && apiVersion === 'v1',
  );

function hint(
  view: ServicedView,
  drafts: readonly PortedDraft[],
  type: AddressType,
): { readonly drafts: PortedDraft[]; readonly events: readonly PlannedEvent[] } {
  const { service } = view;
  const portsOf = new Map(drafts.map(({ ports }, index) => [index, ports]));
  const ported = (hinted: readonly SliceDraft[]): PortedDraft[] =>
    hinted.map((draft, index) => ({ ...draft, ports: portsOf.get(index) ?? [] }));
  if (!wantsTopologyHints(service)) return { drafts: ported(withTrafficHints(service, drafts)), events: [] };
  const { drafts: hinted, disabled } = withTopologyHints(drafts, view.shares());
  if (disabled !== undefined)
    return { drafts: ported(hinted), events: [event('hintsDisabled', service, disabled, type)] };
  const events = hasHints(drafts) ? [] : [event('hintsEnabled', service, type)];
  return { drafts: ported(hinted), events };
}

/** A Service without endpoints has one empty slice. */
function keepPlaceholder(
  drafts: PortedDraft[],
  deletions: EndpointSlice[],
  labels: Readonly<Record<string, string>>,
  service: Service,
): void {
  const [only, ...others] = deletions;
  const isPlaceholder =
    only &&
    others.length === 0 &&
    isOwnedBy(only, service) &&
    (only.endpoints ?? []).length === 0 &&
    (only.ports ?? []).length === 0 &&
    jsonEqual(only.metadata.labels, labels);
  if (isPlaceholder) deletions.length = 0;
  else drafts.push({ endpoints: [], ports: [], isChanged: true });
}

/** A slice that would be deleted is used again for one that would be created. */
function writesOf(
  { service, pods, rng }: ServicedView,
  addressType: AddressType,
  labels: Readonly<Record<string, string>>,
  drafts: readonly PortedDraft[],
  deletions: readonly EndpointSlice[],
): readonly Write[] {
  const reusable = deletions.filter((slice) => isOwnedBy(slice, service));
  const writes: Write[] = [];
  for (const { existing, endpoints, ports, isChanged } of drafts) {
    if (!isChanged) continue;
    const reused = existing ?? reusable.shift();
    if (!reused && isDeleting(service)) continue;
    const { namespace = '', name } = service.metadata;
    const object: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        ...(reused?.metadata ?? {
          ...chooseName(`${name}-`, rng),
          namespace,
          ownerReferences: [controllerReference(service)],
        }),
        labels: { ...labels },
        annotations: withTrigger(existing?.metadata.annotations, pods.trigger),
      },
      addressType,
      ...(endpoints.length > 0 ? { endpoints: [...endpoints] } : {}),
      ...(ports.length > 0 ? { ports: [...ports] } : {}),
    };
    writes.push(reused ? { verb: 'update', object, seen: reused } : { verb: 'create', object });
  }
  const kept = new Set(reusable);
  const gone = deletions.filter((slice) => kept.has(slice) || !isOwnedBy(slice, service));
  return [...writes, ...gone.map((slice): Write => deletionOf(slice))];
}
