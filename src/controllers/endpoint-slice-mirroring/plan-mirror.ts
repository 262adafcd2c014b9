/**
 * The plan of the slices that mirror Endpoints made by hand, for a Service without a selector: one
 * slice for each subset and address family; pure.
 */
import { jsonEqual } from '../../base/json.ts';
import type { Rng } from '../../base/rng.ts';
import type {
  Endpoint,
  EndpointAddress,
  Endpoints,
  EndpointSlice,
  EndpointSubset,
  SlicePort,
} from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan, Refusal } from '../controller.ts';
import { readAddress } from '../endpoints/endpoint-facts.ts';
import { sortSlicePorts } from '../endpoints/port-order.ts';
import { isTriggerTime } from '../endpoints/trigger-times.ts';
import {
  identityOf,
  MANAGED_BY_LABEL,
  MIRRORING_CONTROLLER,
  portsKey,
  sameState,
  SERVICE_NAME_LABEL,
} from '../endpoint-slice/slice-facts.ts';
import { chooseName } from '../owned-pod.ts';
import { controllerReference, deletionOf, isDeleting } from '../ownership.ts';
import { eventsOf, type EventTexts, type PlannedEvent, warning } from '../planned-event.ts';

/** Upstream's --mirroring-max-endpoints-per-subset. */
export const MAX_MIRRORED = 1_000;

const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
const APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

export const MIRROR_EVENTS = {
  component: 'endpoint-slice-mirroring-controller',
  texts: {
    failed: warning(
      'FailedToUpdateEndpointSlices',
      (endpoints, refusal) => `Error updating Endpoint Slices for Endpoints ${endpoints}: ${refusal}`,
    ),
    invalid: warning(
      'InvalidIPAddress',
      (count) => `Skipped ${count} invalid IP addresses when mirroring to EndpointSlices`,
    ),
    tooMany: warning(
      'TooManyAddressesToMirror',
      (count) =>
        `A max of ${String(MAX_MIRRORED)} addresses can be mirrored to EndpointSlices per Endpoints subset. ${count} addresses were skipped`,
    ),
  },
} satisfies EventTexts;

const event = eventsOf<typeof MIRROR_EVENTS.texts>();

export interface MirrorView {
  /** Undefined: nothing is mirrored, and slices that were are deleted. */
  readonly endpoints: Endpoints | undefined;
  /** The slices of the name that the mirroring controller made. */
  readonly slices: readonly EndpointSlice[];
  readonly rng: Rng;
}

/** Locks of leader elections are no endpoints. */
export function isMirrored({ metadata: { labels, annotations } }: Endpoints): boolean {
  return labels?.[SKIP_LABEL] !== 'true' && annotations?.[LEADER_ANNOTATION] === undefined;
}

export function planMirror({ endpoints, slices, rng }: MirrorView): Plan {
  if (!endpoints) return { writes: slices.map((slice) => deletionOf(slice)) };
  const { groups, events } = desiredOf(endpoints);
  const sorted = [...slices].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const spare = new Set(sorted);
  const matched = groups.map((group) => {
    const existing = sorted.find((slice) => spare.has(slice) && keyOf(slice) === group.key);
    if (existing) spare.delete(existing);
    return { group, existing };
  });
  const writes = matched.flatMap(({ group, existing }): Write[] => {
    const slice = existing ?? [...spare].find(({ addressType }) => addressType === group.type);
    if (slice) spare.delete(slice);
    else if (isDeleting(endpoints)) return [];
    const object = mirrorOf(endpoints, group, slice, rng);
    if (slice && isMirror(slice, object)) return [];
    return [slice ? { verb: 'update', object, seen: slice } : { verb: 'create', object }];
  });
  return {
    writes: [...writes, ...[...spare].map((slice): Write => deletionOf(slice))],
    checks: [unchanged(endpoints)],
    events,
  };
}

export function planRefusedMirror(
  { endpoints }: MirrorView,
  { message, namespaceGoes }: Refusal,
): Plan | undefined {
  if (!endpoints || namespaceGoes) return undefined;
  const { name, namespace = '' } = endpoints.metadata;
  return { writes: [], events: [event('failed', endpoints, `${namespace}/${name}`, message)] };
}

interface Group {
  readonly key: string;
  readonly type: 'IPv4' | 'IPv6';
  readonly ports: readonly SlicePort[];
  readonly endpoints: Map<string, Endpoint>;
}

const keyOf = ({ addressType, ports }: Pick<EndpointSlice, 'addressType' | 'ports'>): string =>
  `${addressType} ${portsKey(ports)}`;

function desiredOf(endpoints: Endpoints): {
  readonly groups: readonly Group[];
  readonly events: readonly PlannedEvent[];
} {
  const groups = new Map<string, Group>();
  let invalid = 0;
  let beyond = 0;
  for (const subset of endpoints.subsets ?? []) {
    const ports = slicePortsOf(subset);
    let mirrored = 0;
    for (const { address, ready } of addressesOf(subset)) {
      const [read] = readAddress(address.ip);
      if (mirrored >= MAX_MIRRORED) beyond += 1;
      else if (!read || read.refused !== undefined) invalid += 1;
      else {
        mirrored += 1;
        const key = keyOf({ addressType: read.family, ports: [...ports] });
        const group = groups.get(key) ?? { key, type: read.family, ports, endpoints: new Map() };
        const endpoint = endpointOf(address, read.ip, ready);
        groups.set(key, group);
        group.endpoints.set(identityOf(endpoint), endpoint);
      }
    }
  }
  const events = [
    ...(invalid > 0 ? [event('invalid', endpoints, String(invalid))] : []),
    ...(beyond > 0 ? [event('tooMany', endpoints, String(beyond))] : []),
  ];
  return { groups: [...groups.values()], events };
}

const addressesOf = ({
  addresses = [],
  notReadyAddresses = [],
}: EndpointSubset): readonly {
  readonly address: EndpointAddress;
  readonly ready: boolean;
}[] => [
  ...addresses.map((address) => ({ address, ready: true })),
  ...notReadyAddresses.map((address) => ({ address, ready: false })),
];

const slicePortsOf = ({ ports = [] }: EndpointSubset): readonly SlicePort[] =>
  sortSlicePorts(
    ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })),
  );

const endpointOf = (
  { hostname, nodeName, targetRef }: EndpointAddress,
  ip: string,
  ready: boolean,
): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname ? { hostname } : {}),
  ...(nodeName ? { nodeName } : {}),
  ...(targetRef ? { targetRef } : {}),
});

function mirrorOf(
  endpoints: Endpoints,
  group: Group,
  slice: EndpointSlice | undefined,
  rng: Rng,
): EndpointSlice {
  const { name, namespace = '', labels, annotations = {} } = endpoints.metadata;
  const copied = Object.entries(annotations).filter(
    ([key]) => !isTriggerTime(key) && key !== APPLIED_ANNOTATION,
  );
  const limited = [...group.endpoints.values()].slice(0, MAX_MIRRORED);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...(slice?.metadata ?? { ...chooseName(`${name}-`, rng), namespace }),
      ownerReferences: [controllerReference(endpoints)],
      labels: { ...labels, [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: MIRRORING_CONTROLLER },
      annotations: Object.fromEntries(copied),
    },
    addressType: group.type,
    endpoints: limited,
    ...(group.ports.length > 0 ? { ports: [...group.ports] } : {}),
  };
}

/** Whether the slice is as desired, in any order of its endpoints. */
function isMirror(slice: EndpointSlice, wanted: EndpointSlice): boolean {
  const found = new Map((slice.endpoints ?? []).map((endpoint) => [identityOf(endpoint), endpoint]));
  const endpoints = wanted.endpoints ?? [];
  const { metadata } = slice;
  return (
    keyOf(slice) === keyOf(wanted) &&
    (slice.endpoints ?? []).length === endpoints.length &&
    endpoints.every((endpoint) => {
      const own = found.get(identityOf(endpoint));
      return own !== undefined && sameState(own, endpoint);
    }) &&
    jsonEqual(metadata.labels, wanted.metadata.labels) &&
    jsonEqual(metadata.annotations ?? {}, wanted.metadata.annotations) &&
    jsonEqual(metadata.ownerReferences, wanted.metadata.ownerReferences)
  );
}
