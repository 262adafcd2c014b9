/** GatewayClasses: ours, which every cluster begins with, and what it can do. Pure. */
import { asRecord } from '../json-access.ts';
import { GROUP } from '../kinds/gateway-api/parts.ts';
import type { KubeObject } from '../object.ts';
import type { Gateway } from './types.ts';

/** The controller that GatewayClasses name. */
export const GATEWAY_CONTROLLER = 'symphony.dev/gateway';

/** The class that every cluster begins with. */
export const symphonyGatewayClass: KubeObject = {
  apiVersion: `${GROUP}/v1`,
  kind: 'GatewayClass',
  metadata: { name: 'symphony' },
  spec: { controllerName: GATEWAY_CONTROLLER, description: 'Served by Caddy on the nodes of the cluster' },
};

export const isOwnClass = (gatewayClass: KubeObject | undefined): boolean =>
  asRecord(gatewayClass?.['spec'])['controllerName'] === GATEWAY_CONTROLLER;

/** Those of our classes that are not about to go. */
export const ownGateways = (
  gateways: Iterable<Gateway>,
  classOf: (name: string) => KubeObject | undefined,
): readonly Gateway[] =>
  [...gateways].filter(
    ({ metadata, spec }) =>
      metadata.deletionTimestamp === undefined && isOwnClass(classOf(spec.gatewayClassName)),
  );

/** Filters that nodes carry out. */
const FILTERS: ReadonlySet<string> = new Set([
  'CORS',
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
]);
export const supportsFilter = (type: string): boolean => FILTERS.has(type);

/** The names of the API's own list of features, sorted as the API asks for it. */
export const GATEWAY_FEATURES: readonly string[] = [
  'GRPCRoute',
  'GRPCRouteNamedRouteRule',
  'GRPCRouteRequestHeaderModifier',
  'Gateway',
  'GatewayAddressEmpty',
  'GatewayHTTPListenerIsolation',
  'GatewayPort8080',
  'HTTPRoute',
  'HTTPRoute303RedirectStatusCode',
  'HTTPRoute307RedirectStatusCode',
  'HTTPRoute308RedirectStatusCode',
  'HTTPRouteBackendProtocolH2C',
  'HTTPRouteBackendProtocolWebSocket',
  'HTTPRouteBackendRequestHeaderModification',
  'HTTPRouteBackendRequestRedirect',
  'HTTPRouteBackendTimeout',
  'HTTPRouteBackendURLRewrite',
  'HTTPRouteCORS',
  'HTTPRouteHostRewrite',
  'HTTPRouteMethodMatching',
  'HTTPRouteNamedRouteRule',
  'HTTPRouteParentRefPort',
  'HTTPRoutePathRedirect',
  'HTTPRoutePathRewrite',
  'HTTPRoutePortRedirect',
  'HTTPRouteQueryParamMatching',
  'HTTPRouteRequestTimeout',
  'HTTPRouteResponseHeaderModification',
  'HTTPRouteSchemeRedirect',
  'ReferenceGrant',
];
