/** Builders of Gateways and routes, and what the proxy is to do with them. */
import { planGateways } from '../../src/network/gateway/plan-gateways.ts';
import type { SecretView } from '../../src/network/ingress/plan-certificates.ts';
import type { ProxyPorts } from '../../src/network/ingress/proxy-model.ts';
import { resolveGateway } from '../../src/schemas/gateway/resolve-gateway.ts';
import { judgeRivals } from '../../src/schemas/gateway/rival-listeners.ts';
import { supportsFilter } from '../../src/schemas/gateway/gateway-classes.ts';
import type { Gateway, GatewayListener, Route, RouteRule } from '../../src/schemas/gateway/types.ts';
import type { EndpointSlice, Service } from '../../src/schemas/types.ts';

const API = 'gateway.networking.k8s.io/v1';

/** `age`: how many seconds older than others. */
export const aGateway = (name: string, listeners: readonly GatewayListener[], age = 0): Gateway => ({
  apiVersion: API,
  kind: 'Gateway',
  metadata: {
    name,
    namespace: 'default',
    uid: `gateway-${name}`,
    generation: 1,
    creationTimestamp: new Date(1e12 - age * 1000).toISOString(),
  },
  spec: { gatewayClassName: 'symphony', listeners },
});

export interface RouteShape {
  readonly kind?: 'HTTPRoute' | 'GRPCRoute';
  readonly name?: string;
  readonly gateway?: string;
  readonly listener?: string;
  readonly age?: number;
  readonly hostnames?: readonly string[];
}

export const aRoute = (shape: RouteShape, ...rules: readonly RouteRule[]): Route => ({
  apiVersion: API,
  kind: shape.kind ?? 'HTTPRoute',
  metadata: {
    name: shape.name ?? 'web',
    namespace: 'default',
    generation: 1,
    creationTimestamp: new Date(1e12 - (shape.age ?? 0) * 1000).toISOString(),
  },
  spec: {
    parentRefs: [{ name: shape.gateway ?? 'g', ...(shape.listener ? { sectionName: shape.listener } : {}) }],
    ...(shape.hostnames ? { hostnames: shape.hostnames } : {}),
    rules,
  },
});

export interface GatewayWorld {
  readonly gateways: readonly Gateway[];
  readonly routes: readonly Route[];
  readonly services?: readonly Service[];
  readonly slices?: readonly EndpointSlice[];
  readonly secrets?: ReadonlyMap<string, SecretView>;
  readonly ports?: ProxyPorts;
}

export function gatewaysPlan(world: GatewayWorld) {
  const { gateways, routes, services = [], slices = [], secrets = new Map<string, SecretView>() } = world;
  const byName = new Map(services.map((service) => [`default/${service.metadata.name}`, service]));
  const surroundings = {
    rivals: judgeRivals(gateways),
    grants: [],
    labelsOf: () => ({}),
    hasPort: (namespace: string, name: string, port: number) =>
      byName.get(`${namespace}/${name}`)?.spec.ports?.some((one) => one.port === port),
    certificateTrouble: (namespace: string, name: string) =>
      secrets.has(`${namespace}/${name}`) ? undefined : 'it does not exist',
    supportsFilter,
  };
  return planGateways({
    gateways: gateways.map((gateway) => resolveGateway(gateway, routes, surroundings)),
    services: byName,
    slicesOf: () => slices,
    secret: (key) => secrets.get(key),
    clusterDomain: 'cluster.local',
    ports: world.ports ?? { httpPort: 80, httpsPort: 443 },
  });
}
