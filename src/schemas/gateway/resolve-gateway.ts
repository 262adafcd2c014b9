/**
 * A Gateway with the routes that attach to it: the controller reports it, and a proxy is rendered
 * from it. Both come from one computation, so that a status never says other than what is served.
 * Pure.
 */
import { type Attachment, attachRoute, backendTrouble, isParent } from './attach-routes.ts';
import { type JudgedListener, judgeListeners } from './judge-listeners.ts';
import { olderFirst } from './older-first.ts';
import {
  type Gateway,
  isFalse,
  isTrue,
  type Judgement,
  type Route,
  type RouteFilter,
  type RouteRule,
  type Surroundings,
} from './types.ts';

/** A share of the requests of a rule. */
export interface ResolvedBackend {
  readonly weight: number;
  readonly filters: readonly RouteFilter[];
  /** Undefined: the reference leads nowhere, and these requests are answered with 500. */
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number } | undefined;
}

export interface ResolvedRule extends Pick<RouteRule, 'timeouts'> {
  readonly matches: NonNullable<RouteRule['matches']>;
  readonly filters: readonly RouteFilter[];
  readonly backends: readonly ResolvedBackend[];
}

export interface ResolvedRoute {
  readonly route: Route;
  /** Empty: every host. */
  readonly hostnames: readonly string[];
  readonly rules: readonly ResolvedRule[];
}

export interface ResolvedListener extends JudgedListener {
  readonly attachedRoutes: number;
  /** Oldest first, then by name: an older route wins where two match alike. */
  readonly routes: readonly ResolvedRoute[];
}

export interface ResolvedGateway {
  readonly gateway: Gateway;
  readonly accepted: Judgement;
  readonly listeners: readonly ResolvedListener[];
}

/** `routes`: those that may refer to the Gateway. */
export function resolveGateway(
  gateway: Gateway,
  routes: readonly Route[],
  surroundings: Surroundings,
): ResolvedGateway {
  const judged = judgeListeners(gateway, surroundings);
  const attached = new Map<JudgedListener, Map<Route, Set<string>>>();
  for (const route of [...routes].sort(olderFirst))
    for (const parentRef of route.spec.parentRefs ?? []) {
      if (!isParent(gateway, route, parentRef)) continue;
      const { attachments } = attachRoute(gateway, judged, route, parentRef, surroundings);
      for (const attachment of attachments) attach(attached, route, attachment);
    }
  return {
    gateway,
    accepted: judgeGateway(gateway, judged),
    listeners: judged.map((listener) => {
      const own = [...(attached.get(listener) ?? [])];
      return {
        ...listener,
        attachedRoutes: own.length,
        routes: own.map(([route, hostnames]) => ({
          route,
          hostnames: [...hostnames],
          rules: rulesOf(route, surroundings),
        })),
      };
    }),
  };
}

/** A route may come to a listener by several of its references. */
function attach(
  attached: Map<JudgedListener, Map<Route, Set<string>>>,
  route: Route,
  { listener, hostnames }: Attachment,
): void {
  const routes = attached.get(listener) ?? new Map<Route, Set<string>>();
  attached.set(listener, routes.set(route, new Set([...(routes.get(route) ?? []), ...hostnames])));
}

function judgeGateway({ spec }: Gateway, listeners: readonly JudgedListener[]): Judgement {
  const address = spec.addresses?.find(({ type = 'IPAddress' }) => type !== 'IPAddress');
  if (address)
    return isFalse(
      'Accepted',
      'UnsupportedAddress',
      `Addresses of type ${address.type ?? ''} are not implemented; use IPAddress`,
    );
  const broken = listeners.filter(({ isUsable }) => !isUsable).map(({ listener }) => listener.name);
  if (broken.length === 0) return isTrue('Accepted', 'Accepted', 'The Gateway is valid');
  const message = `These listeners take no traffic: ${broken.join(', ')}`;
  const judge = broken.length === listeners.length ? isFalse : isTrue;
  return judge('Accepted', 'ListenersNotValid', message);
}

const rulesOf = (route: Route, surroundings: Surroundings): readonly ResolvedRule[] =>
  (route.spec.rules ?? []).map(({ matches = [], filters = [], backendRefs = [], timeouts }) => ({
    matches,
    filters,
    ...(timeouts ? { timeouts } : {}),
    backends: backendRefs.map((backend): ResolvedBackend => {
      const { name, namespace = route.metadata.namespace ?? '', port = 0, weight = 1 } = backend;
      const isReached = backendTrouble(route, backend, surroundings) === undefined;
      return {
        weight,
        filters: backend.filters ?? [],
        service: isReached ? { namespace, name, port } : undefined,
      };
    }),
  }));
