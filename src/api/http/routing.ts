/** Finds resource and verb of a request. 404 and 405 come before permissions are checked. */
import type { Registry, ResourceKind, ServedResource, Subresource } from '../../schemas/resource-kind.ts';
import { selectedName } from '../../resources/authz/field-terms.ts';
import type { ResourceAttributes, Verb } from '../../resources/authz/types.ts';
import { methodNotAllowed, resourceNotFound } from '../../resources/refusals.ts';
import type { VirtualResource } from '../virtual/types.ts';
import {
  COLLECTION_METHODS,
  OBJECT_METHODS,
  OWN_METHODS,
  type OwnResource,
  ownResourceOf,
  SUBRESOURCES,
  SYMPHONY_GROUP,
} from './methods.ts';
import { flagOf } from './query-options.ts';
import type { ResourceTarget } from './request-target.ts';

interface Routed {
  readonly verb: Verb;
  readonly attributes: ResourceAttributes;
}

export interface StoredRoute extends Routed {
  readonly type: 'stored';
  readonly kind: ResourceKind;
  readonly subresource: Subresource | undefined;
}

export interface VirtualRoute extends Routed {
  readonly type: 'virtual';
  readonly kind: VirtualResource;
  readonly subresource: Subresource | undefined;
}

/** A resource that exists: stored, virtual (virtual/types.ts), or one of `symphony.dev`. */
export type RoutedRequest =
  | StoredRoute
  | VirtualRoute
  | (Routed & {
      readonly type: 'own';
      readonly resource: OwnResource;
      readonly subresource: string | undefined;
    });

/** Undefined where nothing of the group's version is served: the path is then no resource. */
export type Router = (method: string, url: URL, target: ResourceTarget) => RoutedRequest | undefined;

export function createRouter(registry: Registry, virtual: readonly VirtualResource[]): Router {
  /** The same for every request for this URL, until the kinds change. */
  const routes = new WeakMap<URL, { method: string; version: number; routed: RoutedRequest }>();
  const isServed = (group: string, version: string): boolean =>
    [...registry.kinds, ...virtual].some((kind) => kind.group === group && kind.version === version);
  return (method, url, target) => {
    if (target.group === SYMPHONY_GROUP && target.version === 'v1') return routeOwn(method, target);
    const { version } = registry;
    const known = routes.get(url);
    if (known?.method === method && known.version === version) return known.routed;
    if (!isServed(target.group, target.version)) return undefined;
    const routed = route(registry, virtual, method, target, url.searchParams);
    routes.set(url, { method, version, routed });
    return routed;
  };
}

export function route(
  registry: Registry,
  virtual: readonly VirtualResource[],
  method: string,
  target: ResourceTarget,
  query: URLSearchParams,
): RoutedRequest {
  const { group, version, plural, namespace, name } = target;
  const stored = registry.byResource(group, version, plural);
  const unstored = virtual.find(
    (resource) => resource.group === group && resource.version === version && resource.plural === plural,
  );
  const kind = stored ?? unstored;
  if (!kind) throw resourceNotFound();
  if (!kind.namespaced && namespace !== undefined) throw resourceNotFound();
  if (kind.namespaced && namespace === undefined && name !== undefined) throw resourceNotFound();
  const subresource = kind.subresources.find((served) => served === target.subresource);
  if (subresource !== target.subresource) throw resourceNotFound();
  const verb = verbOf(kind, method, target, subresource, query);
  const fieldSelector = query.get('fieldSelector') ?? undefined;
  const attributes: ResourceAttributes = {
    verb,
    group: kind.group,
    resource: kind.plural,
    subresource,
    namespace: namespace ?? (kind.group === '' && kind.kind === 'Namespace' ? name : undefined),
    name: name ?? selectedName(verb, fieldSelector),
    fieldSelector,
    labelSelector: query.get('labelSelector') ?? undefined,
  };
  if (kind.verbs && !kind.verbs.includes(verb)) throw methodNotAllowed();
  if (stored) return { type: 'stored', kind: stored, subresource, verb, attributes };
  if (!unstored) throw resourceNotFound();
  return { type: 'virtual', kind: unstored, subresource, verb, attributes };
}

function verbOf(
  kind: ServedResource,
  method: string,
  target: ResourceTarget,
  subresource: Subresource | undefined,
  query: URLSearchParams,
): Verb {
  if (target.isWatch) {
    if (method === 'GET') return 'watch';
    throw methodNotAllowed();
  }
  const isObject = target.name !== undefined;
  const methods = subresource
    ? SUBRESOURCES[subresource].methods
    : isObject
      ? OBJECT_METHODS
      : COLLECTION_METHODS;
  const verb = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (!verb) throw methodNotAllowed();
  if (isObject) return verb;
  // A watch has nothing to say to HEAD, and would not end.
  if (verb === 'list') return method === 'GET' && flagOf(query, 'watch') === true ? 'watch' : 'list';
  if (kind.namespaced && target.namespace === undefined) throw methodNotAllowed();
  if (verb === 'deletecollection' && kind.kind === 'Namespace') throw methodNotAllowed();
  return verb;
}

/** A backup reads what `exec` could read, and a restore changes what a claim stands for. */
function rightsOfArchives(resource: OwnResource, name: string | undefined): Partial<ResourceAttributes> {
  if (resource === 'volumes/backup')
    return { group: '', resource: 'pods', subresource: 'exec', name: undefined };
  if (resource !== 'volumes/restore') return {};
  return { group: '', resource: 'persistentvolumeclaims', subresource: undefined, name };
}

function routeOwn(method: string, target: ResourceTarget): RoutedRequest {
  const resource = ownResourceOf(target);
  if (!resource) throw resourceNotFound();
  const verb = OWN_METHODS[resource][method];
  if (!verb) throw methodNotAllowed();
  const { plural, name, subresource, namespace } = target;
  const own = { verb, group: SYMPHONY_GROUP, resource: plural, subresource, name };
  const attributes: ResourceAttributes = {
    ...own,
    ...rightsOfArchives(resource, name),
    namespace,
    fieldSelector: undefined,
  };
  return { type: 'own', resource, subresource, verb, attributes };
}
