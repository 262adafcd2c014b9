/**
 * Runs {@link planGateway} for GatewayClasses, Gateways and routes. Keys are `Kind key`. What an
 * object refers to is found by indexes, so that a change costs what refers to it.
 */
import { GROUP } from '../../schemas/kinds/gateway-api/parts.ts';
import { isOwnClass, ownGateways, supportsFilter } from '../../schemas/gateway/gateway-classes.ts';
import { judgeRivals } from '../../schemas/gateway/rival-listeners.ts';
import { routeParents, secretsOfGateway } from '../../schemas/gateway/route-references.ts';
import { resolveGateway } from '../../schemas/gateway/resolve-gateway.ts';
import { certificateTrouble } from '../../schemas/gateway/certificate-trouble.ts';
import type { Gateway, ReferenceGrant, Route, Surroundings } from '../../schemas/gateway/types.ts';
import { keyOf, type KubeObject, objectKey } from '../../schemas/object.ts';
import type { Namespace, Node, Secret, Service } from '../../schemas/types.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { type GatewayView, planGateway } from './plan-gateway.ts';
import { planServing, servingNodes } from './plan-serving.ts';

const ROUTE_KINDS = { HTTPRoute: 'httproutes', GRPCRoute: 'grpcroutes' } as const;

const CLASS = 'class';
const SECRET = 'secret';
const PARENT = 'parent';
const BACKEND = 'backend';

/** `given`: what stands in the status instead of the nodes' addresses. */
export const gatewayController = (given: readonly string[] = []): Controller => ({
  name: 'gateway',
  async open({ caches }, scope): Promise<Reconciler<GatewayView>> {
    const open = <T extends KubeObject>(plural: string) => caches.open<T>(`${plural}.${GROUP}`);
    const classes = await open('gatewayclasses');
    const gateways = await open<Gateway>('gateways');
    const grants = await open<ReferenceGrant>('referencegrants');
    const routes = new Map<string, ResourceCache<Route>>();
    for (const [kind, plural] of Object.entries(ROUTE_KINDS)) routes.set(kind, await open<Route>(plural));
    const namespaces = await caches.open<Namespace>('namespaces');
    const services = await caches.open<Service>('services');
    const secrets = await caches.open<Secret>('secrets');
    const nodes = await caches.open<Node>('nodes');

    gateways.addIndex(CLASS, ({ spec }) => [spec.gatewayClassName]);
    gateways.addIndex(SECRET, (gateway) => withNamespaces(secretsOfGateway(gateway)));
    for (const cache of routes.values()) {
      cache.addIndex(PARENT, routeParents);
      cache.addIndex(BACKEND, (route) => withNamespaces(backendsOf(route)));
    }
    const isOurs = ({ spec }: Gateway): boolean => isOwnClass(classes.get(spec.gatewayClassName));
    const allOurs = (): readonly Gateway[] => ownGateways(gateways.list(), (name) => classes.get(name));
    const routesBy = (index: string, value: string): readonly Route[] =>
      [...routes.values()].flatMap((cache) => cache.byIndex(index, value));
    /** The Gateway and all that attaches to it. */
    const around = (gateway: Gateway): readonly string[] => [
      keyFor(gateway),
      ...routesBy(PARENT, keyOf(gateway)).map(keyFor),
    ];
    const gatewaysOf = (route: Route): readonly Gateway[] =>
      routeParents(route).flatMap((key) => gateways.get(key) ?? []);

    scope.on(classes, ({ object }) => [
      keyFor(object),
      ...gateways.byIndex(CLASS, object.metadata.name).flatMap(around),
    ]);
    // One that comes, goes or changes may have the port of another one.
    scope.on(gateways, ({ object }) => [...around(object), ...allOurs().map(keyFor)]);
    const said = (): string =>
      JSON.stringify(servingNodes(nodes.list()).map(({ node, says }) => [says, node.status?.addresses]));
    let last = said();
    scope.on(nodes, () => {
      // Nodes change with every heartbeat.
      const now = said();
      if (now === last) return [];
      last = now;
      return allOurs().map(keyFor);
    });
    for (const cache of routes.values())
      scope.on(cache, ({ object, previous }) => [
        keyFor(object),
        ...[object, ...(previous ? [previous] : [])].flatMap((route) => gatewaysOf(route).map(keyFor)),
      ]);
    scope.on(services, ({ key }) => routesBy(BACKEND, key).map(keyFor));
    scope.on(secrets, ({ key }) => gateways.byIndex(SECRET, key).map(keyFor));
    scope.on(grants, ({ object: { metadata } }) => [
      ...gateways.byIndex(SECRET, `${metadata.namespace ?? ''}/`).map(keyFor),
      ...routesBy(BACKEND, `${metadata.namespace ?? ''}/`).map(keyFor),
    ]);
    scope.on(namespaces, ({ type }: CacheEvent<Namespace>) =>
      type === 'MODIFIED' ? gateways.list().filter(selectsNamespaces).flatMap(around) : [],
    );

    const surroundings = (): Surroundings => ({
      rivals: judgeRivals(allOurs()),
      grants: grants.list(),
      labelsOf: (name) => namespaces.get(name)?.metadata.labels ?? {},
      hasPort: (namespace, name, port) =>
        services.get(objectKey(namespace, name))?.spec.ports?.some((one) => one.port === port),
      certificateTrouble: (namespace, name) => certificateTrouble(secrets.get(objectKey(namespace, name))),
      supportsFilter,
    });

    return {
      pausesForRebuild: true,
      keys: () => [classes, gateways, ...routes.values()].flatMap((cache) => cache.list().map(keyFor)),
      observe(reconciled) {
        const [kind = '', key = ''] = reconciled.split(' ');
        if (kind === 'GatewayClass') {
          const object = classes.get(key);
          return object && isOwnClass(object) ? { type: 'class', object } : undefined;
        }
        if (kind === 'Gateway') {
          const gateway = gateways.get(key);
          if (!gateway) return undefined;
          if (!classes.get(gateway.spec.gatewayClassName)) return { type: 'left', object: gateway };
          if (!isOurs(gateway)) return undefined;
          return {
            type: 'gateway',
            resolved: resolveGateway(gateway, routesBy(PARENT, key), surroundings()),
            serving: planServing(gateway, servingNodes(nodes.list()), given),
          };
        }
        const route = routes.get(kind)?.get(key);
        if (!route) return undefined;
        const parents = gatewaysOf(route).filter(isOurs);
        return { type: 'route', route, gateways: parents, surroundings: surroundings() };
      },
      plan: planGateway,
    };
  },
});

const keyFor = (object: KubeObject): string => `${object.kind} ${keyOf(object)}`;

/** Each key, and the namespace of each: what a ReferenceGrant there concerns. */
const withNamespaces = (keys: readonly string[]): readonly string[] => [
  ...new Set(keys.flatMap((key) => [key, key.slice(0, key.indexOf('/') + 1)])),
];

const backendsOf = ({ metadata, spec }: Route): readonly string[] =>
  (spec.rules ?? []).flatMap(({ backendRefs = [] }) =>
    backendRefs.map(({ namespace, name }) => objectKey(namespace ?? metadata.namespace, name)),
  );

const selectsNamespaces = ({ spec }: Gateway): boolean =>
  spec.listeners.some(({ allowedRoutes }) => allowedRoutes?.namespaces?.from === 'Selector');
