/**
 * Plans the writes of Services of type LoadBalancer: their finalizer and the node that answers for
 * them, then their address, or why there is none. Pure.
 *
 * A Service is written once a round: what agents and the next round read is there before its
 * address is shown. An address is free again when the finalizer is gone.
 */
import { append } from '../../base/append.ts';
import { jsonEqual } from '../../base/json.ts';
import { conditionIn, transitionTime, withConditionInPlace } from '../../schemas/conditions.ts';
import { ANNOUNCED_BY, LOAD_BALANCER_CONDITION } from '../../schemas/load-balancers.ts';
import { omit } from '../../schemas/json-access.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Node, Service } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { isDeleting, statusUpdate, withFinalizer, withoutFinalizer } from '../ownership.ts';
import { eventsOf, type EventTexts, normal, type PlannedEvent, warning } from '../planned-event.ts';
import { type AddressTrouble, assignAddresses, byAge } from './assign-addresses.ts';
import { type Announced, chooseAnnouncers } from './choose-announcers.ts';

/** Kubernetes': the Service stays until its load balancer is gone. */
const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
/** The class that means us. A Service without a class is ours, too. */
const OWN_CLASS = 'symphony.dev/load-balancer';
/** Users write Services, too, and each must be unchanged. */
const COMMIT_SIZE = 20;

export const LOAD_BALANCER_EVENTS = {
  component: 'load-balancer',
  texts: {
    assigned: normal('LoadBalancerAssigned', (address) => `Assigned IP ${address}`),
    announced: normal('LoadBalancerAnnounced', (node, address) => `Node ${node} answers for ${address}`),
    trouble: warning('LoadBalancerFailed'),
  },
} satisfies EventTexts;

const event = eventsOf<typeof LOAD_BALANCER_EVENTS.texts>();

export interface LoadBalancersView {
  /** See {@link concernsLoadBalancers}. */
  readonly services: readonly Service[];
  readonly nodes: readonly Node[];
  readonly pool: readonly string[];
  /** Nodes with a ready endpoint, by the key of a Service whose traffic stays local. */
  readonly endpointNodes: ReadonlyMap<string, ReadonlySet<string>>;
}

interface Trouble {
  readonly reason: AddressTrouble['reason'] | 'NoNode';
  readonly message: string;
}

/** The desired state of a Service. */
interface Wanted {
  readonly address: string | undefined;
  readonly node: string | undefined;
  readonly trouble: Trouble | undefined;
}

export function planLoadBalancers(view: LoadBalancersView, nowMs: number): Plan | undefined {
  const wanting = view.services.filter((service) => isOurs(service) && wants(service, view));
  const wanted = decide(wanting, view);
  const writes: Write[] = [];
  const events: PlannedEvent[] = [];
  for (const service of view.services) {
    const target = wanted.get(keyOf(service));
    const step = target ? stepTowards(service, target, nowMs) : release(service);
    if (!step) continue;
    const { write } = step;
    writes.push(write);
    append(
      events,
      step.events.map((one) => ({ ...one, write })),
    );
  }
  return writes.length === 0 ? undefined : { writes, events, commitSize: COMMIT_SIZE };
}

const isOurs = ({ spec: { loadBalancerClass: name } }: Service): boolean =>
  name === undefined || name === OWN_CLASS;

const isHeld = ({ metadata }: Service): boolean =>
  metadata.finalizers?.includes(FINALIZER) === true || metadata.annotations?.[ANNOUNCED_BY] !== undefined;

/** Those that are load balancers, or were. */
export const concernsLoadBalancers = (service: Service): boolean =>
  service.spec.type === 'LoadBalancer' || isHeld(service);

function wants(service: Service, { pool }: LoadBalancersView): boolean {
  if (service.spec.type !== 'LoadBalancer' || isDeleting(service)) return false;
  // Without a pool, an address that is not from here is the work of somebody else.
  return pool.length > 0 || isHeld(service) || (service.status?.loadBalancer?.ingress ?? []).length === 0;
}

function decide(wanting: readonly Service[], view: LoadBalancersView): ReadonlyMap<string, Wanted> {
  const { nodes, pool, endpointNodes } = view;
  const hosts = new Set(
    nodes.flatMap(({ status }) => (status?.addresses ?? []).map(({ address }) => address)),
  );
  const assigned = assignAddresses(wanting, pool, hosts);
  const announced = [...wanting].sort(byAge).flatMap((service): readonly Announced[] => {
    const assignment = assigned.get(keyOf(service));
    if (!assignment || !('address' in assignment)) return [];
    const isLocal = service.spec.externalTrafficPolicy === 'Local';
    const onlyOn = isLocal ? (endpointNodes.get(keyOf(service)) ?? new Set<string>()) : undefined;
    return [{ service, address: assignment.address, onlyOn }];
  });
  const announcers = chooseAnnouncers(announced, nodes);
  const isLocal = new Set(announced.flatMap(({ service, onlyOn }) => (onlyOn ? [keyOf(service)] : [])));
  return new Map(
    [...assigned].map(([key, assignment]): readonly [string, Wanted] => {
      if ('trouble' in assignment)
        return [key, { address: undefined, node: undefined, trouble: assignment.trouble }];
      const { address } = assignment;
      const trouble = announcers.troubled.has(key) ? noNode(address, isLocal.has(key)) : undefined;
      return [key, { address, node: announcers.nodes.get(key), trouble }];
    }),
  );
}

const noNode = (address: string, isLocal: boolean): Trouble => ({
  reason: 'NoNode',
  message: isLocal
    ? `no node answers for ${address}: externalTrafficPolicy is Local, and no ready node with a network has a ready endpoint of this Service`
    : `no node answers for ${address}: none is ready and has a network (kubectl get nodes)`,
});

interface Step {
  readonly write: Write;
  readonly events: readonly PlannedEvent[];
}

function stepTowards(service: Service, { address, node, trouble }: Wanted, nowMs: number): Step | undefined {
  const held = address === undefined ? service : withFinalizer(service, FINALIZER);
  const marked = withAnnouncer(held, node);
  if (marked !== service) {
    const isNew = node !== undefined && node !== service.metadata.annotations?.[ANNOUNCED_BY];
    const events = isNew ? [event('announced', service, node, address ?? '')] : [];
    return { write: { verb: 'update', object: marked }, events };
  }
  const { status = {} } = service;
  const ingress = address === undefined ? [] : [{ ip: address, ipMode: 'VIP' }];
  const conditions = conditionsWith(status.conditions ?? [], trouble, nowMs);
  const isSame = jsonEqual(status.loadBalancer?.ingress ?? [], ingress);
  if (isSame && !conditions) return undefined;
  const loadBalancer = ingress.length > 0 ? { ...status.loadBalancer, ingress } : {};
  const next = { ...status, loadBalancer, ...(conditions ? { conditions } : {}) };
  return {
    write: statusUpdate({ ...service, status: next }),
    events: [
      ...(isSame || address === undefined ? [] : [event('assigned', service, address)]),
      ...(trouble && conditions ? [event('trouble', service, trouble.message)] : []),
    ],
  };
}

/** The load balancer is gone, or another one's. */
function release(service: Service): Step | undefined {
  const isGone = service.spec.type !== 'LoadBalancer' || isDeleting(service);
  if (!isGone || !isOurs(service) || !isHeld(service)) return undefined;
  const object = withAnnouncer(withoutFinalizer(service, FINALIZER), undefined);
  return { write: { verb: 'update', object }, events: [] };
}

function withAnnouncer(service: Service, node: string | undefined): Service {
  const { annotations = {}, ...metadata } = service.metadata;
  if (annotations[ANNOUNCED_BY] === node) return service;
  const others = omit(annotations, ANNOUNCED_BY);
  const next = node === undefined ? others : { ...others, [ANNOUNCED_BY]: node };
  const isEmpty = Object.keys(next).length === 0;
  return { ...service, metadata: isEmpty ? metadata : { ...metadata, annotations: next } };
}

type Conditions = NonNullable<NonNullable<Service['status']>['conditions']>;

/** Undefined when they say it already. A Service that never had trouble has no condition. */
function conditionsWith(
  conditions: Conditions,
  trouble: Trouble | undefined,
  nowMs: number,
): Conditions | undefined {
  const current = conditionIn(conditions, LOAD_BALANCER_CONDITION);
  if (!current && !trouble) return undefined;
  const status = trouble ? ('False' as const) : ('True' as const);
  const { reason, message } = trouble ?? { reason: 'Assigned', message: 'a node answers for its address' };
  if (current?.['reason'] === reason && current['message'] === message) return undefined;
  const type = LOAD_BALANCER_CONDITION;
  const lastTransitionTime = transitionTime(conditions, { type, status }, nowMs);
  return [...withConditionInPlace(conditions, { type, status, reason, message, lastTransitionTime })];
}
