/** The answers of health checks, as kube-proxy gives them. Pure. */
import type { EndpointSlice, Node, Service } from '../../schemas/types.ts';
import { type ProxyHost, selectEndpoints } from './select-endpoints.ts';

/** A balancer outside asks here whether this host has endpoints of the Service. */
export interface HealthCheck {
  readonly port: number;
  readonly namespace: string;
  readonly name: string;
  readonly localEndpoints: number;
}

export interface HealthAnswer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Undefined for a Service that no balancer asks about. */
export function healthCheckOf(
  service: Service,
  slices: readonly EndpointSlice[],
  host: ProxyHost,
): HealthCheck | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort: port, ports = [] } = service.spec;
  if (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local' || !port) return undefined;
  const ready = ports.flatMap((one) => selectEndpoints(one, slices, 'IPv4', host).ready);
  const { namespace = '', name } = service.metadata;
  const local = new Set(ready.filter(({ isLocal }) => isLocal).map(({ address }) => address));
  return { port, namespace, name, localEndpoints: local.size };
}

export function answerHealthCheck(check: HealthCheck, isHealthy: boolean): HealthAnswer {
  const { namespace, name, localEndpoints } = check;
  return {
    code: localEndpoints > 0 && isHealthy ? 200 : 503,
    headers: { ...JSON_HEADERS, 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) },
    body: `{
	"service": {
		"namespace": ${JSON.stringify(namespace)},
		"name": ${JSON.stringify(name)}
	},
	"localEndpoints": ${localEndpoints},
	"serviceProxyHealthy": ${isHealthy}
}`,
  };
}

const JSON_HEADERS = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' };

/** The cluster autoscaler marks nodes that it is about to remove. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** Balancers should use the node: nobody removes it. */
export const isEligible = ({ metadata, spec }: Node): boolean =>
  metadata.deletionTimestamp === undefined && !(spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED);

export interface ProxyHealth {
  readonly isHealthy: boolean;
  readonly isEligible: boolean;
  readonly lastUpdated: string;
  readonly currentTime: string;
}

/** `/healthz` counts the node in, `/livez` the proxy alone. */
export function answerProxyHealth(path: string, health: ProxyHealth): HealthAnswer | undefined {
  const { isHealthy, lastUpdated, currentTime } = health;
  const times = `{"lastUpdated": "${lastUpdated}","currentTime": "${currentTime}"`;
  if (path === '/livez') return { code: isHealthy ? 200 : 503, headers: JSON_HEADERS, body: `${times}}` };
  if (path !== '/healthz') return undefined;
  return {
    code: isHealthy && health.isEligible ? 200 : 503,
    headers: JSON_HEADERS,
    body: `${times}, "nodeEligible": ${health.isEligible}}`,
  };
}
