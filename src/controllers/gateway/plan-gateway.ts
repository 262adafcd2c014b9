/** The status of the objects of the Gateway API whose class is ours. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { conditionIn } from '../../schemas/conditions.ts';
import type { ResolvedGateway } from '../../schemas/gateway/resolve-gateway.ts';
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
import { statusUpdate } from '../ownership.ts';

/** The controller that GatewayClasses name. */
export const GATEWAY_CONTROLLER = 'symphony.dev/gateway';

export type GatewayView =
  | { readonly type: 'class'; readonly object: KubeObject }
  | { readonly type: 'gateway'; readonly resolved: ResolvedGateway }
  | {
      readonly type: 'route';
      readonly route: Route;
      /** Gateways of ours that the route may refer to. */
      readonly gateways: readonly Gateway[];
      readonly surroundings: Surroundings;
    };

const NOT_SERVED = 'No proxy of the cluster serves Gateways yet';

export function planGateway(view: GatewayView, nowMs: number): Plan | undefined {
  switch (view.type) {
    case 'class':
      return planClass(view.object, nowMs);
    case 'gateway':
      return planStatus(view.resolved.gateway, gatewayStatus(view.resolved, nowMs));
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
  });
}

function gatewayStatus(
  { gateway, accepted, listeners }: ResolvedGateway,
  nowMs: number,
): Record<string, unknown> {
  const status = asRecord(gateway['status']);
  const before = asRecords(status['listeners']);
  const programmed = (isUsable: boolean): Judgement =>
    isUsable
      ? isFalse('Programmed', 'Pending', NOT_SERVED)
      : isFalse('Programmed', 'Invalid', 'It takes no traffic: the other conditions say why');
  return {
    ...status,
    conditions: timed(
      gateway,
      status['conditions'],
      [accepted, programmed(accepted.status === 'True')],
      nowMs,
    ),
    listeners: listeners.map(({ listener, supportedKinds, attachedRoutes, conditions, isUsable }) => ({
      name: listener.name,
      supportedKinds: [...supportedKinds],
      attachedRoutes,
      conditions: timed(
        gateway,
        before.find(({ name }) => name === listener.name)?.['conditions'],
        [...conditions, programmed(isUsable)],
        nowMs,
      ),
    })),
  };
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
