/** The Gateways of our classes with their routes, as this host's feeds of the API have them. */
import { judgeRivals } from '../../schemas/gateway/rival-listeners.ts';
import { ownGateways, supportsFilter } from '../../schemas/gateway/gateway-classes.ts';
import { type ResolvedGateway, resolveGateway } from '../../schemas/gateway/resolve-gateway.ts';
import { routeParents, secretsOfGateway } from '../../schemas/gateway/route-references.ts';
import type { Gateway, Route } from '../../schemas/gateway/types.ts';
import { keyOf, objectKey } from '../../schemas/object.ts';
import type { Feeds } from '../feeds.ts';
import { readPair, type SecretView } from '../ingress/plan-certificates.ts';

export interface GatewayFeeds {
  readonly isSynced: boolean;
  onChange(listener: () => void): void;
  own(): readonly Gateway[];
  routes(): readonly Route[];
  /** Keys of the Secrets with their certificates. */
  secrets(): readonly string[];
  resolve(secret: (key: string) => SecretView | undefined): readonly ResolvedGateway[];
}

export function createGatewayFeeds(feeds: Feeds): GatewayFeeds {
  const classes = feeds.of('gatewayClasses');
  const gateways = feeds.of('gateways');
  const httpRoutes = feeds.of('httpRoutes');
  const grpcRoutes = feeds.of('grpcRoutes');
  const grants = feeds.of('referenceGrants');
  const namespaces = feeds.of('namespaces');
  const services = feeds.of('services');
  const followed = [classes, gateways, httpRoutes, grpcRoutes, grants, namespaces];

  const own = (): readonly Gateway[] =>
    ownGateways(gateways.items.values(), (name) => classes.items.get(name));

  function routesByParent(): ReadonlyMap<string, readonly Route[]> {
    const found = new Map<string, Route[]>();
    for (const feed of [httpRoutes, grpcRoutes])
      for (const route of feed.items.values())
        for (const key of routeParents(route)) found.set(key, [...(found.get(key) ?? []), route]);
    return found;
  }

  return {
    get isSynced() {
      return followed.every(({ isSynced }) => isSynced);
    },
    onChange(listener) {
      for (const feed of followed) feed.onChange(listener);
    },
    own,
    routes: () => [...httpRoutes.items.values(), ...grpcRoutes.items.values()],
    secrets: () => own().flatMap(secretsOfGateway),
    resolve(secret) {
      const all = own();
      if (all.length === 0) return [];
      const routes = routesByParent();
      const surroundings = {
        rivals: judgeRivals(all),
        grants: [...grants.items.values()],
        labelsOf: (name: string) => namespaces.items.get(name)?.metadata.labels ?? {},
        hasPort: (namespace: string, name: string, port: number) =>
          services.items.get(objectKey(namespace, name))?.spec.ports?.some((one) => one.port === port),
        certificateTrouble(namespace: string, name: string) {
          const found = secret(objectKey(namespace, name));
          if (found === undefined) return 'it was not read yet';
          const pair = readPair(found);
          return pair.leaf ? undefined : pair.problem;
        },
        supportsFilter,
      };
      return all.map((gateway) => resolveGateway(gateway, routes.get(keyOf(gateway)) ?? [], surroundings));
    },
  };
}
