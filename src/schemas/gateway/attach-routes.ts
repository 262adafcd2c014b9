/** Routes at the listeners of a Gateway, by the rules of the Gateway API. Pure. */
import { GROUP } from '../kinds/gateway-api/parts.ts';
import { matchesLabelSelector } from '../values/selectors.ts';
import { commonHostnames } from './hostnames.ts';
import type { JudgedListener } from './judge-listeners.ts';
import { mayRefer } from './references.ts';
import {
  type BackendRef,
  type Gateway,
  isFalse,
  isTrue,
  type Judgement,
  type ParentRef,
  type Route,
  type Surroundings,
} from './types.ts';

export interface Attachment {
  readonly listener: JudgedListener;
  /** Empty: every host. */
  readonly hostnames: readonly string[];
}

/** A route at one of its parents. */
export interface AttachedRoute {
  readonly attachments: readonly Attachment[];
  readonly accepted: Judgement;
}

const refused = (reason: string, message: string): AttachedRoute => ({
  attachments: [],
  accepted: isFalse('Accepted', reason, message),
});

export const isParent = ({ metadata }: Gateway, route: Route, ref: ParentRef): boolean =>
  (ref.group ?? GROUP) === GROUP &&
  (ref.kind ?? 'Gateway') === 'Gateway' &&
  ref.name === metadata.name &&
  (ref.namespace ?? route.metadata.namespace) === metadata.namespace;

/** `listeners`: those of the Gateway. */
export function attachRoute(
  gateway: Gateway,
  listeners: readonly JudgedListener[],
  route: Route,
  { sectionName, port }: ParentRef,
  surroundings: Surroundings,
): AttachedRoute {
  const meant = listeners.filter(
    ({ listener }) =>
      (sectionName === undefined || listener.name === sectionName) &&
      (port === undefined || listener.port === port),
  );
  if (meant.length === 0) return refused('NoMatchingParent', 'The Gateway has no such listener');
  const allowed = meant.filter((listener) => isAllowed(gateway, listener, route, surroundings));
  if (allowed.length === 0)
    return refused('NotAllowedByListeners', 'No listener takes such routes of this namespace');
  const attachments = allowed.flatMap((listener): readonly Attachment[] => {
    const hostnames = commonHostnames(listener.listener.hostname, route.spec.hostnames);
    return hostnames ? [{ listener, hostnames }] : [];
  });
  if (attachments.length === 0)
    return refused('NoMatchingListenerHostname', 'No listener has a hostname that matches one of the route');
  const filter = unsupportedFilter(route, surroundings);
  if (filter !== undefined)
    return refused('UnsupportedValue', `Filters of type ${filter} are not implemented`);
  return { attachments, accepted: isTrue('Accepted', 'Accepted', 'The route is attached') };
}

function isAllowed(
  { metadata }: Gateway,
  { listener, supportedKinds }: JudgedListener,
  route: Route,
  { labelsOf }: Surroundings,
): boolean {
  if (!supportedKinds.some(({ kind }) => kind === route.kind)) return false;
  const { namespace = '' } = route.metadata;
  const { from = 'Same', selector } = listener.allowedRoutes?.namespaces ?? {};
  if (from === 'All') return true;
  if (from === 'Selector') return matchesLabelSelector(selector, labelsOf(namespace));
  return from === 'Same' && namespace === metadata.namespace;
}

function unsupportedFilter({ spec }: Route, { supportsFilter }: Surroundings): string | undefined {
  for (const { filters = [], backendRefs = [] } of spec.rules ?? [])
    for (const { type } of [...filters, ...backendRefs.flatMap((backend) => backend.filters ?? [])])
      if (!supportsFilter(type)) return type;
  return undefined;
}

/** Why the backend cannot be reached by the route; undefined where it can. */
export function backendTrouble(
  route: Route,
  { group = '', kind = 'Service', name, namespace, port }: BackendRef,
  { grants, hasPort }: Surroundings,
): Judgement | undefined {
  const { namespace: own = '' } = route.metadata;
  const target = namespace ?? own;
  const is = (reason: string, message: string): Judgement => isFalse('ResolvedRefs', reason, message);
  if (group !== '' || kind !== 'Service')
    return is('InvalidKind', `Backends are Services; a ${kind} is not implemented`);
  const from = { group: GROUP, kind: route.kind, namespace: own };
  if (!mayRefer(grants, from, { group, kind, namespace: target, name }))
    return is('RefNotPermitted', `No ReferenceGrant permits the reference to Service ${target}/${name}`);
  const found = hasPort(target, name, port ?? 0);
  if (found) return undefined;
  const what =
    found === undefined ? `Service ${target}/${name}` : `port ${String(port)} of Service ${target}/${name}`;
  return is('BackendNotFound', `There is no ${what}`);
}

const backendsOf = ({ spec }: Route): readonly BackendRef[] =>
  (spec.rules ?? []).flatMap(({ backendRefs }) => backendRefs ?? []);

/** Whether every backend of the route can be reached. */
export function judgeReferences(route: Route, surroundings: Surroundings): Judgement {
  for (const backend of backendsOf(route)) {
    const trouble = backendTrouble(route, backend, surroundings);
    if (trouble) return trouble;
  }
  return isTrue('ResolvedRefs', 'ResolvedRefs', 'All references are resolved');
}
