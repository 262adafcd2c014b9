/**
 * The plan of the Endpoints of a Service: the addresses of its pods, grouped by the ports that they
 * serve. Endpoints of a Service without a selector are made by hand and left alone; pure.
 */
import { jsonEqual } from '../../base/json.ts';
import type { EndpointAddress, EndpointPort, Endpoints, Pod, Service } from '../../schemas/types.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import type { Plan, Refusal } from '../controller.ts';
import { deletionOf } from '../ownership.ts';
import { eventsOf, type EventTexts, warning } from '../planned-event.ts';
import { isReady } from '../pod-facts.ts';
import {
  addressesOf,
  findPort,
  HEADLESS_LABEL,
  hostnameIn,
  isHeadless,
  mayBeEndpoint,
  readySince,
} from './endpoint-facts.ts';
import type { KnownPods, PodFact } from './known-pods.ts';
import {
  endpointPortsKey,
  packSubsets,
  type ServedAddress,
  sortServed,
  truncateSubsets,
} from './repack-subsets.ts';
import type { ServiceView } from './service-memory.ts';
import { withTrigger } from './trigger-times.ts';

export const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
export const ENDPOINTS_MANAGER = 'endpoint-controller';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

export const ENDPOINTS_EVENTS = {
  component: 'endpoint-controller',
  texts: {
    createRefused: warning(
      'FailedToCreateEndpoint',
      (service, refusal) => `Failed to create endpoint for service ${service}: ${refusal}`,
    ),
    updateRefused: warning(
      'FailedToUpdateEndpoint',
      (service, refusal) => `Failed to update endpoint ${service}: ${refusal}`,
    ),
  },
} satisfies EventTexts;

const event = eventsOf<typeof ENDPOINTS_EVENTS.texts>();

export type EndpointsView =
  /** The Service is gone; so go its Endpoints. */
  | { readonly service?: undefined; readonly leftover: Endpoints }
  | {
      readonly service: Service;
      readonly pods: ServiceView<EndpointFact>;
      readonly current: Endpoints | undefined;
    };

/** A plan that remembers what it saw: the next trigger is a change since then. */
export interface TriggeredPlan<F extends PodFact = PodFact> extends Plan {
  readonly seen?: KnownPods<F>;
}

export interface EndpointFact extends PodFact {
  /** Absent: the pod is no endpoint of the Service. */
  readonly served?: ServedAddress;
}

export function endpointFactOf(service: Service, pod: Pod): EndpointFact {
  const served = servedBy(service, pod);
  return { readySince: readySince(pod), ...(served ? { served } : {}) };
}

/** The addresses of what was known, in their order: most of them are there the next time. */
const orders = new WeakMap<KnownPods<EndpointFact>, readonly ServedAddress[]>();

function sortedServed({ known, last }: ServiceView<EndpointFact>): readonly ServedAddress[] {
  const served = known.facts.flatMap((fact) => fact?.served ?? []);
  const sorted = sortServed(served, last && orders.get(last));
  orders.set(known, sorted);
  return sorted;
}

export function planEndpoints(view: EndpointsView): TriggeredPlan<EndpointFact> {
  if (!view.service) return { writes: [deletionOf(view.leftover)] };
  const { service, pods, current } = view;
  const { known: seen, trigger } = pods;
  const packed = packSubsets(sortedServed(pods));
  const subsets = truncateSubsets(packed);
  const labels = {
    ...service.metadata.labels,
    ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}),
    [MANAGED_BY]: ENDPOINTS_MANAGER,
  };
  const capacity = subsets === packed ? undefined : 'truncated';
  if (
    current &&
    jsonEqual(current.subsets ?? [], subsets) &&
    jsonEqual(current.metadata.labels, labels) &&
    current.metadata.annotations?.[OVER_CAPACITY] === capacity
  )
    return { writes: [], seen };
  const annotations = withTrigger(current?.metadata.annotations, trigger);
  delete annotations[OVER_CAPACITY];
  if (capacity !== undefined) annotations[OVER_CAPACITY] = capacity;
  const { name, namespace = '' } = service.metadata;
  const object: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...(current?.metadata ?? { name, namespace }), labels, annotations },
    ...(subsets.length > 0 ? { subsets: [...subsets] } : {}),
  };
  return {
    writes: [current ? { verb: 'update', object, seen: current } : { verb: 'create', object }],
    checks: [unchanged(service)],
    seen,
  };
}

export function planRefusedEndpoints(
  view: EndpointsView,
  { message, namespaceGoes }: Refusal,
): Plan | undefined {
  if (!view.service || namespaceGoes) return undefined;
  const { name, namespace = '' } = view.service.metadata;
  const about = { apiVersion: 'v1', kind: 'Endpoints', name, namespace };
  const what = view.current ? 'updateRefused' : 'createRefused';
  return { writes: [], events: [event(what, view.current ?? about, `${namespace}/${name}`, message)] };
}

/** Undefined: the pod is no endpoint of the Service. */
function servedBy(service: Service, pod: Pod): ServedAddress | undefined {
  const { publishNotReadyAddresses = false, ports = [], clusterIP } = service.spec;
  const isLeaving = pod.metadata.deletionTimestamp !== undefined;
  if (!mayBeEndpoint(pod) || (isLeaving && !publishNotReadyAddresses)) return undefined;
  const family = service.spec.ipFamilies?.[0] ?? 'IPv4';
  const address = addressesOf(pod).find((candidate) => candidate.family === family);
  if (!address || address.refused !== undefined) return undefined;
  const served = ports.flatMap((port) => servedPort(pod, port) ?? []);
  const isPortless = ports.length === 0 && clusterIP === 'None';
  if (served.length === 0 && !isPortless) return undefined;
  return {
    address: addressOf(service, pod, address.ip),
    isReady: publishNotReadyAddresses || isReady(pod),
    ports: served,
    portsKey: endpointPortsKey(served),
  };
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const { name, namespace = '', uid = '' } = pod.metadata;
  const hostname = hostnameIn(service, pod);
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function servedPort(pod: Pod, port: NonNullable<Service['spec']['ports']>[number]): EndpointPort | undefined {
  const number = findPort(pod, port);
  if (number === undefined) return undefined;
  const { name, protocol = 'TCP', appProtocol } = port;
  return {
    ...(name ? { name } : {}),
    port: number,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  };
}
