/** The status of the objects of the Gateway API whose class is ours. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { conditionIn } from '../../schemas/conditions.ts';
import type { ResolvedGateway, ResolvedListener } from '../../schemas/gateway/resolve-gateway.ts';
import { GATEWAY_CONTROLLER, GATEWAY_FEATURES } from '../../schemas/gateway/gateway-classes.ts';
import { attachRoute, isParent, judgeReferences } from '../../schemas/gateway/attach-routes.ts';
import { judgeListeners } from '../../schemas/gateway/judge-listeners.ts';
import {
  type Gateway,
  isFalse,
  isTrue,
  type Judgement,
  type Route,
  type Surroundings,
} from '../../schemas/gateway/types.ts';
import { asRecord, asRecords } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { parseAddress } from '../../schemas/values/ip-address.ts';
import { statusUpdate } from '../ownership.ts';
import type { Serving } from './plan-serving.ts';

export type GatewayView =
  | { readonly type: 'class'; readonly object: KubeObject }
  | { readonly type: 'gateway'; readonly resolved: ResolvedGateway; readonly serving: Serving }
  /** A Gateway without a class: nobody serves it. */
  | { readonly type: 'left'; readonly object: KubeObject }
  | {
      readonly type: 'route';
      readonly route: Route;
      /** Gateways of ours that the route may refer to. */
      readonly gateways: readonly Gateway[];
      readonly surroundings: Surroundings;
    };

export function planGateway(view: GatewayView, nowMs: number): Plan | undefined {
  switch (view.type) {
    case 'class':
      return planClass(view.object, nowMs);
    case 'gateway':
      return planStatus(view.resolved.gateway, gatewayStatus(view.resolved, view.serving, nowMs));
    case 'left':
      return planStatus(view.object, leftStatus(view.object, nowMs));
    case 'route':
      return planStatus(view.route, routeStatus(view, nowMs));
  }
}

function planStatus(object: KubeObject, status: Record<string, unknown>): Plan | undefined {
  if (jsonEqual(status, object['status'] ?? {})) return undefined;
  return { writes: [statusUpdate({ ...object, status })], checks: [unchanged(object)] };
}

function planClass(object: KubeObject, nowMs: number): Plan | undefined {
  const status = asRecord(object['status']);
  const accepted = isTrue('Accepted', 'Accepted', 'Symphony serves this class');
  return planStatus(object, {
    ...status,
    conditions: timed(object, status['conditions'], [accepted], nowMs),
    supportedFeatures: GATEWAY_FEATURES.map((name) => ({ name })),
  });
}

function gatewayStatus(
  { gateway, accepted, listeners }: ResolvedGateway,
  serving: Serving,
  nowMs: number,
): Record<string, unknown> {
  const status = asRecord(gateway['status']);
  const before = asRecords(status['listeners']);
  const { listeners: states, isProgrammed } = judgeServing(listeners, serving);
  const isAccepted = accepted.status === 'True';
  const addresses = isProgrammed && isAccepted ? addressesOf(gateway, serving) : [];
  const programmed = isAccepted ? judgeProgrammed(gateway, serving, isProgrammed, addresses) : INVALID;
  return {
    ...status,
    addresses,
    conditions: timed(gateway, status['conditions'], [accepted, programmed], nowMs),
    listeners: states.map(({ listener, supportedKinds, attachedRoutes, conditions }) => ({
      name: listener.name,
      supportedKinds: [...supportedKinds],
      attachedRoutes,
      conditions: timed(
        gateway,
        before.find(({ name }) => name === listener.name)?.['conditions'],
        conditions,
        nowMs,
      ),
    })),
  };
}

const INVALID = isFalse('Programmed', 'Invalid', 'It takes no traffic: the other conditions say why');
const PROGRAMMED = isTrue('Programmed', 'Programmed', 'Nodes serve it');

/** Each listener with the condition Programmed. A port that no node can have is not accepted. */
function judgeServing(
  listeners: readonly ResolvedListener[],
  serving: Serving,
): { readonly listeners: readonly ResolvedListener[]; readonly isProgrammed: boolean } {
  const judged = listeners.map((listener) => {
    const why = serving.refused.get(listener.listener.port);
    const conditions = listener.conditions.map((condition) =>
      condition.type === 'Accepted' && condition.status === 'True' && why !== undefined
        ? isFalse('Accepted', 'PortUnavailable', `Port ${listener.listener.port}: ${why}`)
        : condition,
    );
    const isUsable = listener.isUsable && why === undefined;
    const programmed = !isUsable ? INVALID : serving.isServed ? PROGRAMMED : pendingAt(serving);
    return { ...listener, isUsable, conditions: [...conditions, programmed] };
  });
  return { listeners: judged, isProgrammed: serving.isServed && judged.some(({ isUsable }) => isUsable) };
}

const pendingAt = ({ hasNodes }: Serving): Judgement =>
  isFalse(
    'Programmed',
    hasNodes ? 'Pending' : 'NoResources',
    hasNodes
      ? 'No node has said that it serves this yet'
      : 'No node serves Gateways: start one with --ingress true',
  );

interface Address {
  readonly type: string;
  readonly value: string;
}

/** Those that are asked for, as far as they lead to the nodes; without any, all. */
function addressesOf({ spec }: Gateway, { addresses }: Serving): readonly Address[] {
  const asked = (spec.addresses ?? []).flatMap(({ value }) => (value ? [value] : []));
  const used = asked.length > 0 ? addresses.filter((address) => asked.includes(address)) : addresses;
  return used
    .slice(0, MAX_ADDRESSES)
    .map((value) => ({ type: parseAddress(value) ? 'IPAddress' : 'Hostname', value }));
}

/** The status of a Gateway has no more. */
const MAX_ADDRESSES = 16;

function judgeProgrammed(
  { spec }: Gateway,
  serving: Serving,
  isProgrammed: boolean,
  addresses: readonly Address[],
): Judgement {
  if (!serving.isServed) return pendingAt(serving);
  if (!isProgrammed) return INVALID;
  const missing = (spec.addresses ?? []).flatMap(({ value }) =>
    value && !addresses.some((address) => address.value === value) ? [value] : [],
  );
  if (missing.length > 0)
    return isFalse(
      'Programmed',
      'AddressNotUsable',
      `No node that serves it has ${missing.join(', ')}: use addresses of these nodes, or leave them out`,
    );
  if (addresses.length === 0)
    return isFalse('Programmed', 'AddressNotAssigned', 'The nodes that serve it have no address');
  return PROGRAMMED;
}

/** The state of a class that is gone must not stay. */
function leftStatus(object: KubeObject, nowMs: number): Record<string, unknown> {
  const status = asRecord(object['status']);
  if (conditionIn(status['conditions'], 'Accepted')?.['status'] === 'Unknown') return status;
  const waiting = (type: string): Judgement => ({
    type,
    status: 'Unknown',
    reason: 'Pending',
    message: 'Waiting for controller',
  });
  const judged = [waiting('Accepted'), waiting('Programmed')];
  return { conditions: timed(object, status['conditions'], judged, nowMs) };
}

/** The entries of other controllers stay as they are. */
function routeStatus(
  { route, gateways, surroundings }: Extract<GatewayView, { readonly type: 'route' }>,
  nowMs: number,
): Record<string, unknown> {
  const status = asRecord(route['status']);
  const parents = asRecords(status['parents']);
  const isOurs = ({ controllerName }: Readonly<Record<string, unknown>>): boolean =>
    controllerName === GATEWAY_CONTROLLER;
  const own = (route.spec.parentRefs ?? []).flatMap((parentRef) => {
    const gateway = gateways.find((candidate) => isParent(candidate, route, parentRef));
    if (!gateway) return [];
    const listeners = judgeListeners(gateway, surroundings);
    const { accepted } = attachRoute(gateway, listeners, route, parentRef, surroundings);
    const before = parents.find((entry) => isOurs(entry) && jsonEqual(entry['parentRef'], parentRef));
    const judged = [accepted, judgeReferences(route, surroundings)];
    const conditions = timed(route, before?.['conditions'], judged, nowMs);
    return [{ parentRef, controllerName: GATEWAY_CONTROLLER, conditions }];
  });
  const others = parents.filter((entry) => !isOurs(entry));
  if (own.length + others.length + parents.length === 0) return status;
  return { ...status, parents: [...others, ...own] };
}

/** Conditions of the object as it is now. The time of one moves with its status only. */
function timed(
  { metadata: { generation } }: KubeObject,
  before: unknown,
  judged: readonly Judgement[],
  nowMs: number,
): readonly object[] {
  return judged.map((judgement) => {
    const known = conditionIn(before, judgement.type);
    const isSame = known?.['status'] === judgement.status;
    const lastTransitionTime = isSame ? known['lastTransitionTime'] : toRfc3339(nowMs);
    return {
      ...judgement,
      lastTransitionTime,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
}
